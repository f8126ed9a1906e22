"""Reading files of news, JSONL and CSV, as the records that a publisher would send.

It reads row by row, so that a file may be larger than memory. It judges no record: a broken line
is passed on as it stands, so that it ends where broken records end.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from monitor.errors import FeedError

Format = Literal["jsonl", "csv"]
_FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
}
# CSV columns of the item's fields, by other names that feeds and label files give them.
_ALIASES = {
    "headline": "title",
    "text": "title",
    "link": "url",
    "lang": "language",
    "summary": "body",
    "content": "body",
    "tickers": "entities",
}
_FIELDS = (
    "id", "title", "published_at", "body", "source", "url", "language", "entities", "retracts",
)  # fmt: skip
_MILLISECONDS = re.compile(r"-?[0-9]{1,18}")
_LARGEST_CELL = 64 * 1024 * 1024


class FeedRecord(msgspec.Struct, frozen=True):
    """One news record of a file, and the line on which it begins (the first is 1).

    `value` is the record as published: a JSONL line byte for byte, a CSV row as JSON. `row` holds
    the cells of a CSV row by column, and is None for JSONL.
    """

    line: int
    value: bytes
    row: dict[str, str] | None = None


def read_feed(path: Path) -> Iterator[FeedRecord]:
    """Read the records of a JSONL or CSV file, one after the other. Empty lines are passed over.

    In a CSV, columns named as the fields of a news item (or `text`, `headline`, `link` and the
    like) become those; `entities` are separated by semicolons or vertical bars; empty cells
    are left out; all other columns travel on as they are.

    Raises:
        FeedError: when the file can't be read, or is a CSV without a column for the title. That
            is raised at the call, not at the first record.
    """
    if format_of(path) == "csv":
        return _read_csv(path, csv_columns(path))
    _opened(path).close()
    return _read_jsonl(path)


def format_of(path: Path) -> Format:
    """The format of a file, by its suffix.

    Raises:
        FeedError: when the suffix names none.
    """
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise FeedError(f"{path}: a file of news ends in {', '.join(_FORMATS)}; rename it")
    return kind


def csv_columns(path: Path) -> list[str]:
    """The columns of a CSV file of news, in order.

    Raises:
        FeedError: as `read_feed`.
    """
    with _opened(path, is_text=True) as stream:
        _, columns = next(_csv_rows(path, stream), (0, []))
    columns = [column.strip() for column in columns]
    if "title" not in _fields_of(columns).values():
        seen = ", ".join(repr(column) for column in columns) or "none"
        raise FeedError(
            f"{path}: no column title, headline or text (columns: {seen}); name the column that "
            "holds the headline 'title'"
        )
    if len(set(columns)) != len(columns):
        raise FeedError(f"{path}: two columns have the same name; rename one of them")
    return columns


def _opened(path: Path, *, is_text: bool = False) -> IO[Any]:
    try:
        if not is_text:
            return path.open("rb")
        # A row may hold bytes that are not UTF-8. They are kept as lone surrogates, and become
        # what they were when the record is made, so that the row fails as such a record does.
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise FeedError(f"{path}: can't be read ({error.strerror}); check the path") from error


def _read_jsonl(path: Path) -> Iterator[FeedRecord]:
    with _opened(path) as stream:
        for number, raw in enumerate(stream, 1):
            line = raw.rstrip(b"\r\n")
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                yield FeedRecord(number, line)


def _csv_rows(path: Path, stream: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line on which each begins."""
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(stream, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FeedError(f"{path}: line {line}: not valid CSV ({error})") from error


def _read_csv(path: Path, columns: list[str]) -> Iterator[FeedRecord]:
    fields = _fields_of(columns)
    with _opened(path, is_text=True) as stream:
        rows = _csv_rows(path, stream)
        next(rows)
        for line, cells in rows:
            if not any(cells):
                continue
            if len(cells) > len(columns):
                raise FeedError(
                    f"{path}: line {line} has {len(cells)} cells, the header {len(columns)}; quote "
                    "cells that hold commas"
                )
            row = dict(itertools.zip_longest(columns, cells, fillvalue=""))
            yield FeedRecord(line, _as_record(row, fields), row)


def _fields_of(columns: list[str]) -> dict[str, str]:
    """Column → field of the item, for the columns that are one; an exact name beats an alias."""
    names = {column.lower(): column for column in columns}
    fields = {names[field]: field for field in _FIELDS if field in names}
    for alias, field in _ALIASES.items():
        if alias in names and field not in fields.values():
            fields[names[alias]] = field
    return fields


def _as_record(row: Mapping[str, str], fields: Mapping[str, str]) -> bytes:
    record: dict[str, str | int | list[str]] = {}
    for column, cell in row.items():
        field = fields.get(column, column)
        if field == "title" or cell.strip():
            record[field] = _value(field, cell)
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return _raw_json(record)


def _value(field: str, cell: str) -> str | int | list[str]:
    if field == "published_at":
        stripped = cell.strip()
        return int(stripped) if _MILLISECONDS.fullmatch(stripped) else stripped
    if field == "entities":
        parts = cell.replace("|", ";").split(";")
        return [part.strip() for part in parts if part.strip()]
    return cell


def _raw_json(record: Mapping[str, object]) -> bytes:
    """JSON in which bytes that were not UTF-8 stand as they stood in the file."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogateescape")
