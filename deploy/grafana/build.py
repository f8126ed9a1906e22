"""The dashboards as Grafana reads them, made from their source.

    python -m deploy.grafana.build    writes deploy/grafana/dashboards/*.json

A test holds the files against the source. It needs the extra `dev`.
"""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.pipeline import pipeline
from deploy.grafana.sentiment import sentiment

DIRECTORY = Path(__file__).parent / "dashboards"


def built() -> dict[str, str]:
    """The text of each dashboard, by its file name."""
    return {
        f"{one.uid.removeprefix('newsurge-')}.json": _text(one)
        for one in (sentiment(), pipeline())
        if one.uid
    }


def _text(dashboard: object) -> str:
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name, text in built().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")
