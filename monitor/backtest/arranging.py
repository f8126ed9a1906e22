"""Arranging a history in the order of arrival, so that it can be played as a log.

Owns where each record lies in which file, when it arrived, and of which series it is. It decodes
no more of a record than that, and plays nothing.

A file of history has no marks that mean anything (the stream's partitions are read side by side),
so time is made anew from the records: each arrives at its ingest time, but not before what stood
before it in its news partition, as SCORE's marks would have it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.backtest.refusals import Refusals
from monitor.records import By, ModelChange, Origin, Retraction, ScoredRecord, Series, encode

Numbers = NDArray[np.int64]
EVERYWHERE = -1
"""The series of a record that concerns all of them."""
EARLIEST = 100_000_000_000
"""Times before this (1973) are seconds rather than milliseconds, or nonsense."""
_KINDS = ("scored", "retraction")
_TOLD_EVERY = 5_000
_COLUMNS = 8
_MARK = b'{"kind":"mark",'


class _Head(msgspec.Struct):
    """What must be known of a line of `scored` to arrange it."""

    kind: str
    by: str = ""
    key: str = ""
    ingest_time: int | None = None
    time: int | None = None
    origin: Origin | None = None


_heads = msgspec.json.Decoder(_Head)
_changes = msgspec.json.Decoder(ModelChange)


@dataclass
class Arranged:
    """Records in the order of arrival.

    The arrays have one entry a record: the number of its file among `files`, its place and length
    there in bytes, the line of the source that it is from, when it arrived, and its series by its
    number among `series` or `EVERYWHERE`.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    file: Numbers
    place: Numbers
    length: Numbers
    line: Numbers
    arrival: Numbers
    of_series: Numbers
    series: tuple[Series, ...]
    changes: tuple[ModelChange, ...]

    def __len__(self) -> int:
        return len(self.arrival)


@dataclass
class Arranging:
    """Collects where records lie, then arranges them.

    `now` is the latest time (in milliseconds) that a record may have: what comes from the future
    would carry all time with it.
    """

    now: int
    refusals: Refusals
    files: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    changes: list[ModelChange] = field(default_factory=list)
    _rows: array[int] = field(default_factory=lambda: array("q"))
    _series: dict[Series, int] = field(default_factory=dict)

    def begin_file(self, path: Path, name: str) -> int:
        """Begin with a file of records; `name` is what to call it to people. Its number."""
        self.files.append(path)
        self.names.append(name)
        return len(self.files) - 1

    def note(
        self,
        place: int,
        length: int,
        line: int,
        time: int,
        source: Origin,
        series: Series | None,
    ) -> bool:
        """Note where a record of the file that was begun last lies.

        Args:
            place: where it begins, in bytes.
            length: how many bytes it has.
            line: the line of the source that it is from.
            time: its ingest time.
            source: its origin.
            series: its series; None: all of them.

        Returns:
            Whether it is taken: one of an impossible time is refused.
        """
        name = self.names[-1]
        if not EARLIEST <= time <= self.now:
            detail = f"time {time} is in the future, or before 1973 (milliseconds since 1970)"
            self.refusals.add("impossible_time", f"{name}: line {line}", detail)
            return False
        number = (
            EVERYWHERE if series is None else self._series.setdefault(series, len(self._series))
        )
        origin = source.partition, source.offset
        self._rows.extend((len(self.files) - 1, place, length, line, time, number, *origin))
        return True

    def arranged(self) -> Arranged:
        """All that was noted, in the order of arrival."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, _COLUMNS)
        file, place, length, line, time, of_series, partition, offset = rows.T
        # A retraction stands before the records of its item, as SCORE writes it.
        follows = of_series != EVERYWHERE
        by_origin = np.lexsort((line, follows, offset, partition, file))
        arrival = _not_before(time[by_origin], file[by_origin], partition[by_origin])
        order = by_origin[np.argsort(arrival, kind="stable")]
        return Arranged(
            files=tuple(self.files),
            names=tuple(self.names),
            file=file[order],
            place=place[order],
            length=length[order],
            line=line[order],
            arrival=np.sort(arrival, kind="stable"),
            of_series=of_series[order],
            series=tuple(self._series),
            # Every partition of the stream holds each of them.
            changes=tuple({encode(each): each for each in self.changes}.values()),
        )


def note_scored(path: Path, arranging: Arranging) -> Iterator[int]:
    """Note the records of a JSONL file of `scored`; marks are passed over.

    Yields now and then how many bytes have been read.
    """
    name = path.name
    arranging.begin_file(path, name)
    place = 0
    with path.open("rb") as stream:
        for line, raw in enumerate(stream, 1):
            begin, place = place, place + len(raw)
            if not line % _TOLD_EVERY:
                yield place
            # Nearly all lines of a quiet stream are marks: not worth decoding.
            if raw.startswith(_MARK) or not raw.strip():
                continue
            try:
                head = _heads.decode(raw)
            except msgspec.MsgspecError as error:
                arranging.refusals.add("not_scored", f"{name}: line {line}", str(error))
                continue
            fault = _note(head, raw, begin, line, arranging)
            if fault is not None:
                arranging.refusals.add("not_scored", f"{name}: line {line}", fault)


def _note(head: _Head, raw: bytes, place: int, line: int, arranging: Arranging) -> str | None:
    """Note one record by its head. What is wrong with it, if anything is."""
    if head.kind == "mark":
        return None
    if head.kind == "model_change":
        try:
            arranging.changes.append(_changes.decode(raw))
        except msgspec.MsgspecError as error:
            return str(error)
        return None
    is_scored = head.kind == "scored"
    time = head.ingest_time if is_scored else head.time
    if head.kind not in _KINDS:
        return f"{head.kind!r} is no kind of record of the stream scored"
    if time is None or head.origin is None or abs(time) >= 1 << 62:
        return "its time or origin is missing"
    if is_scored and head.by not in get_args(By):
        return f"by {head.by!r} is no dimension of series"
    series = Series(cast("By", head.by), head.key) if is_scored else None
    arranging.note(place, len(raw), line, time, head.origin, series)
    return None


class Spool:
    """A temporary file of scored records, each noted as it is written.

    Close it before what was arranged is played.
    """

    def __init__(self, path: Path, name: str, arranging: Arranging) -> None:
        self._arranging = arranging
        self._place = 0
        self.file = arranging.begin_file(path, name)
        self._stream: BinaryIO = path.open("wb")

    def add(self, record: ScoredRecord | Retraction, line: int) -> bool:
        """Write a record, which is from that line of its source. Whether it was taken."""
        raw = encode(record)
        time, series = (
            (record.ingest_time, record.series)
            if isinstance(record, ScoredRecord)
            else (record.time, None)
        )
        if not self._arranging.note(self._place, len(raw), line, time, record.origin, series):
            return False
        self._stream.write(raw)
        self._place += len(raw)
        return True

    def close(self) -> None:
        """Have everything on disk."""
        self._stream.close()


def _not_before(time: Numbers, file: Numbers, partition: Numbers) -> Numbers:
    """The running maximum of the times of each news partition of each file."""
    arrival = time.copy()
    if not len(time):
        return arrival
    turns = np.flatnonzero((np.diff(file) != 0) | (np.diff(partition) != 0)) + 1
    for part in np.split(arrival, turns):
        np.maximum.accumulate(part, out=part)
    return arrival
