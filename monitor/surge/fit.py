"""Fitting a prior on history: how busy each series is, the rhythm of the week, and its tails.

Pure: what the closed panes of each series held goes in, a prior comes out. It walks the history
with the baseline and the runs that serve live, so that a tail is that of the statistic itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.surge.baseline import DEFAULT_LEARNING, Baseline, Counts
from monitor.surge.prior import DAY_TYPES, FLAT, Prior, SeriesPrior, TailCurve
from monitor.surge.ratios import Tail, rate_period, share_period
from monitor.surge.runs import Channel, Run, advance, pause
from monitor.surge.week import HOUR, Week, week

FACTORS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""The designed factors that tails are fitted for."""
_DAY = 24.0
_THRESHOLD_HOURS = 3 * _DAY
_CUT_HOURS = 365 * _DAY
"""Excursions count from a return period of three days on, and are cut at one of a year."""
_IDEAL_EXCURSIONS = 10.0
"""How many excursions the ideal tail is worth against those of all series, and the tail of all
series against those of one."""
_LEAST_STORIES = 5.0
_RHYTHM_PRIOR_HOURS = 20.0
_WINDOW_HOURS = 7 * _DAY


@dataclass(frozen=True)
class History:
    """What the closed panes of one series held, from pane `first` to pane `last`.

    `counts` are those that held a story, in order. `excluded` are ranges of panes (both ends
    included, in order) that are no normal time and should not teach.
    """

    counts: Sequence[Counts]
    first: int
    last: int
    excluded: Sequence[tuple[int, int]] = ()

    def excludes(self, pane: int) -> bool:
        """Whether a pane is left out."""
        return any(first <= pane <= last for first, last in self.excluded)

    def stretches(self) -> list[tuple[int, int, list[Counts]]]:
        """The stretches between the exclusions: first and last pane, and what they held."""
        edges, begin = [], self.first
        for first, last in self.excluded:
            edges.append((begin, min(first - 1, self.last)))
            begin = max(begin, last + 1)
        edges.append((begin, self.last))
        return [
            (first, last, [one for one in self.counts if first <= one.pane <= last])
            for first, last in edges
            if first <= last
        ]


@dataclass(slots=True)
class _Excursions:
    """Of one factor: the heights above the threshold, and the exposure in the statistic's unit.

    `expected` is how many excursions the ideal tail has in that exposure.
    """

    expected: float = 0.0
    excess: float = 0.0
    count: int = 0
    ended: int = 0
    threshold: float = 0.0

    def add(self, other: _Excursions) -> None:
        self.expected += other.expected
        self.excess += other.excess
        self.count += other.count
        self.ended += other.ended


def fit_prior(
    histories: Mapping[str, History],
    slide: int,
    fitted_on: str,
    timezone: str = "UTC",
    calendar: str | None = None,
    worth_hours: float = 14 * _DAY,
) -> Prior:
    """Fit a prior on the histories of a deployment's series, by their names.

    Args:
        histories: what each series held.
        slide: the length of a pane in milliseconds.
        fitted_on: what the history is, in words.
        timezone: the time zone of the rhythm.
        calendar: whose holidays count as Sundays in it.
        worth_hours: how many hours of watching the rate of a series should be worth.
    """
    own_week = week(timezone, calendar)
    rhythm = _rhythm(list(histories.values()), slide, own_week)
    plain = Prior(fitted_on, FLAT.unknown, rhythm, timezone=timezone, calendar=calendar)
    walks = {
        name: _walk(history, slide, plain, own_week) for name, history in sorted(histories.items())
    }
    pooled = {key: _Excursions() for key in _KEYS}
    for walk in walks.values():
        for key in _KEYS:
            pooled[key].add(walk.excursions[key])
    everyone = {key: _ratios(pooled[key], 1.0, 1.0) for key in _KEYS}
    series = {
        name: _belief(walk, everyone, worth_hours)
        for name, walk in walks.items()
        if walk.baseline.rate_worth >= _LEAST_STORIES
    }
    unknown = SeriesPrior(
        rate=round(_median([walk.baseline.rate for walk in walks.values()]), 6),
        rate_hours=FLAT.unknown.rate_hours,
        share=round(_median([walk.baseline.share for walk in walks.values()]), 4),
        share_stories=FLAT.unknown.share_stories,
        volume_tails=_curve(Channel.VOLUME, everyone, None),
        share_tails=_curve(Channel.SHARE, everyone, None),
    )
    return Prior(fitted_on, unknown, rhythm, series, timezone, calendar)


