"""What an expression in PromQL names, held against what newsurge exposes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.metrics import PROCESS, defined
from monitor.metrics_doc import bounded_values

METRICS = {metric.name: metric for metric in defined()}
OF_THE_PROCESS = {sample.name for family in PROCESS.collect() for sample in family.samples}
SCRAPED = {"job", "instance", "alertname", "alertstate"}
"""Labels that Prometheus puts on."""
_OTHERS = {"up", "ALERTS"} | OF_THE_PROCESS
_SELECTOR = re.compile(r"\b(newsurge_\w+|process_\w+|up|ALERTS)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|ignoring|without|group_left) ?\(([^)]*)\)")


def selectors(expr: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Every metric in an expression, with its matchers: label and value."""
    for name, matchers in _SELECTOR.findall(expr):
        yield name, _MATCHER.findall(matchers)


def metric_of(name: str) -> str | None:
    """The metric of newsurge that exposes a sample of this name; None where none does."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    if base != name and base in METRICS and METRICS[base].type == "histogram":
        return base
    return name if name in METRICS and METRICS[name].type != "histogram" else None


def unknown_in(expr: str) -> list[str]:
    """What an expression names that nothing exposes: metrics, labels and labels' values."""
    unknown, labels = [], set(SCRAPED)
    for name, matchers in selectors(expr):
        metric = metric_of(name)
        if metric is None:
            unknown += [] if name in _OTHERS else [name]
            continue
        known = {*METRICS[metric].labels, *({"le"} if name.endswith("_bucket") else ())}
        labels |= known
        for label, value in matchers:
            if label not in known | SCRAPED:
                unknown.append(f"{name}{{{label}}}")
            elif label in known:
                unknown += _unknown_values(metric, label, value)
    for grouping in _GROUPING.findall(expr):
        named = {label.strip() for label in grouping.split(",")} - {""}
        unknown += sorted(named - labels)
    return unknown


def labels_of(expr: str) -> set[str]:
    """The labels that the metrics of an expression have, Prometheus' own among them."""
    named = [metric_of(name) for name, _ in selectors(expr)]
    return SCRAPED.union(*(METRICS[name].labels for name in named if name))


def _unknown_values(metric: str, label: str, value: str) -> list[str]:
    known = bounded_values(metric, label)
    if known is None:
        return []
    asked = {each for each in value.split("|") if "$" not in each}
    return [f'{metric}{{{label}="{each}"}}' for each in sorted(asked - known)]
