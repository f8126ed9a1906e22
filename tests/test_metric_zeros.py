"""Counters whose labels' values are known are there at 0 before anything happened."""

import subprocess
import sys

import pytest

from monitor.metrics import defined
from monitor.metrics_doc import bounded_values
from monitor.settings import ROLES

BEGIN = """
from monitor import metric_zeros
from monitor.metrics import REGISTRY
for role in {roles}:
    metric_zeros.begin_role(role)
metric_zeros.begin_topics(["Energy", "none"])
metric_zeros.begin_shadow()
metric_zeros.begin_rules(["NegativeSurge"])
metric_zeros.begin_receiver("desk")
for family in REGISTRY.collect():
    for sample in family.samples:
        if sample.name.startswith("newsurge_"):
            assert sample.value == 0, sample
            print(sample.name)
"""
COUNTERS = {metric.name for metric in defined() if metric.type == "counter"}


def shown_after(*roles: str) -> list[str]:
    """The names of the samples that a fresh process shows once these roles have begun."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN.format(roles=roles)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


def test_every_counter_is_there_before_its_first_event() -> None:
    assert set(shown_after(*ROLES, "reload")) >= COUNTERS


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("watch", "newsurge_news_records_total"),
        ("notify", "newsurge_scored_records_total"),
        ("score", "newsurge_rules_reloads_total"),
    ],
)
def test_a_role_shows_nothing_of_another(role: str, name: str) -> None:
    assert name not in shown_after(role)


def test_every_value_of_every_label_is_there() -> None:
    shown = shown_after(*ROLES, "reload")
    outcomes = bounded_values("newsurge_notifications_total", "outcome")
    assert outcomes is not None
    assert shown.count("newsurge_notifications_total") == len(outcomes)
    reasons = bounded_values("newsurge_role_restarts_total", "reason")
    assert reasons is not None
    assert shown.count("newsurge_role_restarts_total") == len(reasons) * (len(ROLES) + 1)
