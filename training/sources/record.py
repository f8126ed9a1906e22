"""What every source hands out, and how a cell becomes text. Knows no format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a source: where it stands, and its cells by column.

    `line` counts from 1. It is the line on which the row begins in a CSV, JSONL or PhraseBank
    file, the element of a JSON array, the row of a Parquet file, or the offset in a stream.
    A cell is a text, a number, a list of these, None, or `Disagreement`.
    """

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The cell of a label on which the annotators of a text do not agree."""

    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that can't be read although the file can: where, and a reason from a bounded set."""

    line: int
    reason: str


def as_text(cell: Any) -> str:
    """The text of a cell; empty for None and NaN.

    A whole number has no fraction (2.0 is `2`): tables keep whole numbers as fractions wherever
    one of them is missing. A truth value is `true` or `false`, as in JSON.
    """
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if math.isnan(cell):
            return ""
        return str(int(cell)) if cell.is_integer() else str(cell)
    return str(cell)