_KEYS = [(channel, factor) for channel in Channel for factor in FACTORS]
_Key = tuple[Channel, float]


@dataclass
class _Walk:
    """One series' history, walked with its baseline: where it ended, and its excursions."""

    baseline: Baseline
    excursions: dict[_Key, _Excursions] = field(
        default_factory=lambda: {key: _Excursions() for key in _KEYS}
    )


def _walk(history: History, slide: int, prior: Prior, own_week: Week) -> _Walk:
    stretches = history.stretches()
    hours = sum(last - first + 1 for first, last, _ in stretches) * slide / HOUR
    negative = sum(one.negative for _, _, counts in stretches for one in counts)
    stories = sum(one.stories for _, _, counts in stretches for one in counts)
    start = SeriesPrior(
        rate=(negative + 0.5) / (hours + 1),
        rate_hours=7 * _DAY,
        share=(negative + 0.5) / (stories + 2),
        share_stories=50,
    )
    walk = _Walk(Baseline(start, prior, own_week, slide, DEFAULT_LEARNING))
    for first, last, counts in stretches:
        walk.baseline.skip(first - 1)
        _walk_stretch(walk, first, last, counts, round(_WINDOW_HOURS * HOUR / slide))
    return walk


def _walk_stretch(walk: _Walk, first: int, last: int, counts: list[Counts], window: int) -> None:
    base, runs = walk.baseline, [Run(channel, factor, Tail()) for channel, factor in _KEYS]
    peaks = dict.fromkeys(range(len(runs)), 0.0)
    through, waiting = first - 1, []
    for one in counts:
        before = [run.onset if run.negative else None for run in runs]
        advance(runs, through, one, window, base)
        through = one.pane
        for index, run in enumerate(runs):
            if peaks[index] and before[index] is not None and not _goes_on(run, before[index]):
                _record(walk, run, peaks[index], cut=False)
                peaks[index] = 0.0
            if one.negative:
                peaks[index] = max(peaks[index], run.height(base))
            if peaks[index] and _beyond_cut(run, peaks[index], base):
                _record(walk, run, peaks[index], cut=True)
                peaks[index] = 0.0
                run.reset()
        waiting.append(one)
        held = min((run.onset for run in runs if run.negative), default=one.pane + 1)
        ready = [each for each in waiting if each.pane < held]
        waiting = waiting[len(ready) :]
        _expose(walk, base.through or first - 1, held - 1)
        base.teach(ready, held - 1)
    pause(runs, through, last, base)
    _expose(walk, base.through or first - 1, last)
    base.teach(waiting, last)


def _goes_on(run: Run, onset: int | None) -> bool:
    return bool(run.negative) and run.onset == onset


def _expose(walk: _Walk, after: int, through: int) -> None:
    """Count the excursions that the ideal tail would have had meanwhile."""
    expected = walk.baseline.expected(after + 1, through)
    hours = expected / walk.baseline.rate
    for key in _KEYS:
        walk.excursions[key].expected += hours / _threshold_hours(walk.baseline)


def _threshold_hours(base: Baseline) -> float:
    return max(_THRESHOLD_HOURS, 20 / base.rate)


def _beyond_cut(run: Run, height: float, base: Baseline) -> bool:
    return _ideal_hours(run.channel, run.factor, height, base) >= max(
        _CUT_HOURS, 100 * _threshold_hours(base)
    )


def _ideal_hours(channel: Channel, factor: float, height: float, base: Baseline) -> float:
    if channel is Channel.VOLUME:
        return rate_period(height, factor) / base.rate
    return share_period(height, base.share, factor) * base.share / base.rate


def _record(walk: _Walk, run: Run, peak: float, cut: bool) -> None:
    base, threshold = walk.baseline, _threshold_hours(walk.baseline)
    if _ideal_hours(run.channel, run.factor, peak, base) < threshold:
        return
    excursions = walk.excursions[run.channel, run.factor]
    excursions.count += 1
    excursions.ended += not cut
    excursions.excess += peak - _height_of(run.channel, run.factor, threshold, base)


