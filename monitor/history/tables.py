"""History as tables, CSV and Parquet: one row a headline, to the scored records of its series.

Owns the columns and what is wrong with a row; the order of rows is `monitor.history.reading`'s.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.errors import FeedError
from monitor.model.signature import sign
from monitor.records import NewsItem, Origin, ScoredRecord, Sentiment, Series
from monitor.scoring.fan_out import ALL
from monitor.scoring.news import parse_time
from monitor.scoring.watchlist import Watchlist
from monitor.settings import ScoreSettings
from monitor.surge.signature import BYTES

NEEDED = ("event_time", "topic", "negative")
COLUMNS = (*NEEDED, "topic_probability", "entities", "story", "title")
"""The columns that are read; any other is passed over."""
UNSCORED = "history"
"""The model that rows of a table are said to be scored by, as they don't name theirs."""
_ALIASES = {"published_at": "event_time"}
_WHOLE = re.compile(r"-?\d{1,18}")
_NOT_SECONDS = 100_000_000_000
_LATEST = 253_402_300_799_999
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
Cells = Sequence[Any]


@dataclass(frozen=True)
class Emitted:
    """Which series a row feeds: what SCORE would emit in this deployment.

    Without a watchlist, entities are keys as they stand.
    """

    settings: ScoreSettings
    watchlist: Watchlist

    def entities(self, item: NewsItem) -> list[str]:
        """The keys of the entities that an item is about, each once."""
        most = self.settings.max_entities
        if self.watchlist.keys:
            return self.watchlist.match(item, most)
        return list(dict.fromkeys(item.entities))[:most]


@dataclass(frozen=True)
class Table:
    """A file of rows; `columns` are those of `COLUMNS` that it has."""

    path: Path
    columns: frozenset[str]

    @property
    def tells_stories(self) -> bool:
        """Whether equal signatures alone tell that rows are the same story.

        So it is where a column `story` says which are, and where nothing can.
        """
        return "story" in self.columns or "title" not in self.columns

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Each row with its line (CSV) or number (Parquet), as the cells of `COLUMNS`.

        Raises:
            FeedError: when the file breaks off or is not what its name says.
        """
        if self.path.suffix.lower() == ".csv":
            return _csv_rows(self.path)
        return _parquet_rows(self.path)


def open_table(path: Path) -> Table:
    """A CSV or Parquet file, whose columns suffice.

    Raises:
        FeedError: when it can't be read, lacks a column, or Parquet can't be read here.
    """
    names = column_names(path)
    columns = frozenset(_ALIASES.get(name, name) for name in names)
    missing = [column for column in NEEDED if column not in columns]
    if missing:
        raise FeedError(
            f"{path}: no column {', '.join(missing)} (columns: {', '.join(names) or 'none'}); "
            f"a history needs {', '.join(NEEDED)}"
        )
    return Table(path, columns & set(COLUMNS))


def column_names(path: Path) -> list[str]:
    """The columns of a CSV or Parquet file, as it names them.

    Raises:
        FeedError: when it can't be read, or Parquet can't be read here.
    """
    if path.suffix.lower() == ".csv":
        return _csv_header(path)
    return list(_parquet(path).schema_arrow.names)


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, as values by column.

    Raises:
        FeedError: when it can't be read, or Parquet can't be read here.
    """
    for batch in _parquet(path).iter_batches():
        yield from batch.to_pylist()


def event_time_of(cell: object) -> int:
    """Milliseconds since 1970 of a cell: RFC 3339, milliseconds, or a time with its zone.

    Raises:
        ValueError: when it is none of these.
    """
    match cell:
        case dt.datetime(tzinfo=None):
            raise ValueError("event_time has no time zone; write it as UTC")
        case dt.datetime():
            time = (cell - _EPOCH) // dt.timedelta(milliseconds=1)
        case str():
            text = cell.strip()
            time = int(text) if _WHOLE.fullmatch(text) else parse_time(text)
        case int():
            time = cell
        case _:
            raise ValueError(f"event_time {cell!r} is neither RFC 3339 nor milliseconds since 1970")
    if not _NOT_SECONDS <= time <= _LATEST:
        raise ValueError(f"event_time {time} is not in milliseconds since 1970, or before 1973")
    return time


