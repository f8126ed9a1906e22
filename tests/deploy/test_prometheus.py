"""The alerting rules on newsurge itself: valid, tested, and about metrics that exist."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from monitor.metrics import defined
from monitor.metrics_doc import bounded_values
from tests.deploy.words import (
    DEPLOY,
    ROOT,
    quoted,
    unknown_commands,
    unknown_settings,
    unknown_variables,
)

RULES = DEPLOY / "prometheus" / "newsurge.rules.yml"
TESTS = DEPLOY / "prometheus" / "newsurge.rules.test.yml"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: make test-tools"
)
_SELECTOR = re.compile(r"(newsurge_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
METRICS = {metric.name: metric for metric in defined()}
_SCRAPED = {"job", "instance", "alertname"}


def _rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def _selectors(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for name, matchers in _SELECTOR.findall(text):
        yield name, _MATCHER.findall(matchers)


def _promtool(*arguments: str) -> None:
    assert PROMTOOL is not None
    ended = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    _promtool("check", "rules", str(RULES))


@needs_promtool
def test_the_rules_do_what_their_tests_say() -> None:
    _promtool("test", "rules", str(TESTS))


@pytest.mark.parametrize("rule", list(_rules()), ids=lambda rule: rule["alert"])
def test_rules_are_about_what_is_exposed(rule: dict[str, Any]) -> None:
    labels = set()
    for name, matchers in _selectors(rule["expr"]):
        assert name in METRICS
        labels |= set(METRICS[name].labels)
        for label, value in matchers:
            known = bounded_values(name, label)
            assert known is None or value in known
    for grouping in re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"]):
        assert {label.strip() for label in grouping.split(",")} <= labels | _SCRAPED
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        assert label in labels | _SCRAPED


@pytest.mark.parametrize("rule", list(_rules()), ids=lambda rule: rule["alert"])
def test_rules_say_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "runbook"}
    runbook = rule["annotations"]["runbook"]
    assert not unknown_commands(quoted(runbook))
    assert not unknown_settings(runbook)
    assert not unknown_variables(runbook)
    for file in re.findall(r"\b(?:docs|deploy)/[\w/.-]+\w", runbook):
        assert (ROOT / file).is_file()


def test_every_rule_has_a_test() -> None:
    tests = TESTS.read_text(encoding="utf-8")
    untested = [rule["alert"] for rule in _rules() if rule["alert"] not in tests]
    assert untested == []


def test_the_tests_feed_what_is_exposed() -> None:
    for test in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]:
        for series in test["input_series"]:
            for name, matchers in _selectors(series["series"]):
                assert {label for label, _ in matchers} <= {*METRICS[name].labels, *_SCRAPED}
