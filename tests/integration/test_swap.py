"""The registry's pointer moves while news is scored: no record lost, repeated, or of two minds."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from monitor.model.bundle import ONNX, digests, load_bundle, write_meta
from monitor.model.registry import POINTER, VERSIONS, point_at
from monitor.records import ModelChange, ScoredRecord
from monitor.settings import Settings
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, running
from tests.integration.swapping import in_turn, log_of, models_of, swaps, under_load, until
from tests.model.tiny_bundle import TOPICS, tiny_bundle

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
RULES = """\
rules:
  - {alert: Banks, type: threshold, by: topic, match: {key: Financials}, window: 1h,
     when: count >= 1000000}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Two models of opposite minds, one that can't be run, and one that lacks a rule's topic."""
    directory = tmp_path / "models"
    versions = directory / VERSIONS
    versions.mkdir(parents=True)
    tiny_bundle(versions / "a", version="a")
    tiny_bundle(versions / "b", version="b", swapped=True)
    tiny_bundle(versions / "lacking", version="lacking", topics=TOPICS[1:])
    tiny_bundle(versions / "broken", version="broken")
    (versions / "broken" / ONNX).write_bytes(b"this is no network")
    meta = load_bundle(versions / "lacking").meta
    meta = msgspec.structs.replace(meta, version="broken", files=digests(versions / "broken"))
    write_meta(versions / "broken", meta)
    point_at(directory, "a")
    return directory


@pytest.fixture
def on(deployment: Deployment, tmp_path: Path, registry: Path) -> Callable[[Broker], Settings]:
    """The settings of this file's deployment on a broker."""
    (tmp_path / "alerts.yaml").write_text(RULES)
    (tmp_path / "watchlist.csv").write_text("key,name,aliases\nHLDN,Halden,\nOKE,Oake,\n")
    return partial(
        deployment,
        rules=tmp_path / "alerts.yaml",
        model={"registry": registry},
        score={"chunk_records": 20, "watchlist": tmp_path / "watchlist.csv"},
        log_level="error",
    )


@pytest.fixture
def settings(broker: Broker, on: Callable[[Broker], Settings]) -> Settings:
    return on(broker)


async def move(registry: Path, version: str, outcome: str, by: int = 1) -> None:
    """Write the pointer, whatever it names, and wait until so many processes came to that."""
    before = swaps(outcome)
    temporary = registry / "new"
    temporary.write_text(version)
    temporary.replace(registry / POINTER)
    await until(lambda: swaps(outcome) >= before + by)


async def test_a_pointer_that_moves_under_load_loses_and_repeats_nothing(
    settings: Settings, registry: Path
) -> None:
    async with running(settings):
        async with under_load(settings) as load:
            for version in ("b", "a", "b", "a"):
                await accounted(settings, load.origins[-1:])
                await move(registry, version, "swapped")
                await load.more()
        origins = load.origins
        found = await accounted(settings, origins)
    assert {found[origin] for origin in origins} == {"scored"}

    logs = [await log_of(settings, partition) for partition in range(2)]
    records = [one for one in itertools.chain(*logs) if isinstance(one, ScoredRecord)]
    told = Counter((one.origin, one.series) for one in records)
    assert set(told.values()) == {1}
    assert Counter(one.origin for one in records if one.by == "all") == Counter(origins)
    assert Counter(one.origin for one in records if one.by == "topic") == Counter(origins)
    assert Counter(one.origin for one in records if one.by == "entity") == Counter(origins * 2)
    for origin, of_it in itertools.groupby(
        sorted(records, key=lambda one: one.origin), lambda one: one.origin
    ):
        assert len({one.model for one in of_it}) == 1, origin
    for one in records:
        if "collapse" in one.item.title:
            assert (one.sentiment.negative > 0.5) is (one.model == "a")

    expected = ["a", "b", "a", "b", "a"]
    assert models_of(records) == {0: expected, 1: expected}
    for log in logs:
        changes = list(in_turn(log, "a"))
        assert [change.model for change in changes] == expected[1:]
        for change in changes:
            assert 0 < change.items <= 512
            ratios = [change.all, change.entities, change.topics["Financials"]]
            assert all((ratio < 0.9) is (change.model == "b") for ratio in ratios)
    assert [list(in_turn(log, "a")) for log in logs[1:]] == [list(in_turn(logs[0], "a"))]


@pytest.mark.kafka
async def test_each_of_several_processes_swaps_by_itself(
    kafka: Broker, on: Callable[[Broker], Settings], registry: Path
) -> None:
    settings = on(kafka)
    one = settings.model_copy(update={"roles": ("score",)})
    async with running(one), running(one):
        async with under_load(settings) as load:
            await accounted(settings, load.origins[:2])
            await move(registry, "b", "swapped", by=2)
            await load.more()
        await accounted(settings, load.origins)
    logs = [await log_of(settings, partition) for partition in range(2)]
    records = [one for one in itertools.chain(*logs) if isinstance(one, ScoredRecord)]
    assert Counter(one.origin for one in records if one.by == "all") == Counter(load.origins)
    assert models_of(records) == {0: ["a", "b"], 1: ["a", "b"]}
    for log in logs:
        places = [place for place, one in enumerate(log) if isinstance(one, ModelChange)]
        assert len(places) == 2
        first = next(
            place
            for place, one in enumerate(log)
            if isinstance(one, ScoredRecord) and one.model == "b"
        )
        assert places[0] < first


async def test_what_can_not_serve_is_refused_while_scoring_goes_on(
    settings: Settings, registry: Path
) -> None:
    async with running(settings):
        async with under_load(settings) as load:
            for version in ("broken", "lacking", "absent"):
                await move(registry, version, "refused")
                await load.more()
                await accounted(settings, load.origins[-1:])
            await move(registry, "b", "swapped")
            await load.more()
        found = await accounted(settings, load.origins)
    assert {found[origin] for origin in load.origins} == {"scored"}
    log = [one for partition in range(2) for one in await log_of(settings, partition)]
    records = [one for one in log if isinstance(one, ScoredRecord)]
    assert Counter(one.origin for one in records if one.by == "all") == Counter(load.origins)
    assert models_of(records) == {0: ["a", "b"], 1: ["a", "b"]}