def _height_of(channel: Channel, factor: float, hours: float, base: Baseline) -> float:
    """The height at which the ideal return period is so many hours."""
    low, high = 0.0, 60.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        if _ideal_hours(channel, factor, middle, base) < hours:
            low = middle
        else:
            high = middle
    return high


def _ratios(excursions: _Excursions, slope: float, often: float) -> tuple[float, float]:
    """The slope of the tail, and how many times as often as ideal the threshold is passed.

    Maximum likelihood of an exponential excess with those cut at the top counted as such
    (Davison & Smith, Models for exceedances over high thresholds, JRSS B 52, 1990), with
    `_IDEAL_EXCURSIONS` of the given slope and frequency added.
    """
    worth = _IDEAL_EXCURSIONS
    fitted = (excursions.ended + worth) / (excursions.excess + worth / slope)
    frequency = (excursions.count + worth * often) / (excursions.expected + worth)
    return min(1.0, fitted), frequency


def _belief(walk: _Walk, everyone: dict[_Key, tuple[float, float]], worth: float) -> SeriesPrior:
    own = {key: _ratios(walk.excursions[key], *everyone[key]) for key in _KEYS}
    base = walk.baseline
    return SeriesPrior(
        rate=round(base.rate, 6),
        rate_hours=worth,
        share=round(base.share, 4),
        share_stories=round(min(base.share_worth, worth * base.rate / base.share), 1),
        volume_tails=_curve(Channel.VOLUME, own, base),
        share_tails=_curve(Channel.SHARE, own, base),
    )


def _curve(
    channel: Channel, ratios: dict[_Key, tuple[float, float]], base: Baseline | None
) -> TailCurve:
    slopes, scales = [], []
    for factor in FACTORS:
        slope, often = ratios[channel, factor]
        slopes.append(round(slope, 4))
        scales.append(round(_scale(channel, factor, slope, often, base), 4))
    return TailCurve(FACTORS, tuple(slopes), tuple(scales))


def _scale(
    channel: Channel, factor: float, slope: float, often: float, base: Baseline | None
) -> float:
    """What makes a tail of that slope pass through the threshold so many times the ideal often."""
    if base is None:
        share, stories = 0.25, 30.0 if channel is Channel.VOLUME else 120.0
    else:
        share = base.share
        stories = _threshold_hours(base) * base.rate
        stories /= 1 if channel is Channel.VOLUME else share

    def period(height: float) -> float:
        if channel is Channel.VOLUME:
            return rate_period(height, factor)
        return share_period(height, share, factor)

    low, high = 0.0, 60.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if period(middle) < stories else (low, middle)
    return stories / often / period(slope * high)


def _rhythm(
    histories: Sequence[History], slide: int, own_week: Week
) -> dict[str, tuple[float, ...]]:
    """The shape of a day, by kind of day, over all series."""
    seen = {(kind, hour): 0.0 for kind in DAY_TYPES for hour in range(24)}
    usual = dict.fromkeys(seen, 0.0)
    for history in histories:
        stretches = history.stretches()
        panes = sum(last - first + 1 for first, last, _ in stretches)
        total = sum(one.negative for _, _, counts in stretches for one in counts)
        for first, last, counts in stretches:
            for hour in range(first * slide // HOUR, last * slide // HOUR + 1):
                usual[_kind(own_week.hour_of(hour))] += total / panes * HOUR / slide
            for one in counts:
                hour = (one.pane - 1) * slide // HOUR
                seen[_kind(own_week.hour_of(hour))] += one.negative
    mean = 1.0
    ratio = {
        key: (seen[key] + _RHYTHM_PRIOR_HOURS * mean * 0.1)
        / (usual[key] + _RHYTHM_PRIOR_HOURS * 0.1)
        for key in seen
    }
    smooth = {
        (kind, hour): ratio[kind, hour] / 2
        + (ratio[kind, (hour - 1) % 24] + ratio[kind, (hour + 1) % 24]) / 4
        for kind, hour in ratio
    }
    days = {"weekday": 5, "saturday": 1, "sunday": 1}
    level = sum(days[kind] * value for (kind, _), value in smooth.items()) / 168
    return {
        kind: tuple(round(smooth[kind, hour] / level, 3) for hour in range(24))
        for kind in DAY_TYPES
    }


def _kind(hour_of_week: int) -> tuple[str, int]:
    day = hour_of_week // 24
    return DAY_TYPES[max(0, day - 4)], hour_of_week % 24


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
