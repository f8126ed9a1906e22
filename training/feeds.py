"""Reads labelled feeds into rows. Knows columns and class names; removes nothing between rows.

Every row that is read comes out either as a `Row` or in the count of a named reason, so that the
feed report adds up. The syntax of files is `training.sources`'; what is wrong between rows
(duplicates, leaks) is `hygiene`'s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor.errors import FeedError
from monitor.model.bundle import SENTIMENTS
from monitor.model.text import clean, normalise
from training.cells import NO_LABEL, SEVERAL, UNKNOWN, read_label, read_time
from training.sources.opening import open_source
from training.sources.record import Broken, Record, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from training.recipe_data import Feed, Format, Hygiene, Labels, Source

IGNORED = -100  # the label of a head that a row says nothing about; torch's losses skip it
EMPTY, NOT_TEXT, NO_TIME = "empty text", "text is a list or an object", "no readable time"
_PLACES: dict[Format, str] = {
    "json": "element",
    "parquet": "row",
    "label-studio": "task",
    "stream": "offset",
}
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text: cleaned, with its duplicate key and the index of each head's class.

    `topics` has every topic of the text in order, () where it is known to have none of them, and
    is None where the row says nothing about topics. `topic` is the only one of `topics`, and
    `IGNORED` where there is not exactly one: it is all that single-label training needs.

    `line` is where the row stood in its feed, `time` in milliseconds since 1970. `group` names
    the cluster of near-duplicates that the text belongs to: the smallest key of the cluster.
    """

    text: str
    key: str
    feed: str
    topic: int = IGNORED
    sentiment: int = IGNORED
    weight: float = 1.0
    topics: tuple[int, ...] | None = None
    line: int = 0
    id: str | None = None
    time: int | None = None
    source: str | None = None
    language: str | None = None
    group: str = ""

    def __post_init__(self) -> None:
        # Frozen: set once, here, so that a row given one of the two has both.
        if self.topics is not None:
            only = self.topics[0] if len(self.topics) == 1 else IGNORED
            object.__setattr__(self, "topic", only)
        elif self.topic != IGNORED:
            object.__setattr__(self, "topics", (self.topic,))
        if not self.group:
            object.__setattr__(self, "group", self.key)


@dataclass
class FeedReport:
    """What became of a feed's rows; `read` is `kept` + `held_out` + the sum of `dropped`.

    `noted` counts what was seen and left as it is. `first` says for a reason where it was met
    first, and what stood there.
    """

    feed: str
    read: int = 0
    kept: int = 0
    held_out: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        """What may be kept in a bundle, which is copied and published: no text of a feed."""
        return {name: value for name, value in vars(self).items() if name != "first"}

    def drop(self, reason: str, where: str = "") -> None:
        """Counts a row that is not used."""
        self.dropped[reason] += 1
        if where:
            self.first.setdefault(reason, where)

    def note(self, reason: str, where: str = "") -> None:
        """Counts a row that is used, though something is to be said of it."""
        self.noted[reason] += 1
        if where:
            self.first.setdefault(reason, where)


@dataclass(frozen=True)
class HeldOut:
    """The texts of a file that is held out: duplicate key → the text, cleaned."""

    name: str
    texts: dict[str, str]


def read_feed(
    feed: Feed,
    topics: tuple[str, ...],
    data: Path,
    *,
    several: bool = False,
    policy: Hygiene | None = None,
) -> tuple[list[Row], FeedReport]:
    """Reads one feed. A row without readable text or any usable label is dropped and counted.

    Args:
        feed: what the recipe says of it.
        topics: the classes of the topic head.
        data: the directory that the recipe's files are relative to.
        several: a text may have any number of topics.
        policy: whether an unknown class or an empty text is counted (the default) or refused.

    Raises:
        FeedError: the file can't be read as the recipe says, holds no usable row, or what the
            policy refuses.
    """
    heads = [(feed.topic, topics), (feed.sentiment, SENTIMENTS)]
    labels = [each.column for each, _ in heads if each]
    optional = (feed.time_column, feed.source_column, feed.language_column, feed.id_column)
    columns = dict.fromkeys([feed.text_column, *labels, *filter(None, optional)])
    opened = open_source(feed, data, list(columns))
    reader = _Reader(feed, topics, opened.where, several=several, policy=policy)
    rows = list(reader.rows(opened.records))
    if not rows:
        counts = ", ".join(f"{reason}: {n}" for reason, n in reader.report.dropped.items())
        first = next(iter(reader.report.first.values()), "")
        raise FeedError(
            f"{opened.where}: not one usable row ({counts or 'it is empty'}"
            f"{f'; first at {first}' if first else ''}); check the class mapping of feed "
            f"{feed.name!r}"
        )
    return rows, reader.report


