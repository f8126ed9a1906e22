"""How high a series' own history drives the statistic: from its excursions to a fitted tail.

Pure. News comes in waves, so that high excursions are commoner than independent arrivals would
make them; how much so is read off the history with the very runs that serve live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.surge.baseline import Baseline, Counts
from monitor.surge.prior import TailCurve
from monitor.surge.ratios import IDEAL, rate_period, share_period
from monitor.surge.runs import Channel, Run, advance, pause

FACTORS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""The designed factors that tails are fitted for."""
KEYS = tuple((channel, factor) for channel in Channel for factor in FACTORS)
Key = tuple[Channel, float]

_LEAST_HOURS, _LEAST_STORIES = 72.0, 20.0
"""Excursions count from a height that the ideal tail reaches once in three days, or in twenty
expected stories where those take longer."""
_CUT = 100.0
"""They are cut at the height that it reaches a hundred times as seldom."""
_WORTH = 10.0
"""How many excursions what is believed beforehand of a tail is worth."""
_HIGHEST = 60.0


@dataclass(slots=True)
class Excursions:
    """Of one factor on one channel: how many, how many by the ideal tail, and how high above.

    `ended` are those that came down before the cut; `excess` is the sum of their heights above
    the threshold, up to the cut.
    """

    expected: float = 0.0
    count: int = 0
    ended: int = 0
    excess: float = 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A tail: its slope, and how many times as often as by the ideal the threshold is passed."""

    slope: float = 1.0
    often: float = 1.0


def fit_shape(seen: Excursions, believed: Shape) -> Shape:
    """The tail that the excursions speak for, drawn to what is believed beforehand.

    Maximum likelihood of an exponential excess, those that were cut counted as such (Davison &
    Smith, Models for exceedances over high thresholds, JRSS B 52, 1990).
    """
    slope = (seen.ended + _WORTH) / (seen.excess + _WORTH / believed.slope)
    often = (seen.count + _WORTH * believed.often) / (seen.expected + _WORTH)
    return Shape(min(1.0, slope), often)


def tail_curve(channel: Channel, shapes: Mapping[Key, Shape], baseline: Baseline) -> TailCurve:
    """The tails of a channel as a prior holds them, for a series with that baseline."""
    fitted = [shapes[channel, factor] for factor in FACTORS]
    scales = [
        _scale(Run(channel, factor, IDEAL), shape, baseline)
        for factor, shape in zip(FACTORS, fitted, strict=True)
    ]
    slopes = tuple(round(shape.slope, 3) for shape in fitted)
    return TailCurve(FACTORS, slopes, tuple(round(scale, 3) for scale in scales))


def _scale(run: Run, shape: Shape, baseline: Baseline) -> float:
    """What makes a tail of that slope pass the threshold as often as seen."""
    threshold = _threshold_hours(baseline)
    height = _height(run, threshold, baseline)
    sloped = _hours(run, shape.slope * height, baseline)
    return threshold / shape.often / sloped


class Walk:
    """Walks a series' history with its baseline and runs, and collects their excursions."""

    def __init__(self, baseline: Baseline, window: int) -> None:
        self.baseline = baseline
        self.excursions = {key: Excursions() for key in KEYS}
        self._window = window
        self._runs = [Run(channel, factor, IDEAL) for channel, factor in KEYS]
        self._peaks = [0.0] * len(KEYS)
        self._waiting: list[Counts] = []

    def go(
        self, counts: Sequence[Counts], first: int, last: int, excluded: Callable[[int], bool]
    ) -> None:
        """Walk the panes from `first` to `last`.

        Args:
            counts: what they held, in order, for those that held a story.
            first: the first pane.
            last: the last pane.
            excluded: tells of a pane that it is no usual time: it is learnt, as it is live
                once a surge has ended, but its excursions don't count.
        """
        through = first - 1
        for one in counts:
            if excluded(one.pane):
                self._forget_runs()
                self._teach([*self._waiting, one], one.pane, counted=False)
                self._waiting = []
            else:
                self._step(one, through)
            through = one.pane
        pause(self._runs, through, last, self.baseline)
        self._teach(self._waiting, last, counted=not excluded(last))

    def _step(self, one: Counts, through: int) -> None:
        before = [run.onset if run.negative else None for run in self._runs]
        advance(self._runs, through, one, self._window, self.baseline)
        for index, (run, onset) in enumerate(zip(self._runs, before, strict=True)):
            if self._peaks[index] and (not run.negative or run.onset != onset):
                self._end(index, cut=False)
            if one.negative and run.negative:
                self._rise(index, run)
        self._waiting.append(one)
        held = min((run.onset for run in self._runs if run.negative), default=one.pane + 1)
        ready = [each for each in self._waiting if each.pane < held]
        self._waiting = self._waiting[len(ready) :]
        self._teach(ready, held - 1, counted=True)

    def _rise(self, index: int, run: Run) -> None:
        self._peaks[index] = max(self._peaks[index], run.height(self.baseline))
        cut = _CUT * _threshold_hours(self.baseline)
        if _hours(run, self._peaks[index], self.baseline) >= cut:
            self._end(index, cut=True)
            run.reset()

    def _end(self, index: int, cut: bool) -> None:
        peak, self._peaks[index] = self._peaks[index], 0.0
        run, threshold = self._runs[index], _threshold_hours(self.baseline)
        if _hours(run, peak, self.baseline) < threshold:
            return
        seen = self.excursions[KEYS[index]]
        seen.count += 1
        seen.ended += not cut
        seen.excess += peak - _height(run, threshold, self.baseline)

    def _forget_runs(self) -> None:
        for run in self._runs:
            run.reset()
        self._peaks = [0.0] * len(KEYS)

    def _teach(self, counts: list[Counts], through: int, counted: bool) -> None:
        base = self.baseline
        if counted and base.through is not None and through > base.through:
            hours = base.expected(base.through + 1, through) / base.rate
            for seen in self.excursions.values():
                seen.expected += hours / _threshold_hours(base)
        base.teach(counts, through)


def _threshold_hours(baseline: Baseline) -> float:
    return max(_LEAST_HOURS, _LEAST_STORIES / baseline.rate)


def _hours(run: Run, height: float, baseline: Baseline) -> float:
    """The return period of a height by the ideal tail, in hours of the mean week."""
    if run.channel is Channel.VOLUME:
        return rate_period(height, run.factor) / baseline.rate
    share = baseline.share
    return share_period(height, share, run.factor) * share / baseline.rate


def _height(run: Run, hours: float, baseline: Baseline) -> float:
    """The height that has such a return period."""
    low, high = 0.0, _HIGHEST
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if _hours(run, middle, baseline) < hours else (low, middle)
    return high
