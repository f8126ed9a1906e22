"""What metrics show of each series: its last hour against its own past, and the state it is in.

Owns which series are shown one by one, and that there are no more of them than the cap. It only
reads: a quiet series is not caught up with for it, so that its end of warming up may be told late,
at its next record or after a day.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Literal, get_args

from monitor import metrics
from monitor.records import Series
from monitor.surge.following import Following
from monitor.surge.lifecycle import State
from monitor.surge.panes import pane_of
from monitor.surge.partition import PartitionWatch
from monitor.surge.rules import AbsentRule, DeadManRule

SeriesState = Literal["firing", "pending", "warming", "silent", "calm"]
STATES: tuple[SeriesState, ...] = get_args(SeriesState)
OTHER = "other"
_HOUR = 3_600_000
_SERIES_IN_A_STEP = 250
"""Some 6 ms of one core; WATCH applies no record meanwhile."""
_STEPS_OF_REST = 9
_ORDER = {"all": 0, "topic": 1, "entity": 2}
_told: set[tuple[str, str]] = set()
"""What the gauges, which are the process's, show now."""


@dataclass(slots=True)
class Shown:
    """What is shown of a series, or of several together: stories of an hour, and their states."""

    stories: int = 0
    negative: int = 0
    expected: float = 0.0
    states: Counter[SeriesState] = field(default_factory=Counter)

    def add(self, other: Shown) -> None:
        """Take another series in."""
        self.stories += other.stories
        self.negative += other.negative
        self.expected += other.expected
        self.states.update(other.states)


def keep_shown(watches: Callable[[], Iterable[PartitionWatch]], limit: int) -> Iterator[None]:
    """Keep the gauges up to date for ever; each `next` is a step short enough between records."""
    while True:
        yield from show_series(watches(), limit)
        yield from repeat(None, _STEPS_OF_REST)


def show_series(watches: Iterable[PartitionWatch], limit: int) -> Iterator[None]:
    """Bring the gauges up to date, `limit` series at most one by one, in steps.

    They change in the last step, all at once.
    """
    found: dict[Series, tuple[list[Following], int]] = {}
    for watch in watches:
        if watch.clock.time is not None:
            for following in watch.followings():
                followings, _ = found.setdefault(following.series, ([], watch.clock.time))
                followings.append(following)
    shown: dict[Series, Shown] = {}
    rest = Shown()
    for place, series in enumerate(sorted(found, key=_rank)):
        if place and not place % _SERIES_IN_A_STEP:
            yield
        seen = look(*found[series])
        if place < limit:
            shown[series] = seen
        else:
            rest.add(seen)
    told: dict[tuple[str, str], Shown] = {
        (series.by, series.key): seen for series, seen in shown.items()
    }
    if len(found) > limit:
        told[OTHER, OTHER] = rest
    for by, key in _told - told.keys():
        _forget(by, key)
    _told.clear()
    _told.update(told)
    for (by, key), seen in told.items():
        _set(by, key, seen)


def look(followings: Sequence[Following], now: int) -> Shown:
    """What is shown of one series at the time `now`.

    Counts are of the track without matchers, where there is one; they go back an hour, or as far
    as the longest window of its rules.
    """
    following = next(
        (one for one in followings if not (one.match.source or one.match.language)), followings[0]
    )
    track, slide = following.track, following.statistics.slide
    head = pane_of(now, slide)
    first = head - min(max(_HOUR // slide, 1), track.keep) + 1
    tallies = [track.panes[number].tally for number in track.held(first, head)]
    stories = sum(tally.novel_count for tally in tallies)
    return Shown(
        stories=stories,
        negative=sum(tally.novel_negative for tally in tallies),
        expected=track.baseline.expected(first, head),
        states=Counter([_state(followings, stories)]),
    )


def _state(followings: Sequence[Following], stories: int) -> SeriesState:
    watched = [each for following in followings for each in following.watched]
    watched = [each for each in watched if not isinstance(each.rule, DeadManRule)]
    absent = [each.status.state for each in watched if isinstance(each.rule, AbsentRule)]
    states = [each.status.state for each in watched if not isinstance(each.rule, AbsentRule)]
    if State.FIRING in states:
        return "firing"
    if State.PENDING in states:
        return "pending"
    if State.FIRING in absent:
        return "silent"
    if any(map(_is_warming, followings)):
        return "warming"
    return "calm" if stories else "silent"


def _is_warming(following: Following) -> bool:
    has_surge_rule = any(each.detector is not None for each in following.watched)
    return has_surge_rule and not following.track.baseline.trusted


def _rank(series: Series) -> tuple[int, str]:
    return _ORDER[series.by], series.key


def _set(by: str, key: str, seen: Shown) -> None:
    share = seen.negative / seen.stories if seen.stories else math.nan
    metrics.series_stories.labels(by, key).set(seen.stories)
    metrics.series_negative_stories.labels(by, key).set(seen.negative)
    metrics.series_expected_negative_stories.labels(by, key).set(seen.expected)
    metrics.series_negative_share.labels(by, key).set(share)
    for state in STATES:
        metrics.series_state.labels(by, key, state).set(seen.states[state])


def _forget(by: str, key: str) -> None:
    metrics.series_stories.remove(by, key)
    metrics.series_negative_stories.remove(by, key)
    metrics.series_expected_negative_stories.remove(by, key)
    metrics.series_negative_share.remove(by, key)
    for state in STATES:
        metrics.series_state.remove(by, key, state)
