"""What Grafana's dashboards ask of Prometheus: their queries, with the variables filled in.

Owns reading the dashboards' files and what Grafana puts for a variable. It asks nobody.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FILES = Path(__file__).parent.parent.parent / "deploy" / "grafana" / "dashboards"
"""Where a checkout has them; they are no part of the installed package."""
ALL = ".*"
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
Kind = Literal["panel", "annotation", "variable"]


@dataclass(frozen=True)
class Query:
    """One expression of a dashboard: where it stands, and what is said where it finds nothing.

    `where` is the panel's title, or the name of the annotation or the variable. The expression
    of a variable is the selector whose labels it looks up.
    """

    dashboard: str
    kind: Kind
    where: str
    expr: str
    none: str = ""


@dataclass(frozen=True)
class Span:
    """What is looked at, in seconds: beginning and end, step, and the interval of scrapes."""

    start: float
    end: float
    step: float
    scrape: float


def read_dashboards(directory: Path = FILES) -> list[dict[str, Any]]:
    """The dashboards of a directory, by their files' names; none where there is no such directory.

    Raises:
        OSError, ValueError: when a file can't be read.
    """
    return [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted(directory.glob("*.json"))
    ]


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard, those in collapsed rows too; rows themselves left out."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels", ())
        if panel["type"] != "row":
            yield panel


def queries(dashboard: Mapping[str, Any]) -> Iterator[Query]:
    """Every query of a dashboard: of its panels, annotations and variables."""
    title = dashboard["title"]
    for panel in panels(dashboard):
        none = panel["fieldConfig"]["defaults"].get("noValue", "")
        for target in panel["targets"]:
            yield Query(title, "panel", panel["title"], target["expr"], none)
    for annotation in dashboard["annotations"]["list"]:
        yield Query(title, "annotation", annotation["name"], annotation["expr"])
    for variable in dashboard["templating"]["list"]:
        selector = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])
        if selector is None:
            raise ValueError(f"{title}: the variable {variable['name']} looks up no label's values")
        yield Query(title, "variable", variable["name"], selector[1])


def filled_in(expr: str, span: Span, chosen: Mapping[str, str] | None = None) -> str:
    """An expression as Grafana sends it.

    Args:
        expr: as it stands in the dashboard.
        span: what is looked at.
        chosen: by variable, what is chosen, as a regular expression; else all of its values.
    """
    rate = max(span.step + span.scrape, 4 * span.scrape)
    built_in = {
        "__interval": _duration(max(span.step, span.scrape)),
        "__rate_interval": _duration(rate),
        "__range": _duration(span.end - span.start),
    }

    def put(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return built_in.get(name) or (chosen or {}).get(name, ALL)

    return _VARIABLE.sub(put, expr)


def _duration(seconds: float) -> str:
    return f"{math.ceil(seconds)}s"
