"""The past of a deployment's `scored` stream, laid down in files so that it can be played.

Owns the reading; the log keeps its order, offsets and marks, so that what follows from it is what
WATCH wrote, bit for bit.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from monitor.backtest.playing import Part
from monitor.backtest.sampling import timeline_step
from monitor.errors import FeedError
from monitor.settings import Settings
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from monitor.surge.plan import WatchPlan
from monitor.watch_plan import part_of

_TOLD_EVERY = 2_000


class _Head(msgspec.Struct):
    kind: str = ""
    time: int | None = None
    ingest_time: int | None = None


_heads = msgspec.json.Decoder(_Head)


class _Partition:
    """One scored partition on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stream: BinaryIO = path.open("wb")
        self.place, self.length, self.offset = array("q"), array("q"), array("q")
        self._end = 0

    def add(self, offset: int, value: bytes) -> None:
        self.place.append(self._end)
        self.length.append(len(value))
        self.offset.append(offset)
        self.stream.write(value)
        self._end += len(value)


class _Log:
    """The stream so far."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.partitions: dict[int, _Partition] = {}
        self.taken = self.records = self.first = self.last = 0
        self.begins_late = False

    def take(self, partition: int, offset: int, value: bytes) -> None:
        held = self.partitions.get(partition)
        if held is None:
            path = self._directory / f"scored-{partition}"
            held = self.partitions[partition] = _Partition(path)
            self.begins_late |= offset > 0
        held.add(offset, value)
        self.taken += 1
        try:
            head = _heads.decode(value)
        except msgspec.MsgspecError:
            return  # it is refused when it is played
        time = head.ingest_time if head.kind == "scored" else head.time
        self.records += head.kind == "scored"
        if time is not None:
            self.first = min(self.first or time, time)
            self.last = max(self.last, time)

    def close(self) -> None:
        for held in self.partitions.values():
            held.stream.close()


@dataclass(frozen=True)
class Logged:
    """A stream's past: its parts, how many scored records they hold, and their first and last time.

    `begins_late` tells that retention has taken the log's beginning.
    """

    parts: list[Part]
    records: int
    first: int
    last: int
    begins_late: bool


async def read_logged(
    settings: Settings,
    plans: Sequence[WatchPlan],
    directory: Path,
    *,
    with_curve: bool,
    tell: Callable[[int], None],
) -> Logged:
    """Read the stream to its end as of now.

    Args:
        settings: the deployment, with the partition counts that its streams have.
        plans: what is watched, one for each rule file.
        directory: where to lay the log down.
        with_curve: whether variants of the surge rules are wanted.
        tell: told now and then how many records have been read.

    Raises:
        FeedError: when the stream holds no scored record.
        StreamError: when it can't be read.
    """
    log = _Log(directory)
    try:
        async with aclosing(read_all(settings, "scored")) as stream:
            async for record in stream:
                log.take(record.partition, record.offset, record.value or b"")
                if not log.taken % _TOLD_EVERY:
                    tell(log.taken)
    finally:
        log.close()
    if not log.records:
        name = stream_name(settings, "scored")
        raise FeedError(
            f"stream {name} holds no scored record; is streams.prefix the deployment's?"
        )
    begin, end = log.first, log.last
    count = settings.streams.partitions.scored
    timeline = timeline_step(plans[0], begin, end)
    parts = [
        Part(
            partition=number,
            plans=tuple(part_of(plan, number, count) for plan in plans),
            files=(held.path,),
            names=(f"{stream_name(settings, 'scored')}/{number}",),
            file=np.zeros(len(held.offset), np.int64),
            place=np.frombuffer(held.place, np.int64),
            length=np.frombuffer(held.length, np.int64),
            line=np.frombuffer(held.offset, np.int64),
            offset=np.frombuffer(held.offset, np.int64),
            arrival=None,
            begin=begin,
            end=end,
            mark_ms=0,
            timeline=timeline,
            with_curve=with_curve,
            unit="offset",
        )
        for number, held in sorted(log.partitions.items())
    ]
    return Logged(parts, log.records, begin, end, log.begins_late)