class _Reader:
    """Turns the records of one feed into rows, and keeps its report."""

    def __init__(
        self,
        feed: Feed,
        topics: tuple[str, ...],
        where: str,
        *,
        several: bool,
        policy: Hygiene | None,
    ) -> None:
        self.report = FeedReport(feed.name)
        self._feed = feed
        self._topics = topics
        self._where = where
        self._several = several
        self._refused = set()
        if policy is not None and policy.unknown_classes == "refuse":
            self._refused.add(UNKNOWN)
        if policy is not None and policy.empty_texts == "refuse":
            self._refused.add(EMPTY)

    def rows(self, records: Iterable[Record | Broken]) -> Iterator[Row]:
        for record in records:
            self.report.read += 1
            if isinstance(record, Broken):
                self.report.drop(record.reason, self._place(record.line))
            elif (row := self._row(record)) is not None:
                yield row

    def _row(self, record: Record) -> Row | None:
        feed, cells = self._feed, record.cells
        text = cells.get(feed.text_column)
        if isinstance(text, (list, dict)):
            self._drop(NOT_TEXT, record, feed.text_column)
            return None
        raw = as_text(text)
        key = normalise(raw)
        if not key:
            self._drop(EMPTY, record, feed.text_column)
            return None
        topics = self._label(record, feed.topic, self._topics, several=self._several)
        sentiment = self._label(record, feed.sentiment, SENTIMENTS, several=False)
        if isinstance(topics, str) and isinstance(sentiment, str):
            # "no label" is said only where no head has a better reason.
            head = feed.topic if feed.sentiment is None or topics != NO_LABEL else feed.sentiment
            reason = topics if head is feed.topic else sentiment
            self._drop(reason, record, head.column if head else feed.text_column)
            return None
        for found in (topics, sentiment):
            if isinstance(found, str) and found != NO_LABEL:
                self.report.note(f"{found}, label left out")
        return Row(
            clean(raw),
            key,
            feed.name,
            sentiment=IGNORED if isinstance(sentiment, str) else sentiment[0],
            weight=feed.weight,
            topics=None if isinstance(topics, str) else topics,
            line=record.line,
            id=_optional(cells, feed.id_column),
            time=self._time(record),
            source=_optional(cells, feed.source_column),
            language=_optional(cells, feed.language_column),
        )

    def _label(
        self, record: Record, labels: Labels | None, classes: tuple[str, ...], *, several: bool
    ) -> tuple[int, ...] | str:
        if labels is None:
            return NO_LABEL
        found = read_label(record.cells.get(labels.column), labels, classes, several=several)
        if found in (UNKNOWN, SEVERAL):
            self._unusable(str(found), record, labels.column)
        return found

    def _unusable(self, reason: str, record: Record, column: str) -> None:
        """Notes a label that does not count, or refuses the feed because of it."""
        place = self._place(record.line, column, record.cells.get(column))
        if reason in self._refused:
            raise FeedError(
                f"{self._where}: {place}: {reason}, which the recipe's hygiene refuses; correct "
                f"the cell, or the recipe's mapping of feed {self._feed.name!r}"
            )
        self.report.first.setdefault(reason, place)

    def _drop(self, reason: str, record: Record, column: str) -> None:
        self._unusable(reason, record, column)
        self.report.drop(reason)

    def _time(self, record: Record) -> int | None:
        column = self._feed.time_column
        if column is None:
            return None
        cell = record.cells.get(column)
        try:
            return read_time(cell)
        except (ValueError, OverflowError):
            self.report.note(NO_TIME, self._place(record.line, column, cell))
            return None

    def _place(self, line: int, column: str = "", cell: Any = None) -> str:
        place = f"{_PLACES.get(self._feed.format, 'line')} {line}"
        if not column:
            return place
        shown = as_text(cell)  # as it is compared with the recipe's classes
        shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
        return f"{place}, column {column!r}: {shown!r}"


def _optional(cells: Any, column: str | None) -> str | None:
    """An optional cell, its white space and invisible characters cleaned away."""
    return (clean(as_text(cells.get(column))) or None) if column else None


def read_held_out(source: Source, data: Path) -> HeldOut:
    """Reads the texts of a file that is held out; its labels are not read.

    Raises:
        FeedError: it can't be read as the recipe says.
    """
    opened = open_source(source, data, [source.text_column])
    texts: dict[str, str] = {}
    for record in opened.records:
        if isinstance(record, Record):
            raw = as_text(record.cells.get(source.text_column))
            texts.setdefault(normalise(raw), clean(raw))
    texts.pop("", None)
    return HeldOut(source.file or "stream labels", texts)
