"""Whether negative news on one series surges, pane by pane, for one rule.

Pure. Owns the runs of a rule on a series and the way back to calm; the baseline that they are
held against belongs to the track, and what becomes of an alert to the life cycle.

A rule looks for several rises at once: `factor` times the usual, and its multiples `STEPS`, on
volume, on share, or on both. Each has its run. A run's height is turned into the time after
which chance alone brings one as high (`monitor.surge.ratios`), and the rule is met when the mean
of these times over all its runs reaches the tolerated time between false alarms. The mean holds
the promise for all of them together: runs that rise together count once, and of runs that rise
apart each is left its part of the tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from monitor.surge.baseline import Baseline, Counts
from monitor.surge.prior import SeriesPrior
from monitor.surge.ratios import raised_share
from monitor.surge.rules import SurgeRule
from monitor.surge.runs import Channel, Run, advance, pause
from monitor.surge.week import HOUR

STEPS = (1.0, 2.0, 4.0)
EXIT_ODDS = 10.0
"""A surge has ended once its latest news are so many times likelier usual than risen."""

OLD_NORMAL = 0.1
"""What the older past weighs against an episode that has become the normal."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a rule stands: `hours` is the return period of what builds up since pane `onset`."""

    met: bool
    hours: float = 0.0
    onset: int = 0


NOTHING = Finding(met=False)


@dataclass(slots=True)
class Episode:
    """A surge that fires: since pane `onset`; the CUSUMs of calm after pane `through`.

    `normal` tells that it has outlasted `max_episode` and become the normal.
    """

    onset: int
    through: int
    calm_volume: float = 0.0
    calm_share: float = 0.0
    normal: bool = False


@dataclass(slots=True)
class _Ahead:
    """The runs just before the newest pane.

    With fewer than `trip` negative stories in that pane the rule is known not to be met. It is
    reckoned when the pane is looked at for a second time: most panes are looked at once.
    """

    head: int
    revision: int
    runs: list[Run]
    through: int
    trip: int = 0


