"""JSON Schemas of the wire and of `alerts.yaml`, generated from the types.

`python -m monitor.schemas DIRECTORY` writes them; a test keeps `docs/schemas/` true.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from monitor import records
from monitor.backtest.result import Backtest
from monitor.desk.records import DeskRecord
from monitor.labels.record import Label
from monitor.live.records import LiveRecord
from monitor.rules.schema import rules_schema

_NEWS_ITEM: dict[str, Any] = {
    "title": "NewsItem",
    "description": "A record of `news` as published. Unknown fields travel on untouched.",
    "type": "object",
    "required": ["title"],
    "properties": {
        "id": {
            "type": ["string", "null"],
            "description": "Absent: a stable hash of source, title and published_at.",
        },
        "published_at": {
            "description": "RFC 3339 with an offset, or milliseconds since 1970-01-01 UTC.",
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer"},
                {"type": "null"},
            ],
        },
        "title": {"type": "string", "minLength": 1},
        "body": {"type": ["string", "null"]},
        "source": {"type": ["string", "null"]},
        "url": {"type": ["string", "null"]},
        "language": {"type": ["string", "null"], "description": "ISO 639-1, such as en."},
        "entities": {"type": ["array", "null"], "items": {"type": "string"}},
        "retracts": {
            "type": ["string", "null"],
            "description": "The id of an item that this one corrects or withdraws.",
        },
    },
}
_TYPES: dict[str, Any] = {
    "scored": records.Scored,
    "alert": records.AlertEvent,
    "notification": records.Notification,
    "backtest": Backtest,
    "desk": DeskRecord,
    "label": Label,
    "live": LiveRecord,
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, bytes]:
    """Every schema as formatted JSON, by the name of its file without the ending."""
    found = {"news": _NEWS_ITEM, "alerts": rules_schema()} | {
        name: msgspec.json.schema(type_) for name, type_ in _TYPES.items()
    }
    return {
        name: msgspec.json.format(msgspec.json.encode({"$schema": _DIALECT, **schema})) + b"\n"
        for name, schema in found.items()
    }


def write(directory: Path) -> None:
    """Write the schemas into a directory, as `NAME.schema.json`."""
    for name, schema in schemas().items():
        (directory / f"{name}.schema.json").write_bytes(schema)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
