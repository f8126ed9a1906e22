"""Runs: stretches of panes that may be the beginning of a surge, one for each rise looked for.

Pure. A run is the CUSUM of one likelihood ratio, held as what it counted since it was last zero,
so that the pane in which a rise began, its stories and its strength can all be told from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from monitor.surge.baseline import Baseline, Counts
from monitor.surge.ratios import Tail, rate_period, rate_ratio, share_period, share_ratio


class Channel(Enum):
    """What may rise: how many negative stories there are, or their share of all stories."""

    VOLUME = "volume"
    SHARE = "share"


@dataclass(slots=True)
class Run:
    """One designed factor on one channel, from pane `onset` on; `negative` is 0 when idle."""

    channel: Channel
    factor: float
    tail: Tail
    onset: int = 0
    negative: float = 0
    stories: int = 0
    expected: float = 0.0

    def copy(self) -> Run:
        """A copy to look ahead with."""
        return Run(
            self.channel,
            self.factor,
            self.tail,
            self.onset,
            self.negative,
            self.stories,
            self.expected,
        )

    def reset(self) -> None:
        """Begin anew: nothing speaks for a rise."""
        self.negative = self.stories = 0
        self.expected = 0.0

    def wait(self, expected: float, baseline: Baseline) -> None:
        """Let panes without any story pass."""
        if self.negative and self.channel is Channel.VOLUME:
            self.expected += expected
            self._reset_at_zero(baseline)

    def take(self, counts: Counts, expected: float, baseline: Baseline) -> None:
        """Take what a pane held, and what had been expected of it."""
        if not self.negative:
            if not counts.negative:
                return
            self.onset = counts.pane
        is_share = self.channel is Channel.SHARE
        self.negative += counts.negative_stories if is_share else counts.negative
        self.stories += counts.stories
        self.expected += expected
        self._reset_at_zero(baseline)

    def hours(self, baseline: Baseline) -> float:
        """The return period of where the run stands, in hours of the mean week."""
        if not self.negative:
            return 0.0
        height = max(0.0, self._ratio(baseline))
        if self.channel is Channel.VOLUME:
            return rate_period(height, self.factor, self.tail) / baseline.rate
        stories = share_period(height, baseline.share, self.factor, self.tail)
        return stories * baseline.share / baseline.rate

    def risen(self, baseline: Baseline) -> float:
        """How many times the usual was seen: of the rate, or of the odds of a negative story."""
        if self.channel is Channel.VOLUME:
            return self.negative / self.expected if self.expected else math.inf
        calm, share = self.stories - self.negative, baseline.share
        return self.negative / calm * (1 - share) / share if calm else math.inf

    def height(self, baseline: Baseline) -> float:
        """The statistic itself."""
        return self._ratio(baseline) if self.negative else 0.0

    def _ratio(self, baseline: Baseline) -> float:
        if self.channel is Channel.VOLUME:
            return rate_ratio(self.negative, self.expected, baseline.rate_worth, self.factor)
        share, worth = baseline.share, baseline.share_worth
        return share_ratio(self.negative, self.stories, share, worth, self.factor)

    def _reset_at_zero(self, baseline: Baseline) -> None:
        if self._ratio(baseline) <= 0:
            self.reset()


def advance(runs: list[Run], through: int, counts: Counts, window: int, base: Baseline) -> None:
    """Bring runs from pane `through` to that of `counts`, and let them take it.

    A run that began `window` panes ago or longer begins anew.
    """
    for run in runs:
        if run.negative and run.onset <= counts.pane - window:
            run.reset()
    if any(run.negative for run in runs):
        pause(runs, through, counts.pane - 1, base)
    expected = base.expected(counts.pane, counts.pane)
    for run in runs:
        run.take(counts, expected, base)


def pause(runs: list[Run], through: int, last: int, baseline: Baseline) -> None:
    """Let the panes after `through`, up to `last`, pass without any story."""
    expected = baseline.expected(through + 1, last)
    for run in runs:
        run.wait(expected, baseline)