class Detector:
    """Detects surges of one series for one rule.

    Args:
        rule: the rule.
        belief: the prior of the series, which has the tails.
        tolerated: milliseconds tolerated between false alarms on this series.
        slide: the length of a pane in milliseconds.
    """

    def __init__(self, rule: SurgeRule, belief: SeriesPrior, tolerated: int, slide: int) -> None:
        self._rule = rule
        self._tolerated_hours = tolerated / HOUR
        self._window = rule.window // slide
        self.runs = [
            Run(channel, factor, curve.at(factor))
            for channel, curve in (
                (Channel.VOLUME, belief.volume_tails),
                (Channel.SHARE, belief.share_tails),
            )
            if rule.on in (channel.value, "either", "both")
            for factor in (rule.factor * step for step in STEPS)
        ]
        self._longest_episode = rule.max_episode // slide
        self.through = 0
        self.episode: Episode | None = None
        self._ahead: _Ahead | None = None

    @property
    def onset(self) -> int | None:
        """The pane in which what fires, or may come to fire, began; or None."""
        if self.episode is not None:
            return self.episode.onset
        return min((run.onset for run in self.runs if run.negative), default=None)

    def holds_back(self, baseline: Baseline) -> int | None:
        """The first pane that should not teach yet, as a surge may have begun there; or None.

        A series that is warming up learns from whatever does not fire.
        """
        if self.episode is not None:
            return None if self.episode.normal else self.episode.onset
        return self.onset if baseline.trusted else None

    @property
    def in_episode(self) -> bool:
        """Whether a surge fires."""
        return self.episode is not None

    def settle(self, closed: Sequence[Counts], through: int, baseline: Baseline) -> None:
        """Take the panes that have closed, up to `through`; those not given held nothing."""
        self._ahead = None
        for counts in closed:
            self._step(counts, baseline)
        if self.episode is not None:
            self._calm_down(Counts(through, 0, 0), self.episode, baseline)
            self._outlast(self.episode, through, baseline)
        elif through > self.through:
            self._pause(through, baseline)
        self.through = max(self.through, through)

    def find(
        self,
        newest: Counts,
        before: Callable[[], Iterable[Counts]],
        revision: int,
        baseline: Baseline,
    ) -> Finding:
        """Where the rule stands, counting open panes too.

        Args:
            newest: the newest pane.
            before: gives the open panes before it that hold something, in order.
            revision: changes whenever one of those does.
            baseline: what is usual.
        """
        ahead = self._ahead
        if ahead is None or ahead.head != newest.pane or ahead.revision != revision:
            self._ahead = ahead = self._look_ahead(newest.pane, before(), revision, baseline)
        elif newest.negative >= ahead.trip and self._rule.on == "volume":
            self._raise_trip(ahead, newest, baseline)
        if newest.negative < ahead.trip:
            return NOTHING
        return self._judge(ahead, newest, baseline)

    def fire(self, onset: int, head: int) -> None:
        """A surge that began in pane `onset` fires, counting panes up to `head`."""
        self.episode = Episode(onset, max(head, self.through))

    def end(self, last: int) -> None:
        """The surge has ended; what lies in panes up to `last` belongs to it."""
        self.episode = self._ahead = None
        self.through = max(self.through, last)
        for run in self.runs:
            run.reset()

    def is_calm(self, open_panes: Iterable[Counts], last: int, baseline: Baseline) -> bool:
        """Whether a surge that fires has ended by pane `last`.

        That is a CUSUM too, of the usual against `factor` times it, on each channel that the
        rule looks at, which must come to the logarithm of `EXIT_ODDS`: on both of them for a
        rule that either can meet, on one for a rule that needs both.
        """
        if self.episode is None:
            return True
        now = replace(self.episode)
        for counts in open_panes:
            if now.through < counts.pane <= last:
                self._calm_down(counts, now, baseline)
        self._calm_down(Counts(last, 0, 0), now, baseline)
        calm = {
            "volume": now.calm_volume,
            "share": now.calm_share,
            "either": min(now.calm_volume, now.calm_share),
            "both": max(now.calm_volume, now.calm_share),
        }
        return calm[self._rule.on] >= math.log(EXIT_ODDS)

    def _step(self, counts: Counts, baseline: Baseline) -> None:
        if self.episode is not None:
            self._calm_down(counts, self.episode, baseline)
        elif counts.pane > self.through:
            advance(self.runs, self.through, counts, self._window, baseline)
            self.through = counts.pane

    def _pause(self, through: int, baseline: Baseline) -> None:
        for run in self.runs:
            if run.negative and run.onset <= through - self._window:
                run.reset()
        if any(run.negative for run in self.runs):
            pause(self.runs, self.through, through, baseline)

    def _outlast(self, episode: Episode, through: int, baseline: Baseline) -> None:
        """An episode that lasts is the normal: it is taught, and outweighs what was before."""
        if not episode.normal and through - episode.onset >= self._longest_episode:
            episode.normal = True
            baseline.make_normal(OLD_NORMAL * self._rule.max_episode / HOUR)

    def _calm_down(self, counts: Counts, episode: Episode, baseline: Baseline) -> None:
        if counts.pane <= episode.through:
            return
        expected = baseline.expected(episode.through + 1, counts.pane)
        negative, factor = counts.negative, self._rule.factor
        change = (factor - 1) * expected - negative * math.log(factor)
        episode.calm_volume = max(0.0, episode.calm_volume + change)
        usual, risen = baseline.share, raised_share(baseline.share, factor)
        calmer = (counts.stories - negative) * math.log((1 - usual) / (1 - risen))
        change = calmer - negative * math.log(risen / usual)
        episode.calm_share = max(0.0, episode.calm_share + change)
        episode.through = counts.pane

    def _look_ahead(
        self, head: int, before: Iterable[Counts], revision: int, baseline: Baseline
    ) -> _Ahead:
        runs, through = [run.copy() for run in self.runs], self.through
        for counts in before:
            if counts.pane > through:
                advance(runs, through, counts, self._window, baseline)
                through = counts.pane
        return _Ahead(head, revision, runs, through)

    def _judge(self, ahead: _Ahead, newest: Counts, baseline: Baseline) -> Finding:
        """The full statistic, with what the newest pane holds."""
        if not baseline.speaks:
            return NOTHING
        runs = [run.copy() for run in ahead.runs]
        if newest.pane > ahead.through:
            advance(runs, ahead.through, newest, self._window, baseline)
        # A run that the gates rule out lends its strength to no other; any that passes them may
        # lead, so that a further story never undoes a surge.
        hours = [
            (run.hours(baseline) if self._is_enough(run, baseline) else 0.0, run) for run in runs
        ]
        strength = self._combine(hours)
        onset = max(hours, key=lambda one: one[0])[1].onset
        return Finding(strength >= self._tolerated_hours, strength, onset)

    def _is_enough(self, run: Run, baseline: Baseline) -> bool:
        """Whether a run passes the gates on support and on the rise itself."""
        rule = self._rule
        return run.negative >= rule.min_support and run.risen(baseline) >= rule.least_factor

    def _combine(self, hours: list[tuple[float, Run]]) -> float:
        """The rule's return period over all its runs."""
        if self._rule.on != "both":
            return fmean(period for period, _ in hours)
        return min(
            fmean(period for period, run in hours if run.channel is channel) for channel in Channel
        )

    def _raise_trip(self, ahead: _Ahead, newest: Counts, baseline: Baseline) -> None:
        """Raise the trip level if the rule would not be met by twice as many negative stories.

        On volume it is met by any number of them above one that meets it.
        """
        twice = 2 * newest.negative
        counts = Counts(newest.pane, twice, max(twice, newest.stories))
        if not self._judge(ahead, counts, baseline).met:
            ahead.trip = twice


def settle(
    detectors: Iterable[Detector], closed: Sequence[Counts], through: int, baseline: Baseline
) -> int:
    """Let all detectors of a track take the panes that have closed, up to `through`.

    Returns the last pane that may be taught now: what may be part of a surge waits.
    """
    teach = through
    for detector in detectors:
        detector.settle(closed, through, baseline)
        held = detector.holds_back(baseline)
        if held is not None:
            teach = min(teach, held - 1)
    return teach
