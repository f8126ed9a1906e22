"""The alerting rules on newsurge itself: valid, tested, and about metrics that exist."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.promql import METRICS, SCRAPED, labels_of, selectors, unknown_in
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


def _rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


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
    assert unknown_in(rule["expr"]) == []
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        assert label in labels_of(rule["expr"])


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
            for name, matchers in selectors(series["series"]):
                assert name == "up" or name in METRICS
                known = METRICS[name].labels if name in METRICS else ()
                assert {label for label, _ in matchers} <= {*known, *SCRAPED}
