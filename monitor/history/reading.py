"""Reading scored history from files: every usable record, in order of time, none lost in silence.

A history is JSONL of `scored` records (`newsurge tail scored --json`) or a table (see
`monitor.history.tables`). It reads as it goes, so that files may be larger than memory.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from monitor.errors import FeedError
from monitor.history.tables import Emitted, Table, event_time_of, open_table, records_of
from monitor.records import ScoredRecord, decode_scored

SORTED_ROWS = 50_000
"""A table may be out of order by so many rows; JSONL may be in any order."""
_JSONL = (".jsonl", ".ndjson", ".json")
_TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class BadRow:
    """A row that can't be used: its file, its line (Parquet: the row's number), and why."""

    file: Path
    line: int
    reason: str


Report = Callable[[BadRow], None]


class _Probe(msgspec.Struct):
    kind: str
    event_time: int | None = None


@dataclass(frozen=True)
class HistoryFiles:
    """The files of a history, opened once and found to be such.

    `tables` are those of the files that are tables, by their path.
    """

    paths: tuple[Path, ...]
    tables: dict[Path, Table]

    @property
    def tells_stories(self) -> bool:
        """Whether equal signatures alone tell that records are the same story."""
        return all(path in self.tables for path in self.paths) and all(
            table.tells_stories for table in self.tables.values()
        )

    @property
    def without_stories(self) -> tuple[Path, ...]:
        """The tables that can't tell which rows are the same story."""
        return tuple(p for p, t in self.tables.items() if not {"story", "title"} & t.columns)


def open_history(paths: Sequence[Path]) -> HistoryFiles:
    """Look at the files of a history.

    Raises:
        FeedError: when one can't be read, is named as none of the formats, or lacks a column.
    """
    tables: dict[Path, Table] = {}
    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in (*_JSONL, *_TABLES):
            raise FeedError(
                f"{path}: a history ends in {', '.join((*_JSONL, *_TABLES))}; rename it"
            )
        if not path.is_file():
            raise FeedError(f"{path}: there is no such file; check the path")
        if suffix in _TABLES:
            tables[path] = open_table(path)
    return HistoryFiles(tuple(dict.fromkeys(paths)), tables)


def read_history(files: HistoryFiles, emitted: Emitted, report: Report) -> Iterator[ScoredRecord]:
    """The scored records of a history in order of event time, over all files together.

    Control records are passed over. Records of JSONL are as they were emitted; a row of a table
    becomes one for each series of the deployment that it feeds.

    Args:
        files: the files.
        emitted: which series the rows of a table feed.
        report: told of each row that can't be used.

    Raises:
        FeedError: when a file breaks off, or a table is out of order by more than `SORTED_ROWS`.
    """
    sources = [
        _from_table(files.tables[path], number, emitted, report)
        if path in files.tables
        else _from_jsonl(path, report)
        for number, path in enumerate(files.paths)
    ]
    if len(sources) == 1:
        return sources[0]
    return heapq.merge(*sources, key=lambda record: record.event_time)


def _from_jsonl(path: Path, report: Report) -> Iterator[ScoredRecord]:
    """The scored records of a JSONL file in order of time, in two passes.

    The stream's partitions are read side by side, each at its own pace, so that the order of
    lines says little. The first pass notes where each record stands, in 24 bytes.
    """
    times, offsets, lines = _index(path, report)
    with _opened(path) as stream:
        for at in np.argsort(np.frombuffer(times, dtype=np.int64), kind="stable").tolist():
            stream.seek(offsets[at])
            try:
                record = decode_scored(stream.readline())
            except msgspec.MsgspecError as error:
                report(BadRow(path, lines[at], str(error)))
                continue
            if isinstance(record, ScoredRecord):
                yield record


def _index(path: Path, report: Report) -> tuple[array[int], array[int], array[int]]:
    """The time, offset in bytes and line of each scored record."""
    times, offsets, lines = array("q"), array("q"), array("q")
    decoder = msgspec.json.Decoder(_Probe)
    offset = 0
    with _opened(path) as stream:
        for number, raw in enumerate(stream, 1):
            begin, offset = offset, offset + len(raw)
            if not raw.strip():
                continue
            try:
                probe = decoder.decode(raw)
            except msgspec.MsgspecError as error:
                report(BadRow(path, number, f"no record of the stream scored ({error})"))
                continue
            if probe.kind != "scored":
                continue
            if probe.event_time is None or abs(probe.event_time) >= 1 << 62:
                report(BadRow(path, number, "event_time is missing or no time"))
                continue
            times.append(probe.event_time)
            offsets.append(begin)
            lines.append(number)
    return times, offsets, lines


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise FeedError(f"{path}: can't be read ({error.strerror}); check the path") from None


def _from_table(
    table: Table, file: int, emitted: Emitted, report: Report
) -> Iterator[ScoredRecord]:
    for time, line, cells in _in_order(table, report):
        try:
            records = records_of(table, line, cells, time, file, emitted)
        except ValueError as error:
            report(BadRow(table.path, line, str(error)))
            continue
        yield from records


def _in_order(table: Table, report: Report) -> Iterator[tuple[int, int, Sequence[object]]]:
    """The rows in order of time, each with its time and line."""
    waiting: list[tuple[int, int, Sequence[object]]] = []
    latest = 0
    for line, cells in table.rows():
        try:
            time = event_time_of(cells[0])
        except ValueError as error:
            report(BadRow(table.path, line, str(error)))
            continue
        if time < latest:
            raise FeedError(
                f"{table.path}: line {line} is out of order by more than {SORTED_ROWS:,} rows; "
                "sort the file by event_time"
            )
        heapq.heappush(waiting, (time, line, cells))
        if len(waiting) > SORTED_ROWS:
            row = heapq.heappop(waiting)
            latest = row[0]
            yield row
    while waiting:
        yield heapq.heappop(waiting)
