"""Fitting a prior on history: how busy each series is, the rhythm of the week, and its tails.

Pure: what the closed panes of each series held goes in, a prior comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec

from monitor.surge.baseline import DEFAULT_LEARNING, Baseline, Counts
from monitor.surge.excursions import KEYS, Key, Shape, Walk, fit_shape, tail_curve
from monitor.surge.prior import DAY_TYPES, FLAT, Prior, SeriesPrior
from monitor.surge.runs import Channel
from monitor.surge.week import HOUR, Week, week

_DAY = 24.0
_WINDOW_HOURS = 7 * _DAY
_LEAST_STORIES = 20
"""A series with fewer negative stories in its history is not told apart from an unknown one."""
_RHYTHM_WORTH = 10.0
"""How many expected stories in an hour of the day the mean is worth."""


@dataclass(frozen=True)
class History:
    """What the closed panes of one series held, from pane `first` to pane `last`.

    `counts` are those that held a story, in order. `excluded` are ranges of panes, both ends
    included, that were no usual time.
    """

    counts: Sequence[Counts]
    first: int
    last: int
    excluded: Sequence[tuple[int, int]] = ()

    def excludes(self, pane: int) -> bool:
        """Whether a pane was no usual time."""
        return any(first <= pane <= last for first, last in self.excluded)


def fit_prior(
    histories: Mapping[str, History],
    slide: int,
    fitted_on: str,
    timezone: str = "UTC",
    calendar: str | None = None,
    worth_hours: float = 14 * _DAY,
    progress: Callable[[str], None] = lambda _: None,
) -> Prior:
    """Fit a prior on the histories of a deployment's series, by their names.

    Args:
        histories: what each series held.
        slide: the length of a pane in milliseconds.
        fitted_on: what the history is, in words.
        timezone: the time zone of the rhythm.
        calendar: whose holidays count as Sundays in it.
        worth_hours: how many hours of watching the fitted rate of a series should be worth.
        progress: told the name of each series before its turn.

    Raises:
        ValueError: when there is no time zone or calendar of that name, or nothing negative.
    """
    if not any(one.negative for history in histories.values() for one in history.counts):
        raise ValueError("the history holds no negative story")
    own_week = week(timezone, calendar)
    rhythm = _rhythm(list(histories.values()), slide, own_week)
    plain = Prior(fitted_on, FLAT.unknown, rhythm, timezone=timezone, calendar=calendar)
    walks: dict[str, Walk] = {}
    for name, history in sorted(histories.items()):
        progress(name)
        walks[name] = _walk(history, slide, plain, own_week)
    shapes = {name: _shapes(walk) for name, walk in walks.items()}
    series = {
        name: _belief(walk, shapes[name], worth_hours)
        for name, walk in walks.items()
        if sum(one.negative for one in histories[name].counts) >= _LEAST_STORIES
    }
    middle = sorted(walks.values(), key=lambda walk: walk.baseline.rate)[len(walks) // 2]
    unknown = msgspec.structs.replace(
        _belief(middle, _middle(shapes.values()), FLAT.unknown.rate_hours),
        share=_inside(median(walk.baseline.share for walk in walks.values())),
        share_stories=FLAT.unknown.share_stories,
    )
    return Prior(fitted_on, unknown, rhythm, series, timezone, calendar)


def _walk(history: History, slide: int, prior: Prior, own_week: Week) -> Walk:
    usual = [one for one in history.counts if not history.excludes(one.pane)]
    panes = history.last - history.first + 1 - _excluded_panes(history)
    negative = sum(one.negative for one in usual)
    stories = sum(one.stories for one in usual)
    start = SeriesPrior(
        rate=(negative + 0.5) / (panes * slide / HOUR + 1),
        rate_hours=7 * _DAY,
        share=(negative + 0.5) / (stories + 2),
        share_stories=50,
    )
    own = msgspec.structs.replace(prior, unknown=start)
    baseline = Baseline(own, "", own_week, slide, DEFAULT_LEARNING)
    walk = Walk(baseline, round(_WINDOW_HOURS * HOUR / slide))
    walk.go(history.counts, history.first, history.last, history.excludes)
    return walk


def _excluded_panes(history: History) -> int:
    return sum(
        max(0, min(last, history.last) - max(first, history.first) + 1)
        for first, last in history.excluded
    )


def _shapes(walk: Walk) -> dict[Key, Shape]:
    """The tails of a series, drawn to the ideal: the sparser it is, the nearer to that they are."""
    return {key: fit_shape(walk.excursions[key], Shape()) for key in KEYS}


def _middle(shapes: Collection[Mapping[Key, Shape]]) -> dict[Key, Shape]:
    """The median tails of all series."""
    return {
        key: Shape(
            median(each[key].slope for each in shapes), median(each[key].often for each in shapes)
        )
        for key in KEYS
    }


def _belief(walk: Walk, shapes: Mapping[Key, Shape], worth_hours: float) -> SeriesPrior:
    base = walk.baseline
    return SeriesPrior(
        rate=round(base.rate, 6),
        rate_hours=worth_hours,
        share=_inside(base.share),
        share_stories=round(min(base.share_worth, worth_hours * base.rate / base.share), 1),
        volume_tails=tail_curve(Channel.VOLUME, shapes, base),
        share_tails=tail_curve(Channel.SHARE, shapes, base),
    )


def _inside(share: float) -> float:
    """A share as a prior holds it, which is never all or nothing."""
    return round(min(max(share, 0.0001), 0.9999), 4)


def _rhythm(
    histories: Sequence[History], slide: int, own_week: Week
) -> dict[str, tuple[float, ...]]:
    """The shape of a day, by kind of day, over all series, as multiples of the week's mean."""
    seen = {(kind, hour): 0.0 for kind in DAY_TYPES for hour in range(24)}
    usual = dict.fromkeys(seen, 0.0)
    for history in histories:
        usual_counts = [one for one in history.counts if not history.excludes(one.pane)]
        panes = history.last - history.first + 1 - _excluded_panes(history)
        an_hour = sum(one.negative for one in usual_counts) / panes * HOUR / slide
        for hour in range(history.first * slide // HOUR, history.last * slide // HOUR + 1):
            if not history.excludes(hour * HOUR // slide + 1):
                usual[_kind(own_week.hour_of(hour))] += an_hour
        for one in usual_counts:
            hour = (one.pane - 1) * slide // HOUR
            seen[_kind(own_week.hour_of(hour))] += one.negative
    ratio = {key: (seen[key] + _RHYTHM_WORTH) / (usual[key] + _RHYTHM_WORTH) for key in seen}
    smooth = {
        (kind, hour): ratio[kind, hour] / 2
        + (ratio[kind, (hour - 1) % 24] + ratio[kind, (hour + 1) % 24]) / 4
        for kind, hour in ratio
    }
    days = {"weekday": 5, "saturday": 1, "sunday": 1}
    mean = sum(days[kind] * value for (kind, _), value in smooth.items()) / (7 * 24)
    return {
        kind: tuple(round(smooth[kind, hour] / mean, 3) for hour in range(24)) for kind in DAY_TYPES
    }


def _kind(hour_of_week: int) -> tuple[str, int]:
    """The kind of day and the hour of the day."""
    return DAY_TYPES[max(0, hour_of_week // 24 - 4)], hour_of_week % 24
