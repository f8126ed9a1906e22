"""What a report says, as values; `docs/schemas/evaluation.schema.json` is generated from here.

Numbers only: how they are shown is `page`'s, how they are come by is `making`'s.
`python -m training.report.content DIRECTORY` writes the schema; a test keeps it true.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from training.averages import HeadNumbers
from training.behaviour.judging import Outcome
from training.curves import Curves
from training.drift import Drift
from training.mistakes import Mistake
from training.reliability import Reliability
from training.slices import Slice
from training.tune_result import Found

SCHEMA_VERSION = 1
SCHEMA_FILE = "evaluation.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class HeadReport(msgspec.Struct, frozen=True):
    """One head on one set of rows; `before` and `after` temperature scaling."""

    head: str
    numbers: HeadNumbers
    before: Reliability
    after: Reliability
    slices: tuple[Slice, ...]
    mistakes: tuple[Mistake, ...]


class Evaluated(msgspec.Struct, frozen=True):
    """One set of labelled rows: `texts` were judged, `dropped` were not, by reason."""

    name: str
    note: str
    texts: int
    dropped: dict[str, int]
    heads: tuple[HeadReport, ...]


class Subject(msgspec.Struct, frozen=True):
    """The bundle that was measured."""

    name: str
    version: str
    created_at: str
    base_model: str
    languages: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation. `behaviour_sha256` names the cases; only like cases can be compared."""

    schema_version: int = SCHEMA_VERSION
    made_at: str
    bundle: Subject
    sets: tuple[Evaluated, ...]
    behaviour: tuple[Outcome, ...] = ()
    behaviour_sha256: str | None = None
    curves: Curves = Curves()
    tuning: Found | None = None
    drift: Drift | None = None


def encode(report: Report) -> bytes:
    """Returns the report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def schema() -> bytes:
    """Returns the JSON Schema of a report."""
    found = {"$schema": _DIALECT, **msgspec.json.schema(Report)}
    return msgspec.json.format(msgspec.json.encode(found)) + b"\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) / SCHEMA_FILE).write_bytes(schema())
