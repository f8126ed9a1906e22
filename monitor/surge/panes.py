"""Panes and windows: what was counted in which slot of event time, and sums over them.

Pure. A pane k covers the slot ((k - 1) * slide, k * slide]; times are milliseconds. Sums are
integers, so that they don't depend on the order of addition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import msgspec

from monitor.records import Origin, ScoredRecord
from monitor.surge.novelty import Told
from monitor.surge.scales import WHOLE

SCORE_UNIT = 1_000_000
"""Scores are summed as whole millionths."""


def pane_of(time: int, slide: int) -> int:
    """The pane that a time falls into; its end belongs to it."""
    return -(-time // slide)


@dataclass(slots=True)
class Tally:
    """Counts over a pane or a window. Scores are in `SCORE_UNIT`ths.

    `novel_weight` counts the negative stories as the log's first model would have found them, in
    `WHOLE`ths (see `monitor.surge.scales`).
    """

    raw_count: int = 0
    raw_negative: int = 0
    raw_score: int = 0
    novel_count: int = 0
    novel_negative: int = 0
    novel_score: int = 0
    novel_weight: int = 0

    def count(self, negative: bool, score: int, novel: bool, weight: int = WHOLE) -> None:
        """Count one item, as a story too when it is novel; `weight` is for a negative one."""
        self.raw_count += 1
        self.raw_negative += negative
        self.raw_score += score
        if novel:
            self.novel_count += 1
            self.novel_score += score
            if negative:
                self.novel_negative += 1
                self.novel_weight += weight

    def add(self, other: Tally, sign: int = 1) -> None:
        """Add (or with -1 take away) another tally."""
        self.raw_count += sign * other.raw_count
        self.raw_negative += sign * other.raw_negative
        self.raw_score += sign * other.raw_score
        self.novel_count += sign * other.novel_count
        self.novel_negative += sign * other.novel_negative
        self.novel_score += sign * other.novel_score
        self.novel_weight += sign * other.novel_weight


class Entry(msgspec.Struct, eq=False, gc=False):
    """One record of an open pane. `story` is the one it was taken to tell; None: not counted."""

    record: ScoredRecord
    offset: int
    negative: bool
    score: int
    weight: int = WHOLE
    story: Told | None = None
    novel: bool = False

    @property
    def order(self) -> tuple[int, Origin]:
        """The order in which stories are settled: by event time, then by origin."""
        return self.record.event_time, self.record.origin


def entry_of(record: ScoredRecord, offset: int, negative_threshold: float, weight: int) -> Entry:
    """The entry of a record, counted as negative from that probability on, for that weight."""
    negative = record.sentiment.negative >= negative_threshold
    return Entry(record, offset, negative, round(record.score * SCORE_UNIT), weight)


@dataclass(slots=True)
class Pane:
    """What one slot of event time holds.

    `entries` are kept while it is open, then only the `stories` worth showing. `models` scored
    its records.
    """

    tally: Tally = field(default_factory=Tally)
    entries: list[Entry] = field(default_factory=list)
    stories: list[Told] = field(default_factory=list)
    first_offset: int = -1
    last_offset: int = -1
    models: tuple[str, ...] = ()

    def touch(self, offset: int, model: str) -> None:
        """Note that a record at this offset of `scored`, of this model, went into the pane."""
        if self.first_offset < 0:
            self.first_offset = offset
        self.last_offset = offset
        if model not in self.models:
            self.models += (model,)


class Window:
    """The running sum of the `length` panes that end with pane `head`, head included."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.head: int | None = None
        self.tally = Tally()

    def holds(self, pane: int) -> bool:
        """Whether the pane lies in the window now."""
        return self.head is not None and self.head - self.length < pane <= self.head

    def count(self, pane: int, entry: Entry) -> None:
        """Count what was counted in a pane, if that lies in the window."""
        if self.holds(pane):
            self.tally.count(entry.negative, entry.score, entry.novel, entry.weight)

    def roll(self, head: int, panes: dict[int, Pane]) -> None:
        """Move the window's end forward to `head`; moving backwards is not done."""
        if self.head is not None and head <= self.head:
            return
        old, self.head = self.head, head
        if old is None or head - old >= self.length or head - old >= len(panes):
            self._resum(panes)
            return
        for pane in range(old + 1, head + 1):
            if pane in panes:
                self.tally.add(panes[pane].tally)
            if pane - self.length in panes:
                self.tally.add(panes[pane - self.length].tally, -1)

    def _resum(self, panes: dict[int, Pane]) -> None:
        self.tally = Tally()
        for pane in self.within(panes):
            self.tally.add(panes[pane].tally)

    @classmethod
    def over(cls, first: int, last: int, panes: dict[int, Pane]) -> Window:
        """The window from pane `first` to pane `last`, both included, as it is now."""
        window = cls(last - first + 1)
        window.roll(last, panes)
        return window

    def within(self, panes: Iterable[int]) -> list[int]:
        """Those of the panes that lie in the window, in order."""
        return sorted(pane for pane in panes if self.holds(pane))


def due(panes: Collection[int], before: int | None, closed: int, age: int) -> list[int]:
    """The panes that have come to an age: each pass looks at those since the one before only."""
    last = closed - age
    if before is None or closed - before > len(panes):
        return [number for number in panes if number <= last]
    return [number for number in range(before - age + 1, last + 1) if number in panes]
