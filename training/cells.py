"""What a cell means: the classes of a label, a time. Pure: a cell in, a value or a reason out."""

from __future__ import annotations

import ast
import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from training.sources.record import Disagreement, as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.recipe_data import Labels

NO_LABEL, UNKNOWN, SEVERAL = "no label", "unknown class", "several classes"
NOT_A_LITERAL, ENTITIES_DISAGREE = "not a valid literal", "entities disagree"
ANNOTATORS_DISAGREE = "annotators disagree"

_NUMBER = re.compile(r"-?\d{9,18}(?:\.0+)?")
_SECONDS_BELOW = 100_000_000_000  # as milliseconds that would be March 1973
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EARLIEST, _LATEST = 100_000_000, 253_402_300_799_999


def read_label(
    cell: Any, labels: Labels, classes: Sequence[str], *, several: bool = False
) -> tuple[int, ...] | str:
    """Returns the indices of a cell's classes in order, or the reason why none of them counts.

    Args:
        cell: a text or a number, or a list of them; `{"choices": …}` stands for its list.
        labels: how it is read.
        classes: names in the order of the network's outputs.
        several: a text may have any number of classes. An empty list then says that it has none
            of them, which is a label; an empty cell says nothing.
    """
    named = _named(cell, labels)
    if isinstance(named, str):
        return named
    names = [labels.classes.get(name) if labels.classes else name for name in named]
    if any(name not in classes for name in names):
        return UNKNOWN
    found = tuple(sorted({classes.index(name) for name in names if name is not None}))
    if several:
        return found
    if len(found) > 1:
        return SEVERAL
    return found or NO_LABEL


def _named(cell: Any, labels: Labels) -> list[str] | str:
    """The values that a cell names, stripped, or the reason why it names none."""
    if isinstance(cell, Disagreement):
        return ANNOTATORS_DISAGREE
    if isinstance(cell, dict) and isinstance(cell.get("choices"), list):
        cell = cell["choices"]
    if isinstance(cell, (list, tuple)):
        return [name for each in cell if (name := as_text(each).strip())]
    text = as_text(cell).strip()
    if not text:
        return NO_LABEL
    if labels.format == "unanimous":
        return _unanimous(text)
    if labels.separator is not None:
        parts = (part.strip() for part in text.split(labels.separator))
        return [part for part in parts if part] or NO_LABEL
    return [text]


def _unanimous(text: str) -> list[str] | str:
    try:
        decisions = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return NOT_A_LITERAL
    if not isinstance(decisions, dict) or not decisions:
        return NOT_A_LITERAL
    values = {str(value).strip() for value in decisions.values()}
    if len(values) > 1:
        return ENTITIES_DISAGREE
    return [value for value in values if value] or NO_LABEL


def read_time(cell: Any) -> int | None:
    """Returns a cell's time in milliseconds since 1970; None for an empty one.

    A time without a zone is UTC, and a date its midnight. Numbers below 100,000,000,000 are
    seconds, others milliseconds.

    Raises:
        ValueError: when it is no time.
        OverflowError: when it is one before year 1 or after 9999.
    """
    match cell:
        case dt.datetime():
            return _milliseconds(cell)
        case dt.date():
            return _milliseconds(dt.datetime(cell.year, cell.month, cell.day, tzinfo=dt.UTC))
    text = as_text(cell).strip()
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        number = int(text.partition(".")[0])
        time = number * 1000 if _EARLIEST <= number < _SECONDS_BELOW else number
        if not _SECONDS_BELOW <= time <= _LATEST:
            raise ValueError(f"{number} is not in seconds or milliseconds since 1970")
        return time
    return _milliseconds(dt.datetime.fromisoformat(text))


def _milliseconds(moment: dt.datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    # In UTC, where a moment beyond the first or last year is refused: nothing could show it.
    return (moment.astimezone(dt.UTC) - _EPOCH) // dt.timedelta(milliseconds=1)
