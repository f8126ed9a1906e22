"""The clock of one scored partition: how far time has come, told by marks alone.

Pure. Never reads the wall clock; never goes backwards.
"""

from __future__ import annotations

import msgspec

MISSED_MARKS = 10
"""How many marks another partition must have written in the meantime before a partition whose
marks stopped counts as stalled. A backlog can carry log time over `idle_timeout` between two
marks of a healthy partition, so log time alone can't tell that marks have stopped."""


class Source(msgspec.Struct):
    """What is known of one news partition; `time` is None until its first mark."""

    time: int | None
    frontier: int
    missed: int = 0
    caught_up: bool = False
    stalled: bool = False


class Clock:
    """The smallest of the latest marks over the news partitions that are not stalled.

    A partition is stalled when its marks stopped while another's advanced by
    `idle_timeout` milliseconds and `MISSED_MARKS` marks. It joins again with its next mark.
    The clock stands still until every one of the `news_partitions` has a mark or is stalled.
    """

    def __init__(self, news_partitions: int, idle_timeout: int) -> None:
        self._idle_timeout = idle_timeout
        self._expected = news_partitions
        self._sources: dict[int, Source] = {}
        self.time: int | None = None

    @property
    def stalled(self) -> tuple[int, ...]:
        """News partitions whose marks stopped, in order."""
        return tuple(sorted(p for p, source in self._sources.items() if source.stalled))

    @property
    def caught_up(self) -> bool:
        """True when every partition that is not stalled had been read to its end."""
        live = [source for source in self._sources.values() if not source.stalled]
        return bool(live) and all(source.caught_up for source in live)

    def sources(self) -> list[tuple[int, Source]]:
        """What is known of each news partition, by its number, to be written down."""
        return [(number, msgspec.structs.replace(each)) for number, each in self._sources.items()]

    def restore(self, time: int | None, sources: list[tuple[int, Source]]) -> None:
        """Stand where a clock with these `sources` stood."""
        self.time = time
        self._sources = {number: msgspec.structs.replace(each) for number, each in sources}

    def mark(self, news_partition: int, time: int, caught_up: bool) -> bool:
        """Take a mark. Returns whether the clock moved."""
        if not self._sources:
            self._sources = {p: Source(None, time) for p in range(self._expected)}
        source = self._sources.setdefault(news_partition, Source(None, time))
        source.time = time if source.time is None else max(source.time, time)
        source.caught_up = caught_up
        source.stalled = False
        source.missed = 0
        source.frontier = self._newest()
        self._find_stalled(news_partition, time)
        return self._advance()

    def _newest(self) -> int:
        return max(source.time for source in self._sources.values() if source.time is not None)

    def _find_stalled(self, marked: int, time: int) -> None:
        for partition, other in self._sources.items():
            if partition == marked:
                continue
            other.missed += 1
            if time - other.frontier >= self._idle_timeout:
                live = sum(not source.stalled for source in self._sources.values())
                other.stalled = other.stalled or other.missed >= MISSED_MARKS * live

    def _advance(self) -> bool:
        times = [source.time for source in self._sources.values() if not source.stalled]
        known = [time for time in times if time is not None]
        if len(known) < len(times) or not known:
            return False
        now = min(known)
        if self.time is not None and now <= self.time:
            return False
        self.time = now
        return True
