"""Reads labelled feeds into rows. Knows files, columns and class names; removes nothing yet.

Every row that is read comes out either as a `Row` or in the count of a named reason, so that the
feed report adds up. What is wrong between rows (duplicates, leaks) is `hygiene`'s.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from monitor.errors import FeedError
from monitor.model.bundle import SENTIMENTS, digest
from monitor.model.text import clean, normalise

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from training.recipe import Feed, Holdout, Labels

IGNORED = -100  # the label of a head that a row says nothing about; torch's losses skip it


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text: cleaned, with its duplicate key and the index of each head's class."""

    text: str
    key: str
    feed: str
    topic: int = IGNORED
    sentiment: int = IGNORED
    weight: float = 1.0


@dataclass
class FeedReport:
    """What became of a feed's rows; `read` equals `kept` plus the sum of `dropped`."""

    feed: str
    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def read_table(file: Path, kind: str, columns: list[str], sha256: str | None) -> pd.DataFrame:
    """Reads a CSV or JSONL file, every cell as text (empty where there is none).

    Raises:
        FeedError: the file is missing, is not the one the recipe names, is not in its format, or
            lacks a column.
    """
    import pandas as pd

    if not file.is_file():
        raise FeedError(f"{file}: no such file; say with --data where the feeds lie")
    if sha256 and (actual := digest(file)) != sha256:
        raise FeedError(
            f"{file}: SHA-256 is {actual[:12]}…, the recipe expects {sha256[:12]}…; fetch the data "
            "set the recipe names, or correct the recipe"
        )
    try:
        if kind == "csv":
            table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
        else:
            # Not read_json: it turns whole numbers into fractions where one is missing.
            lines = file.read_text(encoding="utf-8").splitlines()
            table = pd.DataFrame(
                [msgspec.json.decode(line, type=dict) for line in lines if line.strip()],
                dtype=object,
            )
    except (ValueError, UnicodeDecodeError, msgspec.DecodeError) as error:
        reason = " ".join(str(error).split())
        raise FeedError(f"{file}: not {kind.upper()} in UTF-8 ({reason}); mend the file") from error
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise FeedError(
            f"{file}: no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, map(str, table.columns)))}: correct the recipe's column names"
        )
    return table[columns].astype(object).where(table[columns].notna(), "").astype(str)


def read_feed(feed: Feed, topics: tuple[str, ...], data: Path) -> tuple[list[Row], FeedReport]:
    """Reads one feed. A row without readable text or any usable label is dropped and counted."""
    heads = [(feed.topic, topics), (feed.sentiment, SENTIMENTS)]
    columns = [feed.text_column] + [labels.column for labels, _ in heads if labels]
    table = read_table(data / feed.file, feed.format, list(dict.fromkeys(columns)), feed.sha256)
    rows: list[Row] = []
    report = FeedReport(feed.name, read=len(table))
    for record in table.to_dict("records"):
        raw = record[feed.text_column]
        text, key = clean(raw), normalise(raw)
        if not key:
            report.dropped["empty text"] += 1
            continue
        found = [
            read_label(record[labels.column], labels, classes) if labels else "no label"
            for labels, classes in heads
        ]
        topic, sentiment = (value if isinstance(value, int) else IGNORED for value in found)
        if topic == sentiment == IGNORED:
            # "no label" is said only where no head has a better reason.
            reasons = [r for r in found if isinstance(r, str)]
            report.dropped[next((r for r in reasons if r != "no label"), "no label")] += 1
            continue
        rows.append(Row(text, key, feed.name, topic, sentiment, feed.weight))
    if not rows:
        raise FeedError(
            f"{data / feed.file}: not one usable row ({_counts(report.dropped)}); check the "
            f"class mapping of feed {feed.name!r}"
        )
    return rows, report


def read_label(cell: str, labels: Labels, classes: tuple[str, ...]) -> int | str:
    """Returns the index of a cell's class, or the reason why it has none."""
    if labels.format == "unanimous":
        try:
            decisions = ast.literal_eval(cell)
        except (ValueError, SyntaxError):
            return "not a valid literal"
        if not isinstance(decisions, dict) or not decisions:
            return "not a valid literal"
        values = {str(v) for v in decisions.values()}
        if len(values) > 1:
            return "entities disagree"
        cell = values.pop()
    cell = cell.strip()
    if not cell:
        return "no label"
    name = labels.classes.get(cell) if labels.classes else cell
    return classes.index(name) if name in classes else "unknown class"


def holdout_keys(holdouts: tuple[Holdout, ...], data: Path) -> set[str]:
    """Returns the duplicate keys of every held-out text; their labels are not read."""
    keys: set[str] = set()
    for holdout in holdouts:
        table = read_table(
            data / holdout.file, holdout.format, [holdout.text_column], holdout.sha256
        )
        keys.update(map(normalise, table[holdout.text_column]))
    return keys - {""}


def _counts(dropped: Counter[str]) -> str:
    return ", ".join(f"{reason}: {n}" for reason, n in dropped.items()) or "it is empty"
