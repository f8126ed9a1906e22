"""Roles of a whole daemon are begun anew on a real Kafka; a group tells who reads what."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from monitor import metrics
from monitor.delivery.webhook import new_secret
from monitor.receiver import receiving
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.groups import unowned
from monitor.watch import Watch
from tests.conftest import Broker, Deployment
from tests.integration.daemons import PATIENCE, accounted, publish, running, scored
from tests.integration.streams import assigned, member

pytestmark = pytest.mark.kafka
RULES = """\
rules:
  - {alert: Many, type: threshold, by: all, window: 6h, counting: raw, when: negative_count >= 20}
  - {alert: More, type: threshold, by: all, window: 6h, counting: raw, when: negative_count >= 21}
"""


@pytest.fixture
def settings(kafka: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text(RULES)
    return deployment(
        kafka, rules=rules, model={"bundle": bundle}, kafka={"stall_timeout_seconds": 5}
    )


def items(numbers: range) -> list[dict[str, Any]]:
    return [{"id": f"n{i}", "title": f"Calder Trust collapse, chapter {i}"} for i in numbers]


def restarts(reason: str) -> dict[str, float]:
    return {
        role: metrics.role_restarts_total.labels(role, reason)._value.get()
        for role in ("score", "watch", "notify")
    }


async def until_ready(url: str) -> None:
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as client:
        while True:
            async with client.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.05)


async def test_every_role_runs_anew_after_a_failure_and_goes_on_where_it_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    getmany, failing, all_failed = AIOKafkaConsumer.getmany, False, asyncio.Event()
    failed: set[str] = set()

    async def fails_once(consumer: AIOKafkaConsumer, *args: Any, **options: Any) -> Any:
        groups = {each.topic.rpartition(".")[2] for each in consumer.assignment()}
        if failing and groups and not groups <= failed and not groups & {"notifications", "desk"}:
            failed.update(groups)
            if failed == {"news", "scored", "alerts"}:
                all_failed.set()
            raise KafkaConnectionError("the network is down")
        return await getmany(consumer, *args, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", fails_once)
    before, secret = restarts("broker"), new_secret()
    async with (
        receiving(secret) as receiver,
        running(settings, [receiver.target("desk")]) as address,
    ):
        origins = await publish(settings, items(range(10)))
        await accounted(settings, origins)
        failing = True
        async with asyncio.timeout(PATIENCE):
            await all_failed.wait()
        failing = False
        await until_ready(address.url)
        origins += await publish(settings, items(range(10, 20)))
        found = await accounted(settings, origins)
        await receiver.until(lambda told: bool(told.accepted), PATIENCE)
    assert {found[origin] for origin in origins} == {"scored"}
    told = Counter(one.origin for one in await scored(settings) if one.by == "all")
    assert set(told) == set(origins)
    assert {one.payload["data"]["rule"] for one in receiver.accepted} == {"Many"}
    after = restarts("broker")
    assert {role: after[role] - before[role] for role in after} == dict.fromkeys(after, 1.0)


@pytest.mark.faults
async def test_a_role_that_stands_still_is_begun_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    show, hung = Watch._show, asyncio.Event()

    async def hangs_once(watch: Watch, reader: AIOKafkaConsumer) -> None:
        if not hung.is_set():
            hung.set()
            await asyncio.Event().wait()
        await show(watch, reader)

    monkeypatch.setattr(Watch, "_show", hangs_once)
    before, secret = restarts("stalled"), new_secret()
    async with receiving(secret) as receiver, running(settings, [receiver.target("desk")]):
        async with asyncio.timeout(PATIENCE):
            await hung.wait()
        await publish(settings, items(range(20)))
        await receiver.until(lambda told: bool(told.accepted), PATIENCE)
    assert restarts("stalled")["watch"] == before["watch"] + 1


async def test_a_group_tells_which_partitions_nobody_reads(
    kafka: Broker, deployment: Deployment
) -> None:
    settings = deployment(kafka)
    await ensure_streams(settings)
    group = f"{settings.streams.prefix}readers"
    assert await unowned(settings, group, "news") == {0, 1}
    async with AsyncExitStack() as stack:
        _, heard = await stack.enter_async_context(member(settings, group))
        await assigned(heard, {0, 1})
        assert await unowned(settings, group, "news") == set()
        # More members than partitions: one of them has none, and nothing is left over.
        for _ in range(2):
            await stack.enter_async_context(member(settings, group))
        async with asyncio.timeout(PATIENCE):
            while True:
                if not await unowned(settings, group, "news"):
                    break
                await asyncio.sleep(0.05)
    assert await unowned(settings, group, "news") == {0, 1}
