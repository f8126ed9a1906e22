"""Which series the live page is told of: those that changed, and each again in time.

Owns what was told last. How a series looks is `looking`; how the words get to the stream is whoever
takes them's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from monitor.live.records import REPEAT_SECONDS, SeriesView
from monitor.records import Series
from monitor.watching.looking import Seen

TellSeries = Callable[[SeriesView], None]
_AGAIN_MS = round(REPEAT_SECONDS * 1000 * 2 / 3)
"""Looks come seconds apart, so that the next may be too late."""


class SeriesTold:
    """Tells of the series of this process's partitions.

    Args:
        tell: takes what is to be told; must neither wait nor fail.
        holds: whether a partition of `scored` is this process's still.
    """

    def __init__(self, tell: TellSeries, holds: Callable[[int], bool]) -> None:
        self._tell = tell
        self._holds = holds
        self._told: dict[Series, SeriesView] = {}

    def __call__(self, seen: Seen) -> None:
        """Tell of a series, where it looks otherwise than it did or was not told of for long."""
        series = seen.followings[0].series
        if not self._holds(seen.partition):
            self._told.pop(series, None)  # it is the new owner's to tell
            return
        view = seen.view(time.time_ns() // 1_000_000)
        before = self._told.get(series)
        if before is None or _is_new(before, view):
            self._told[series] = view
            self._tell(view)


def _is_new(before: SeriesView, view: SeriesView) -> bool:
    if not 0 <= view.at - before.at < _AGAIN_MS:
        return True
    # The clock moves all the time.
    return msgspec.structs.replace(before, at=view.at, clock=view.clock) != view
