"""What metrics show of each series, and when the live page is told of them.

Owns which series are shown one by one, that there are no more of them than the cap, and that
looking at them holds up no record. How one looks is `looking`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import repeat

from monitor import metrics
from monitor.live.records import STATES, SeriesState
from monitor.records import Series
from monitor.surge.following import Following
from monitor.surge.partition import PartitionWatch
from monitor.watching.looking import Seen, look

OTHER = "other"
_SERIES_IN_A_STEP = 250
"""Some 6 ms of one core; WATCH applies no record meanwhile."""
_STEPS_OF_REST = 3
_STEPS_TO_LOOK_AGAIN = 8
"""With many series a round takes long; those that are shown one by one are looked at meanwhile."""
_ORDER = {"all": 0, "topic": 1, "entity": 2}
_told: set[tuple[str, str]] = set()
"""What the gauges, which are the process's, show now."""
_Followed = tuple[list[Following], int]
Tell = Callable[[Seen], None]


@dataclass(slots=True)
class Shown:
    """What is shown of a series, or of several together: stories of an hour, and their states."""

    stories: int = 0
    negative: int = 0
    expected: float = 0.0
    states: Counter[SeriesState] = field(default_factory=Counter)

    def add(self, seen: Seen) -> None:
        """Take a series in."""
        self.stories += seen.stories
        self.negative += seen.negative
        self.expected += seen.expected
        self.states[seen.state] += 1


def _tell_nobody(_: Seen) -> None:
    pass


def keep_shown(
    watches: Callable[[], Iterable[PartitionWatch]], limit: int, tell: Tell = _tell_nobody
) -> Iterator[None]:
    """Keep the gauges up to date for ever; each `next` is a step short enough between records.

    `tell` is given each series that is shown one by one, every few steps.
    """
    while True:
        yield from show_series(watches(), limit, tell)
        yield from repeat(None, _STEPS_OF_REST)


def show_series(
    watches: Iterable[PartitionWatch], limit: int, tell: Tell = _tell_nobody
) -> Iterator[None]:
    """Bring the gauges up to date, `limit` series at most one by one, in steps.

    They change in the last step, all at once.
    """
    found = _followed(watches)
    shown: dict[Series, Shown] = {}
    rest = Shown()
    ranked = sorted(found, key=_rank)
    for place, series in enumerate(ranked):
        if place and not place % _SERIES_IN_A_STEP:
            yield
            if not place // _SERIES_IN_A_STEP % _STEPS_TO_LOOK_AGAIN:
                yield from _tell_again([found[one] for one in ranked[: min(limit, place)]], tell)
        seen = look(*found[series])
        if place < limit:
            shown.setdefault(series, Shown()).add(seen)
            tell(seen)
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
    for (by, key), summed in told.items():
        _set(by, key, summed)


def _followed(watches: Iterable[PartitionWatch]) -> dict[Series, _Followed]:
    """What each series is followed by, and the time of its log."""
    found: dict[Series, _Followed] = {}
    for watch in watches:
        if watch.clock.time is not None:
            for following in watch.followings():
                followings, _ = found.setdefault(following.series, ([], watch.clock.time))
                followings.append(following)
    return found


def _tell_again(followings: list[_Followed], tell: Tell) -> Iterator[None]:
    for place, (one, now) in enumerate(followings):
        if place and not place % _SERIES_IN_A_STEP:
            yield
        tell(look(one, now))
    yield


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
