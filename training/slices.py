"""The same numbers on parts of the rows: by source, language, length and time. Pure.

A part that is much worse than the whole is where the next labels should come from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from training.averages import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from training.averages import HeadNumbers
    from training.feeds import Row

LENGTHS = (8, 16, 24, 32, 48, 64, 96)  # tokens, each the most of its slice
MOST = 12  # slices of one kind; the smaller ones are told together
OTHERS = "all others"
_MONTHS_AT_MOST = 18


@dataclass(frozen=True, slots=True)
class Facts:
    """What the slices go by: one value for each kind, None where a row does not tell."""

    source: str | None
    language: str | None
    length: str
    time: str | None


class Slice(msgspec.Struct, frozen=True):
    """The rows that share a value of `by`."""

    by: str
    name: str
    rows: int
    accuracy: Estimate
    macro_f1: Estimate


def facts_of(
    rows: Sequence[Row], tokens: Sequence[int], languages: Sequence[str]
) -> tuple[Facts, ...]:
    """Returns the facts of each row.

    Args:
        rows: a row names its source, language and time where its feed has them.
        tokens: of each row's text, as the model reads it.
        languages: of each row's text, as the daemon tells it; for rows that name none.
    """
    form = _form([row.time for row in rows if row.time is not None])
    return tuple(
        Facts(
            row.source or row.feed,
            row.language or told,
            _length(count),
            None if row.time is None else _utc(row.time).strftime(form),
        )
        for row, told, count in zip(rows, languages, tokens, strict=True)
    )


def slices(
    facts: Sequence[Facts], measure: Callable[[NDArray[np.bool_]], HeadNumbers]
) -> tuple[Slice, ...]:
    """Returns the slices of labelled rows; a kind of which all rows share one value is left out.

    Args:
        facts: of each row.
        measure: the numbers of chosen rows, told as a mask over them.
    """
    found: list[Slice] = []
    for by in ("source", "language", "length", "time"):
        values = [getattr(each, by) for each in facts]
        counts = Counter(value for value in values if value is not None)
        named = {value for value, _ in counts.most_common(MOST)}
        rest = counts.keys() - named
        if len(counts) < 2:
            continue
        for name in [*sorted(named, key=_order), *([OTHERS] if rest else [])]:
            chosen = np.array(
                [value in rest if name == OTHERS else value == name for value in values]
            )
            if chosen.any():
                part = measure(chosen)
                found.append(Slice(by, name, part.rows, part.accuracy, part.macro.f1))
    return tuple(found)


def _order(name: str) -> tuple[int, str]:
    """Lengths by their number, everything else by name."""
    digits = name.partition(" ")[0]
    return (int(digits) if digits.isdigit() else 0, name)


def _length(tokens: int) -> str:
    least = 1
    for most in LENGTHS:
        if tokens <= most:
            return f"{least} to {most} tokens"
        least = most + 1
    return f"{least} tokens or more"


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _form(times: Sequence[int]) -> str:
    if not times:
        return "%Y"
    first, last = _utc(min(times)), _utc(max(times))
    months = (last.year - first.year) * 12 + last.month - first.month
    return "%Y-%m" if months < _MONTHS_AT_MOST else "%Y"