def records_of(
    table: Table, line: int, cells: Cells, event_time: int, file: int, emitted: Emitted
) -> list[ScoredRecord]:
    """The scored records of a row, one for each series that it feeds.

    Neutral takes what the probability of negative leaves.

    Args:
        table: where it is from.
        line: where it stands there.
        cells: its cells, in the order of `COLUMNS`.
        event_time: its time in milliseconds.
        file: the number of the file among those read.
        emitted: which series there are.

    Raises:
        ValueError: when a cell can't be used.
    """
    _, topic, negative, topic_probability, entities, story, title = cells
    topic = "" if topic is None else str(topic).strip()
    likely = (
        1.0 if _empty(topic_probability) else _probability("topic_probability", topic_probability)
    )
    bad = _probability("negative", negative)
    place = f"{table.path.name}:{line}"
    item = NewsItem(
        id=place, title="" if title is None else str(title), entities=tuple(_names(entities))
    )
    sentiment = Sentiment(bad, 1 - bad, 0.0)
    if not table.tells_stories:
        signature = sign(item.title or place)
    else:
        signature = _signature(f"story {story}" if not _empty(story) else f"row {file} {line}")
    return [
        ScoredRecord(
            by=series.by, key=series.key, item=item, event_time=event_time, ingest_time=event_time,
            topic=topic or "none", topic_probability=likely, sentiment=sentiment, score=-bad,
            signature=signature, model=UNSCORED, origin=Origin(file, line),
        )
        for series in _series(topic, likely, item, emitted)
    ]  # fmt: skip


def _series(topic: str, likely: float, item: NewsItem, emitted: Emitted) -> list[Series]:
    dimensions = emitted.settings.dimensions
    found: list[Series] = []
    if "topic" in dimensions:
        told = topic and likely >= emitted.settings.topic_threshold
        found.append(Series("topic", topic if told else "none"))
    if "entity" in dimensions:
        found += [Series("entity", key) for key in emitted.entities(item)]
    if "all" in dimensions:
        found.append(ALL)
    return found


def _names(cell: Any) -> list[str]:
    if cell is None:
        return []
    parts = cell.replace("|", ";").split(";") if isinstance(cell, str) else [str(c) for c in cell]
    return [part.strip() for part in parts if part.strip()]


def _probability(column: str, cell: Any) -> float:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise ValueError(f"{column} {cell!r} is not a number") from None
    if not 0 <= value <= 1:
        raise ValueError(f"{column} {cell!r} is not a probability between 0 and 1")
    return value


def _empty(cell: Any) -> bool:
    return cell is None or cell == ""


def _signature(identity: str) -> bytes:
    """Stands for a story that is known by name: equal names alone are alike."""
    return hashlib.blake2b(identity.encode(), digest_size=BYTES).digest()


def _csv_header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return [name.strip() for name in next(csv.reader(stream), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedError(f"{path}: can't be read ({error}); check the path") from None


def _csv_rows(path: Path) -> Iterator[tuple[int, Cells]]:
    places = _places(_csv_header(path))
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.reader(stream)
        next(reader, None)
        before = reader.line_num
        try:
            for row in reader:
                line, before = before + 1, reader.line_num
                if row:
                    width = len(row)
                    yield line, [row[i] if i is not None and i < width else None for i in places]
        except csv.Error as error:
            raise FeedError(f"{path}: line {before + 1}: not valid CSV ({error})") from None


def _places(names: Sequence[str]) -> list[int | None]:
    """Where each of `COLUMNS` stands in a row."""
    known = [_ALIASES.get(name, name) for name in names]
    return [known.index(column) if column in known else None for column in COLUMNS]


def _parquet(path: Path) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise FeedError(
            f"{path}: reading Parquet needs pyarrow; install it with "
            "`pip install 'newsurge[history]'`, or give the history as CSV"
        ) from None
    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise FeedError(f"{path}: can't be read as Parquet ({error}); check the file") from None


def _parquet_rows(path: Path) -> Iterator[tuple[int, Cells]]:
    file = _parquet(path)
    places = _places(file.schema_arrow.names)
    names = [file.schema_arrow.names[place] for place in places if place is not None]
    number = 0
    for batch in file.iter_batches(columns=names):
        held = {_ALIASES.get(n, n): batch.column(n).to_pylist() for n in names}
        nothing = [None] * batch.num_rows
        for cells in zip(*(held.get(column, nothing) for column in COLUMNS), strict=True):
            number += 1
            yield number, cells
