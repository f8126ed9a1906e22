"""The registry's pointer moves while news is scored: no record lost, repeated, or of two minds."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor import metrics
from monitor.model.bundle import ONNX, digests, load_bundle, write_meta
from monitor.model.registry import POINTER, VERSIONS, point_at
from monitor.records import ModelChange, Origin, Scored, ScoredRecord, decode_scored
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment
from tests.integration.daemons import PATIENCE, accounted, running
from tests.model.tiny_bundle import TOPICS, tiny_bundle

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
RULES = """\
rules:
  - {alert: Banks, type: threshold, by: topic, match: {key: Financials}, window: 1h,
     when: count >= 1000000}
"""
# More of them are negative than positive, so that the two models disagree about how many.
WORDS = ("bank collapse", "bank fraud", "oil plunges", "bank gains", "court unchanged")
NEWS_BETWEEN = 150


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


class Load:
    """News that is published without end, and where each record came to stand."""

    def __init__(self) -> None:
        self.origins: list[Origin] = []
        self.is_over = False

    async def publish(self, settings: Settings) -> None:
        news = stream_name(settings, "news")
        async with started(producer(settings), settings) as client:
            numbers = itertools.count()
            while not self.is_over:
                sent = [
                    await client.send(news, msgspec.json.encode(_item(i)), partition=i % 2)
                    for i in itertools.islice(numbers, 10)
                ]
                stands = [await one for one in sent]
                self.origins += [Origin(one.partition, one.offset) for one in stands]
                await asyncio.sleep(0.02)  # some 400 items a second, whatever the broker

    async def more(self, count: int = NEWS_BETWEEN) -> None:
        """Wait until so many more have been published."""
        goal = len(self.origins) + count
        await until(lambda: len(self.origins) >= goal)


def _item(number: int) -> dict[str, Any]:
    words = WORDS[number % len(WORDS)]
    return {"title": f"Halden {words}, part {number}", "entities": ["Halden", "Oake"]}


@asynccontextmanager
async def under_load(settings: Settings) -> AsyncIterator[Load]:
    load = Load()
    task = asyncio.create_task(load.publish(settings))
    try:
        await load.more()
        yield load
    finally:
        load.is_over = True
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


def swaps(outcome: str) -> float:
    return float(metrics.model_swaps_total.labels(outcome)._value.get())


async def move(registry: Path, version: str, outcome: str, by: int = 1) -> None:
    """Write the pointer, whatever it names, and wait until so many processes came to that."""
    before = swaps(outcome)
    temporary = registry / "new"
    temporary.write_text(version)
    temporary.replace(registry / POINTER)
    await until(lambda: swaps(outcome) >= before + by)


async def log_of(settings: Settings, partition: int) -> list[Scored]:
    """A scored partition, in its order."""
    return [decode_scored(one.value) async for one in read_all(settings, "scored", {partition})]


def models_of(records: list[ScoredRecord]) -> dict[int, list[str]]:
    """For each news partition, which models scored it, in the order of its offsets."""
    ordered = sorted({(one.origin, one.model) for one in records})
    return {
        partition: [model for model, _ in itertools.groupby(model for _, model in of_it)]
        for partition, of_it in itertools.groupby(ordered, lambda one: one[0].partition)
    }


def in_turn(log: list[Scored], first: str) -> Iterator[ModelChange]:
    """The changes in a scored partition, each found before the first record of its model."""
    serving = first
    for record in log:
        if isinstance(record, ModelChange):
            assert record.previous == serving
            serving = record.model
            yield record
        elif isinstance(record, ScoredRecord):
            assert record.model == serving


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
