"""Scenarios: rules, what happens, and what is told, as sentences (see `story`)."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from monitor.delivery.receivers import Receiver
from monitor.records import Series
from monitor.surge.maintenance import Maintenance
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import Rule, parse_duration
from monitor.surge.track import Statistics
from monitor.yaml_document import read_yaml
from tests.surge.log import feed
from tests.surge.story import Script, expected_alerts, told

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
SCENARIOS = [
    (file, read_yaml(text).content)
    for file in FILES
    for text in file.read_text(encoding="utf-8").split("\n---\n")
]
PARTS = {"scenario", "because", "receivers", "rules", "maintenance", "given", "input", "told"}
GIVEN = {
    "slide": "1m",
    "allowed_lateness": "5m",
    "duplicate_horizon": "2d",
    "idle_timeout": "1m",
    "news_partitions": 1,
    "follow": [],
}

_rules = TypeAdapter[tuple[Rule, ...]](tuple[Rule, ...])
_maintenance = TypeAdapter[tuple[Maintenance, ...]](tuple[Maintenance, ...])
_receivers = TypeAdapter[tuple[Receiver, ...]](tuple[Receiver, ...])


def watch_of(case: dict[str, Any], series: list[Series]) -> PartitionWatch:
    given = GIVEN | case.get("given", {})
    assert set(given) == set(GIVEN), "a scenario is given something unknown"
    followed = [Series(*one.split("=")) for one in given["follow"]]
    return PartitionWatch(
        0,
        WatchPlan(
            statistics=Statistics(
                slide=parse_duration(given["slide"]),
                allowed_lateness=parse_duration(given["allowed_lateness"]),
                duplicate_horizon=parse_duration(given["duplicate_horizon"]),
                negative_threshold=0.5,
            ),
            rules=_rules.validate_python(case["rules"]),
            news_partitions=given["news_partitions"],
            idle_timeout=parse_duration(given["idle_timeout"]),
            series=(*dict.fromkeys([*series, *followed]),),
            maintenance=_maintenance.validate_python(case.get("maintenance", [])),
        ),
    )


@pytest.mark.parametrize(
    "case", [case for _, case in SCENARIOS], ids=[case["scenario"] for _, case in SCENARIOS]
)
def test_scenario(case: dict[str, Any]) -> None:
    run_scenario(case)


def run_scenario(case: dict[str, Any]) -> None:
    """Play a scenario and compare what it tells, in the order of the log."""
    assert set(case) <= PARTS
    given = GIVEN | case.get("given", {})
    script = Script(case["input"], given["news_partitions"])
    expected = expected_alerts(case["told"] or "")
    events = feed(watch_of(case, list(script.series)), script.log())
    likes = [*expected, *[None] * len(events)]
    receivers = _receivers.validate_python(case.get("receivers", []))
    actual = [told(event, like, receivers) for event, like in zip(events, likes, strict=False)]
    assert list(map(str, actual)) == list(map(str, expected))


def test_there_are_scenarios_and_their_names_differ() -> None:
    names = [case["scenario"] for _, case in SCENARIOS]
    assert len(names) == len(set(names)) >= 30


@pytest.mark.parametrize(
    "text",
    ["12:00 the clock starts\n12:01 banking gloomy\n12:02 end", "soon banking negative"],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        Script(text, news_partitions=1)
