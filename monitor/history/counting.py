"""Counting history: what each series' closed panes held, as WATCH would have settled them.

No file is opened and nothing is fitted here: records in order of time in, counts out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from monitor.records import ScoredRecord, Series
from monitor.surge.baseline import Counts
from monitor.surge.panes import pane_of
from monitor.surge.track import Statistics, Track


@dataclass(slots=True)
class Counted:
    """What the panes of each series held, and the history as a whole.

    `first` and `last` are the first and the last pane with a record, `late` counts records that
    arrived after their pane had closed and are left out, as WATCH does, and `silence` are the
    panes around the longest time without any record.
    """

    series: dict[Series, list[Counts]] = field(default_factory=dict)
    records: int = 0
    late: int = 0
    first: int = 0
    last: int = 0
    silence: tuple[int, int] = (0, 0)


class _Panes(Protocol):
    def add(self, record: ScoredRecord, pane: int) -> None: ...

    def finish(self) -> list[Counts]: ...


def count_history(
    records: Iterable[ScoredRecord], statistics: Statistics, *, tells_stories: bool
) -> Counted:
    """Count the records of a history, which come in order of event time.

    Args:
        records: the records. Those of the series `none` are not counted.
        statistics: the deployment's choices.
        tells_stories: whether equal signatures alone tell that records are the same story;
            otherwise the live track settles it, which takes longer.
    """
    counted = Counted()
    panes: dict[Series, _Panes] = {}
    make = _ByName if tells_stories else _BySettling
    slide = statistics.slide
    for record in records:
        number = pane_of(record.event_time, slide)
        counted.records += 1
        if number <= _closed(record.ingest_time, statistics):
            counted.late += 1
            continue
        if not counted.first:
            counted.first = counted.last = number
        if number - counted.last > counted.silence[1] - counted.silence[0]:
            counted.silence = counted.last, number
        counted.last = number
        series = record.series
        if series.key == "none" and series.by == "topic":
            continue
        held = panes.get(series)
        if held is None:
            held = panes[series] = make(statistics)
        held.add(record, number)
    counted.series = {series: held.finish() for series, held in panes.items()}
    return counted


def _closed(ingest_time: int, statistics: Statistics) -> int:
    """The last pane that was closed when a record came; the mark of its own time comes after."""
    slide = statistics.slide
    return ((ingest_time - 1) // slide * slide - statistics.allowed_lateness) // slide


class _BySettling:
    """Stories as the live track settles them. A pane is over once a later one has begun."""

    def __init__(self, statistics: Statistics) -> None:
        self._track = Track(statistics, lengths=())
        self._counts: list[Counts] = []
        self._offset = 0

    def add(self, record: ScoredRecord, pane: int) -> None:
        newest = self._track.newest
        if newest is not None and pane > newest:
            self._close(newest)
        self._track.add(record, self._offset)
        self._offset += 1

    def finish(self) -> list[Counts]:
        if self._track.newest is not None:
            self._close(self._track.newest)
        return self._counts

    def _close(self, pane: int) -> None:
        # The empty panes before it close first, so that old stories are forgotten as they are live.
        self._track.close(pane - 1)
        self._counts += self._track.close(pane)


class _ByName:
    """Stories known by their signatures, which are equal or of different stories."""

    def __init__(self, statistics: Statistics) -> None:
        self._threshold = statistics.negative_threshold
        self._horizon = statistics.duplicate_horizon // statistics.slide
        self._told: set[bytes] = set()
        self._expiry: deque[tuple[int, bytes]] = deque()
        self._counts: list[Counts] = []
        self._pane = self._negative = self._stories = 0

    def add(self, record: ScoredRecord, pane: int) -> None:
        if pane != self._pane:
            self._turn(pane)
        if record.signature in self._told:
            return
        self._told.add(record.signature)
        self._expiry.append((pane, record.signature))
        self._stories += 1
        self._negative += record.sentiment.negative >= self._threshold

    def finish(self) -> list[Counts]:
        self._turn(self._pane)
        return self._counts

    def _turn(self, pane: int) -> None:
        if self._stories:
            self._counts.append(Counts(self._pane, self._negative, self._stories))
        self._pane, self._negative, self._stories = pane, 0, 0
        # A story is forgotten when the pane before this one, closing, is a horizon later.
        while self._expiry and self._expiry[0][0] <= pane - 1 - self._horizon:
            self._told.remove(self._expiry.popleft()[1])
