"""Tables of labels: CSV, JSONL, a JSON array, Parquet. Cells come out as they stand.

Owns the syntax of the four and what is wrong with a file; it knows no label.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import FeedError
from training.sources.encodings import lines, not_encoded, opened, undecoded
from training.sources.record import Broken, Record

_LARGEST_CELL = 64 * 1024 * 1024
_MOST_COLUMNS_SHOWN = 30
_NOT_JSON = (msgspec.DecodeError, RecursionError)  # the latter of what is nested without end
_BYTE = re.compile(r"\(byte (\d+)\)")
_object: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_array: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


def read_csv(
    file: Path, columns: Sequence[str], encoding: str, delimiter: str
) -> Iterator[Record | Broken]:
    """The rows of a CSV file; the first one names the columns. Empty lines are passed over.

    Raises:
        FeedError: for a fault of the file, with its line.
    """
    csv.field_size_limit(_LARGEST_CELL)
    with opened(file, encoding) as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        line = 1
        try:
            names = [name.strip() for name in next(reader, [])]
            _check_header(file, names, columns)
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield Record(line, _csv_cells(file, line, names, cells, encoding))
                line = reader.line_num + 1
        except csv.Error as error:
            raise FeedError(
                f"{file}: line {line}: not CSV ({error}); double the quotes within a cell, and "
                "quote cells that hold quotes, commas or line ends"
            ) from error
        except UnicodeError as error:  # of UTF-16 without its mark it is no UnicodeDecodeError
            raise not_encoded(file, line, encoding) from error


def _check_header(file: Path, names: Sequence[str], columns: Sequence[str]) -> None:
    if any(map(undecoded, names)):
        raise not_encoded(file, 1, "utf-8")
    require_columns(str(file), names, columns)
    _refuse_twice(f"{file}: line 1", names, columns)


def _refuse_twice(where: str, names: Sequence[str], columns: Sequence[str]) -> None:
    twice = {name for name in names if names.count(name) > 1 and name in columns}
    if twice:
        raise FeedError(f"{where}: two columns are called {min(twice)!r}; rename one of them")


def _csv_cells(
    file: Path, line: int, names: Sequence[str], cells: Sequence[str], encoding: str
) -> dict[str, str]:
    if len(cells) > len(names):
        raise FeedError(
            f"{file}: line {line}: {len(cells)} cells, but {len(names)} columns; quote cells that "
            "hold the delimiter"
        )
    found = dict(zip_longest(names, cells, fillvalue=""))
    for name, cell in found.items():
        if undecoded(cell):
            raise not_encoded(file, line, encoding, name)
    return found


def require_columns(where: str, names: Sequence[str], columns: Sequence[str]) -> None:
    """Checks that a table has the columns.

    Raises:
        FeedError: naming what it lacks and what it has.
    """
    missing = [column for column in columns if column not in names]
    if missing:
        has = ", ".join(map(repr, names[:_MOST_COLUMNS_SHOWN])) or "none"
        raise FeedError(
            f"{where}: no column {', '.join(map(repr, missing))}; it has {has}: correct the "
            "recipe's column names"
        )


def read_jsonl(file: Path, columns: Sequence[str], encoding: str) -> Iterator[Record | Broken]:
    """The objects of a file with one a line. A key that an object lacks is an empty cell.

    Raises:
        FeedError: for a line that is no JSON object, or when no line has a column.
    """
    wanted = _Wanted(str(file), columns)
    for number, line in lines(file, encoding):
        if not line.strip():
            continue
        try:
            cells = _object.decode(line)
        except _NOT_JSON as error:
            raise FeedError(
                f"{file}: line {number}: not JSONL ({error}); put one object on each line"
            ) from error
        wanted.note(cells)
        yield Record(number, cells)
    wanted.check()


def read_json(file: Path, columns: Sequence[str], encoding: str) -> Iterator[Record | Broken]:
    """The objects of a file that is one JSON array. It is held in memory as a whole.

    Raises:
        FeedError: when it is no array of objects, or no object has a column.
    """
    wanted = _Wanted(str(file), columns)
    for number, raw in enumerate(json_array(file, encoding), 1):
        try:
            cells = _object.decode(raw)
        except _NOT_JSON as error:
            raise FeedError(
                f"{file}: element {number}: not an object ({error}); give a list of objects"
            ) from error
        wanted.note(cells)
        yield Record(number, cells)
    wanted.check()


def json_array(file: Path, encoding: str = "utf-8") -> list[msgspec.Raw]:
    """The elements of a file that is one JSON array, not decoded yet.

    Raises:
        FeedError: when it is none, with the line of the fault.
    """
    text = "\n".join(line for _, line in lines(file, encoding)).encode()
    try:
        return _array.decode(text)
    except _NOT_JSON as error:
        place = _BYTE.search(str(error))
        before = text.count(b"\n", 0, int(place[1])) if place else 0
        raise FeedError(
            f"{file}: line {before + 1}: not a JSON array ({error}); write [{{…}}, {{…}}], or name "
            "the format jsonl where each line is an object"
        ) from error


class _Wanted:
    """Notices columns that no object of a file has. An object alone may lack any."""

    def __init__(self, where: str, columns: Sequence[str]) -> None:
        self._where = where
        self._columns = columns
        self._unseen = set(columns)
        self._seen: dict[str, None] = {}

    def note(self, cells: dict[str, Any]) -> None:
        """Take note of one object."""
        if self._unseen:
            self._unseen.difference_update(cells)
            self._seen.update(dict.fromkeys(cells))

    def check(self) -> None:
        """At the end: raises FeedError when a column was in no object."""
        if self._unseen and self._seen:
            require_columns(self._where, list(self._seen), self._columns)


def read_parquet(file: Path, columns: Sequence[str]) -> Iterator[Record | Broken]:
    """The rows of a Parquet file, of which only the wanted columns are read.

    Raises:
        FeedError: when it is none, lacks a column, or pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise FeedError(
            f"{file}: reading Parquet needs pyarrow; pip install 'newsurge[train]', or give the "
            "feed as CSV or JSONL"
        ) from None
    try:
        table = parquet.ParquetFile(file)
        require_columns(str(file), table.schema_arrow.names, columns)
        _refuse_twice(str(file), table.schema_arrow.names, columns)
        number = 0
        for batch in table.iter_batches(columns=list(columns)):
            held = [_as_text(batch.column(name)).to_pylist() for name in columns]
            for cells in zip(*held, strict=True):
                number += 1
                yield Record(number, dict(zip(columns, cells, strict=True)))
    except (OSError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())
        raise FeedError(
            f"{file}: can't be read as Parquet ({reason}); check the file, or name its format in "
            "the recipe"
        ) from error


def _as_text(column: Any) -> Any:
    """The column, as text where it holds bytes: older writers don't mark their texts as such."""
    from pyarrow import types

    is_bytes = types.is_binary(column.type) or types.is_large_binary(column.type)
    return column.cast("string") if is_bytes else column
