"""Metrics obey the naming of the design, are documented, and their bounded values are true."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest

from monitor import metrics_doc
from monitor.delivery.retry import TABLE
from monitor.live.records import STATES
from monitor.metrics import PROCESS, REGISTRY, defined
from monitor.model.judge import Unjudged
from monitor.records import AlertState, Sentiment
from monitor.scoring.news import REASONS
from monitor.scoring.take_up import INFERENCE
from monitor.settings import ROLES
from monitor.surge.partition import Outcome

PAGE = Path(__file__).parent.parent / "docs" / "METRICS.md"
MONITOR = Path(__file__).parent.parent / "monitor"
BOUNDED_LABELS = {
    *("partition", "rule", "receiver", "reason", "outcome", "stream", "role", "kind", "state"),
    *("topic", "sentiment", "head", "agree", "digest", "version", "bundle", "runtime", "by", "key"),
}
NOT_BASE_UNITS = re.compile(
    r"_(ms|milliseconds|minutes|hours|days|percent|kb|mb|kilobytes|megabytes)(_|$)"
)
METRICS = tuple(defined())


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == metrics_doc.document(), (
        "run: python -m monitor.metrics_doc docs/METRICS.md"
    )


def test_every_metric_of_the_registry_is_described() -> None:
    described = {metric.name.removesuffix("_total") for metric in METRICS}
    of_the_process = {family.name for family in PROCESS.collect()}
    assert described == {family.name for family in REGISTRY.collect()} - of_the_process
    assert not any(name.startswith("newsurge_") for name in of_the_process)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_obey_the_design(metric: metrics_doc.Described) -> None:
    assert re.fullmatch(r"newsurge_[a-z]+(_[a-z]+)*", metric.name)
    assert (metric.type == "counter") == metric.name.endswith("_total")
    assert not NOT_BASE_UNITS.search(metric.name)
    assert metric.type != "histogram" or metric.name.endswith("_seconds")
    assert "timestamp" not in metric.name or metric.name.endswith("_timestamp_seconds")
    assert set(metric.labels) <= BOUNDED_LABELS
    assert metric.help.endswith(".")


def _literals(values: Iterable[object]) -> set[str]:
    found: set[str] = set()
    for value in values:
        found |= {value} if isinstance(value, str) else _literals(get_args(value))
    return found


@pytest.mark.parametrize(
    ("name", "label", "of_the_code"),
    [
        ("newsurge_dead_letters_total", "reason", {*REASONS, INFERENCE}),
        ("newsurge_unjudged_items_total", "reason", _literals([Unjudged])),
        (
            "newsurge_notifications_total",
            "outcome",
            {"deadline", *(row.reason for row in TABLE if row.then != "again")},
        ),
        ("newsurge_alert_transitions_total", "state", _literals([AlertState])),
        (
            "newsurge_scored_records_total",
            "outcome",
            {*_literals([Outcome]), "unreadable", "expired"},
        ),
        ("newsurge_series_state", "state", set(STATES)),
        ("newsurge_judged_items_total", "sentiment", set(Sentiment.__struct_fields__)),
        ("newsurge_role_restarts_total", "role", {*ROLES, "reload"}),
    ],
)
def test_values_are_those_of_the_code(name: str, label: str, of_the_code: set[str]) -> None:
    assert metrics_doc.bounded_values(name, label) == of_the_code


def test_reasons_for_refusing_a_snapshot_are_those_of_the_code() -> None:
    raised = {"ahead"}
    for module in (MONITOR / "surge").glob("*.py"):
        source = module.read_text(encoding="utf-8")
        raised |= set(re.findall(r'RefusedError\(\s*"(\w+)"', source))
    assert metrics_doc.bounded_values("newsurge_snapshots_refused_total", "reason") == raised


def test_the_page_names_no_metric_that_is_not_there() -> None:
    told = set(re.findall(r"`(newsurge_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert told == {metric.name for metric in METRICS}
