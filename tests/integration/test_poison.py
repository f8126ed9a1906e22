"""Records on which the model fails, on real brokers: set aside, counted, and scoring goes on."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor import metrics
from monitor.model.bundle import Bundle
from monitor.model.runtime import load_scorer
from monitor.records import Mark, Origin, decode_scored
from monitor.settings import ModelSettings, Settings
from monitor.streams.dead_letters import decode_dead_letter
from monitor.streams.reading import read_all
from tests.conftest import Broker, Deployment
from tests.integration.daemons import PATIENCE, accounted, publish, running, scored
from tests.model.marked_scorer import MARK, MarkedScorer


@pytest.fixture
def settings(broker: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules: [{alert: Silent, type: absent, by: all, window: 1d}]\n")
    return deployment(broker, rules=rules, model={"bundle": bundle}, log_level="error")


def break_the_model(monkeypatch: pytest.MonkeyPatch, **how: Any) -> None:
    def load(bundle: Bundle, settings: ModelSettings) -> MarkedScorer:
        return MarkedScorer(load_scorer(bundle, settings), **how)

    monkeypatch.setattr("monitor.model.judge.load_scorer", load)


def items(count: int) -> Iterator[dict[str, Any]]:
    for i in range(count):
        odd = f" {MARK}" if i % 7 == 3 else ""
        yield {"id": f"p{i}", "title": f"Calder Foods profit number {i}{odd}"}


async def test_only_the_records_that_fail_alone_are_set_aside(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_model(monkeypatch, step="infer")
    published = list(items(100))
    before = metrics.dead_letters_total.labels("inference")._value.get()
    async with running(settings):
        origins = await publish(settings, published)
        found = await accounted(settings, origins)
    by_origin = dict(zip(origins, published, strict=True))
    bad = {origin for origin, item in by_origin.items() if MARK in item["title"]}
    assert {origin for origin in origins if found[origin] == "inference"} == bad
    assert {found[origin] for origin in set(origins) - bad} == {"scored"}
    assert metrics.dead_letters_total.labels("inference")._value.get() - before == len(bad)

    records = [record for record in await scored(settings) if record.by == "all"]
    assert {record.origin for record in records} == set(origins) - bad
    for partition in {origin.partition for origin in origins}:
        offsets = [one.origin.offset for one in records if one.origin.partition == partition]
        assert offsets == sorted(offsets)

    async for record in read_all(settings, "dead-letter"):
        letter = decode_dead_letter(record.value, record.headers)
        item = by_origin[Origin(letter.partition, letter.offset)]
        assert json.loads(letter.value) == item
        assert "breaks the network" in letter.detail


@pytest.mark.faults
async def test_a_model_that_fails_on_everything_pauses_the_role(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_model(monkeypatch, everything=True, error=RuntimeError("the device is lost"))
    score = settings.score.model_copy(update={"replay_speed": 1.0})
    settings = settings.model_copy(update={"score": score})
    now, count = time.time_ns() // 1_000_000, 6_000
    stamps = [now - count * 1000 + i * 1000 for i in range(count)]
    async with running(settings) as address, aiohttp.ClientSession() as client:
        await publish(settings, items(count), stamps)
        said = await _why_unready(client, address.url)
    assert "99%" in said
    assert "`inference`" in said
    aside = [record async for record in read_all(settings, "dead-letter")]
    assert 1_000 <= len(aside) < count
    assert await scored(settings) == []


@pytest.mark.faults
async def test_time_waits_while_the_role_is_paused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_model(monkeypatch, everything=True, error=RuntimeError("the device is lost"))
    score = settings.score.model_copy(update={"replay_speed": 1.0})
    settings = settings.model_copy(update={"score": score})
    now, count = time.time_ns() // 1_000_000, 1_000
    stamps = [now - count * 1000 + i * 1000 for i in range(count)]
    async with running(settings) as address, aiohttp.ClientSession() as client:
        await accounted(settings, await publish(settings, items(count), stamps))
        await _why_unready(client, address.url)
        told = len(await _marks(settings))
        async with asyncio.timeout(PATIENCE):
            while len(marks := await _marks(settings)) < told + 12:
                pass
    assert not any(mark.caught_up for mark in marks[-4:])
    assert max(mark.time for mark in marks[-4:]) == stamps[-1]


async def _marks(settings: Settings) -> list[Mark]:
    """The marks of one scored partition, in order."""
    records = [decode_scored(one.value) async for one in read_all(settings, "scored", {0})]
    return [one for one in records if isinstance(one, Mark)]


async def _why_unready(client: aiohttp.ClientSession, url: str) -> str:
    for _ in range(3000):
        async with client.get(f"{url}/readyz") as response:
            if response.status == 503:
                return str((await response.json())["parts"]["score"])
    raise AssertionError("it did not pause")
