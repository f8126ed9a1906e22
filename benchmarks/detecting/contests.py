"""Each detector on one series: its level for the requested false alarms, and its delays.

Owns the tuning of the peers and of the oracle and the trials; what they compute is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.detecting.episodes import DAY, episodes
from benchmarks.detecting.injection import Rise
from benchmarks.detecting.oracle import oracle_alarms
from benchmarks.detecting.peers import STEP, Peer
from benchmarks.detecting.series import BEGIN, CALENDAR, TIMEZONE, Wire
from benchmarks.detecting.spans import FIRST, LAST, TUNED, calm, pane
from monitor.surge.week import HOURS_OF_WEEK, week

LEAD = 35 * DAY
"""What of the days before a rise a peer is shown."""
_RECENT = DAY
_TUNING_STEPS = 25
_MOST_IN_ALARM = 0.25
"""The share of calm time in alarm from which a level is of no use to anyone."""
Values = NDArray[np.float64]
Alarms = Callable[[float], Sequence[int] | NDArray[np.int64]]


@dataclass
class Trials:
    """Delays of one detector at one rise, in hours; a miss is infinite, a dropped start absent."""

    delays: list[float] = field(default_factory=list)
    dropped: int = 0

    @property
    def median(self) -> float:
        """The median delay in hours."""
        return float(np.median(self.delays)) if self.delays else float("nan")

    def take(self, alarms: Sequence[int] | NDArray[np.int64], start: int) -> None:
        """Take the panes of all alarms around a rise that began at `start`."""
        panes = np.asarray(alarms)
        if ((panes < start) & (panes >= start - _RECENT)).any():
            self.dropped += 1
            return
        after = panes[panes >= start]
        self.delays.append((int(after[0]) - start) / 60 if len(after) else float("inf"))


class Arena:
    """One series, with its rhythm and its calm days."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.calm = calm(wire.name, FIRST, LAST)
        self._split = pane(TUNED) - BEGIN
        own_week = week(TIMEZONE, CALENDAR)
        first_hour = (BEGIN - 1) // 60
        hours = (len(wire.negative) + 59) // 60
        self.hour_of_week = np.array([own_week.hour_of(first_hour + h) for h in range(hours)])
        tuned = self.calm.copy()
        tuned[self._split :] = False
        self.profile = self._rhythm(tuned)

    def _rhythm(self, mask: NDArray[np.bool_]) -> Values:
        """The mean rate of each hour of the series' span, relative to the mean of the week."""
        of_pane = np.repeat(self.hour_of_week, 60)[: len(mask)][mask]
        seen = np.bincount(of_pane, weights=self.wire.negative[mask], minlength=HOURS_OF_WEEK)
        shown = np.bincount(of_pane, minlength=HOURS_OF_WEEK)
        rate = (seen + 10 * seen.sum() / shown.sum()) / (shown + 10)
        around = np.concatenate((rate[-1:], rate, rate[:1]))
        smooth = around[:-2] / 4 + rate / 2 + around[2:] / 4
        result: Values = (smooth / smooth.mean())[self.hour_of_week]
        return result

    def truth(self) -> Values:
        """The rate of each pane as one who knows the whole span would put it."""
        flat = np.repeat(self._rhythm(self.calm), 60)[: len(self.calm)]
        kernel = 28 * DAY
        seen = np.cumsum(np.where(self.calm, self.wire.negative, 0.0))
        shown = np.cumsum(np.where(self.calm, flat, 0.0))
        ends = np.minimum(np.arange(len(flat)) + kernel // 2, len(flat) - 1)
        starts = np.maximum(np.arange(len(flat)) - kernel // 2, 0)
        level = (seen[ends] - seen[starts] + 1) / (shown[ends] - shown[starts] + 1 / flat.mean())
        result: Values = np.maximum(level, seen[-1] / shown[-1] / 10) * flat
        return result

    def false_alarms(self, alarms: Sequence[int] | NDArray[np.int64], tested: bool) -> float:
        """False alarms a day on the calm days of the tested or the tuning span."""
        begin, end = (self._split, len(self.calm)) if tested else (0, self._split)
        first = [p - BEGIN for p in episodes(alarms)]
        false = sum(begin <= p < end and bool(self.calm[p]) for p in first)
        return float(false / (self.calm[begin:end].sum() / DAY))

    def tune(
        self,
        alarms: Callable[[float], Sequence[int] | NDArray[np.int64]],
        wanted: float,
        tested: bool,
    ) -> float:
        """The lowest usable level whose false alarms are no more than `wanted` a day.

        A detector that hardly ever stops is one long episode, so counting episodes alone would
        find a level near zero; `_MOST_IN_ALARM` rules that out.
        """

        def too_low(level: float) -> bool:
            panes = alarms(level)
            often = self.false_alarms(panes, tested) > wanted
            return often or self.in_alarm(panes, tested) > _MOST_IN_ALARM

        low, high = 0.0, 1.0
        while too_low(high):
            low, high = high, high * 2
        for _ in range(_TUNING_STEPS):
            middle = (low + high) / 2
            if too_low(middle):
                low = middle
            else:
                high = middle
        return high

    def in_alarm(self, alarms: Sequence[int] | NDArray[np.int64], tested: bool) -> float:
        """The share of the calm time of the tested or the tuning span that lies in episodes."""
        begin, end = (self._split, len(self.calm)) if tested else (0, self._split)
        at = np.asarray(alarms, dtype=np.int64) - BEGIN
        at = at[(at >= begin) & (at < end)]
        at = at[self.calm[at]]
        gaps = np.minimum(np.diff(at, append=end), DAY)
        return float(gaps.sum() / self.calm[begin:end].sum())


def steps(negative: NDArray[np.int64]) -> Values:
    """Counts by steps of `STEP` panes."""
    whole = len(negative) // STEP * STEP
    result: Values = negative[:whole].reshape(-1, STEP).sum(axis=1).astype(np.float64)
    return result


class PeerContest:
    """A peer on one series."""

    def __init__(self, peer: Peer, arena: Arena) -> None:
        self.peer = peer
        self._arena = arena
        self._profile = np.repeat(arena.profile, 60 // STEP)
        counts = steps(arena.wire.negative)
        self._whole = peer.statistic(counts, self._profile[: len(counts)])

    def alarms(self, level: float) -> NDArray[np.int64]:
        """The panes, over all years, at which it stands at the level or above."""
        above = np.flatnonzero(self._whole >= level)
        result: NDArray[np.int64] = BEGIN + (above + 1) * STEP - 1
        return result

    def with_rise(self, rise: Rise) -> Values:
        """Its statistic around a rise, from `LEAD` before it on."""
        first = rise.start - LEAD - BEGIN
        news = self._arena.wire.negative[first : first + LEAD + len(rise.added)].copy()
        news[LEAD:] += rise.added
        counts = steps(news)
        return self.peer.statistic(counts, self._profile[first // STEP :][: len(counts)])

    def trial(self, statistic: Values, rise: Rise, level: float, trials: Trials) -> None:
        """One rise at one level."""
        above = np.flatnonzero(statistic >= level)
        trials.take(rise.start - LEAD + (above + 1) * STEP - 1, rise.start)


class OracleContest:
    """The oracle on one series, designed for one rise."""

    def __init__(self, arena: Arena, factor: float, dispersion: float) -> None:
        self._arena = arena
        self._factor = factor
        self._dispersion = dispersion
        self._truth = arena.truth()

    def alarms(self, level: float) -> NDArray[np.int64]:
        """The panes of its alarms over all years."""
        negative = self._arena.wire.negative
        return BEGIN + oracle_alarms(negative, self._truth, self._factor, level, self._dispersion)

    def trial(self, rise: Rise, level: float, trials: Trials) -> None:
        """One rise at one level."""
        first = rise.start - LEAD - BEGIN
        part = slice(first, first + LEAD + len(rise.added))
        news = self._arena.wire.negative[part].copy()
        news[LEAD:] += rise.added
        alarms = oracle_alarms(news, self._truth[part], self._factor, level, self._dispersion)
        trials.take(rise.start - LEAD + alarms, rise.start)


def pane_dispersion(arena: Arena) -> float:
    """The excess variance of a pane over the square of its mean, by moments on the calm days."""
    mean = arena.truth()[arena.calm]
    seen = arena.wire.negative[arena.calm]
    return max(0.0, float(((seen - mean) ** 2 - mean).sum() / (mean**2).sum()))
