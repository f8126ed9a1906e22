"""One process of a role becomes three and then two, under load: who has what is always clear."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from aiokafka import ConsumerRebalanceListener, TopicPartition

from monitor.audit.auditing import audit
from monitor.delivery.webhook import new_secret
from monitor.receiver import receiving
from monitor.settings import ROLES, Role, Settings
from monitor.streams.clients import consumer, started, subscribe
from monitor.streams.spec import group_name, stream_name
from monitor.watch_plan import deployed_plan
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, alerts, publish, running
from tests.integration.load import Load
from tests.integration.processes import READS, Fleet, Samples, committed, fleet, until
from tests.integration.streams import assigned, member, send
from tests.integration.test_crashes import all_is_accounted_for, was_received

pytestmark = [pytest.mark.faults, pytest.mark.kafka]
RATE = 60
BY_PARTITION: dict[Role, set[str]] = {
    "score": {"newsurge_consumer_lag_records"},
    "watch": {
        "newsurge_consumer_lag_records",
        "newsurge_clock_timestamp_seconds",
        "newsurge_stalled_news_partitions",
        "newsurge_snapshot_timestamp_seconds",
    },
    "notify": {"newsurge_notification_lag_records"},
}


@pytest.mark.parametrize("role", ROLES)
async def test_one_process_becomes_three_and_then_two(
    kafka: Broker, deployment: Deployment, tmp_path: Path, bundle: Path, role: Role
) -> None:
    secret = new_secret()
    async with (
        receiving(secret) as receiver,
        fleet(tmp_path, deployment, kafka, bundle, receiver.url, secret) as processes,
    ):
        for each in ROLES:
            await processes.start(f"{each}-1", each)
        await processes.ready(*processes.processes.values())
        load, stop = Load(processes.settings, RATE, seed=7), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(stop))
            await settled(processes, role, members=1)
            for number in (2, 3):
                await processes.start(f"{role}-{number}", role)
            await settled(processes, role, members=3)
            await processes.stop(processes.processes[f"{role}-1"])
            await settled(processes, role, members=2)
            stop.set()
        await processes.drain()
        found = await audit(processes.settings, deployed_plan(processes.settings))
        told = await alerts(processes.settings)
    assert found.faults == []
    assert found.repeats == 0
    all_is_accounted_for(found, load)
    assert told
    was_received(told, receiver.requests)
    assert len({one.id for one in receiver.requests}) == len(receiver.requests)


async def settled(processes: Fleet, role: Role, members: int) -> None:
    """Wait until each partition has one owner, which alone shows it, and works through it."""
    await processes.ready(*processes.of(role))
    await until(partial(is_owned, processes, role, members))
    await until(partial(is_shown_by_owners, processes, role))
    before = await committed(processes.settings, role)
    await until(partial(has_moved, processes, role, before))


async def has_moved(processes: Fleet, role: Role, before: Sequence[int]) -> bool:
    """Whether more is committed of every partition, so that all owners are at work."""
    return all(map(operator.gt, await committed(processes.settings, role), before))


async def is_owned(processes: Fleet, role: Role, members: int) -> bool:
    owners = await processes.owners(role)
    partitions = sorted(number for owned in owners.values() for number in owned)
    count = processes.settings.streams.partitions.model_dump()[READS[role]]
    return len(owners) == members and partitions == [*range(count)] and all(owners.values())


async def is_shown_by_owners(processes: Fleet, role: Role) -> bool:
    """Whether each process shows the partitions that it owns in each gauge, and no other."""
    owners = await processes.owners(role)
    return bool(owners) and all(
        [
            by_partition(await processes.metrics(one), role)
            == dict.fromkeys(BY_PARTITION[role], owners.get(one.name, set()))
            for one in processes.of(role)
        ]
    )


def by_partition(samples: Samples, role: Role) -> dict[str, set[int]]:
    """The partitions that a process shows, by gauge."""
    found: dict[str, set[int]] = {name: set() for name in BY_PARTITION[role]}
    for name, pairs in samples:
        labels = dict(pairs)
        if name in found and labels.get("stream", READS[role]) == READS[role]:
            found[name].add(int(labels["partition"]))
    return found


class Slow(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Told that its partitions go, it does not let them go until the group does without it."""

    def __init__(self) -> None:
        self.assigned, self.never = asyncio.Event(), asyncio.Event()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        if assigned:
            self.assigned.set()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            await self.never.wait()


async def test_a_partition_that_comes_back_is_not_committed_behind_where_it_stands(
    kafka: Broker, deployment: Deployment, tmp_path: Path, bundle: Path
) -> None:
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules: [{alert: Silent, type: absent, by: all, window: 1d}]\n")
    settings = deployment(
        kafka,
        kafka={"session_timeout_seconds": 3, "client_id": "m"},
        rules=rules,
        model={"bundle": bundle},
        score={"mark_interval_seconds": 0.1},
        roles=("score",),
    )
    group, slow = group_name(settings, "score"), Slow()
    news = [{"title": f"Calder Foods opens site {i}"} for i in range(20)]
    async with running(settings):
        await accounted(settings, await publish(settings, news))
        # The group gives partitions to its members in the order of their names.
        async with started(consumer(named(settings, "z"), group), settings) as last:
            await subscribe(settings, last, "news", slow)
            await slow.assigned.wait()
            async with member(named(settings, "a"), group) as (other, heard):
                await assigned(heard, {0})
                await publish(settings, news)
                await other.commit({TopicPartition(stream_name(settings, "news"), 0): 20})
        await send(settings, "news", [b'{"title": "Calder Foods closes"}'], partition=1)
        await until(partial(is_committed, settings, partition=1, offset=21))
        assert (await committed(settings, "score"))[0] == 20


def named(settings: Settings, name: str) -> Settings:
    """The settings of a client of that name."""
    kafka = settings.kafka.model_copy(update={"client_id": name})
    return settings.model_copy(update={"kafka": kafka})


async def is_committed(settings: Settings, partition: int, offset: int) -> bool:
    return (await committed(settings, "score"))[partition] == offset
