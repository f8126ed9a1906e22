"""Taking up scored partitions on real brokers: snapshots written, found, refused, given back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, TopicPartition

from monitor.records import AlertEvent, Scored, encode
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name
from monitor.streams.writing import Outgoing, write_all
from monitor.surge.plan import WatchPlan
from monitor.watch_plan import scored_partition
from monitor.watching.owned import Owned
from monitor.watching.takeover import Found, take_over
from tests.conftest import Broker, Deployment
from tests.surge.log import BANKING, mark, plan, record, rule

PLAN = plan(rule("negative_count >= 2", alert="Twice", window="2m"))
LOG: list[Scored] = [
    mark(0),
    record(0.1, "a first story", origin=(0, 0)),
    record(0.2, "another one", origin=(0, 1)),
    mark(1),
    mark(5),
    record(5.1, "a third", origin=(0, 2)),
    record(5.2, "and a fourth", origin=(0, 3)),
]
COUNT = 2
NUMBER = scored_partition(BANKING, COUNT)


class Process:
    """The part of a WATCH process that takes over one partition, led by hand."""

    def __init__(self, settings: Settings, writer: AIOKafkaProducer) -> None:
        self.settings = settings
        self.writer = writer
        self.partition = TopicPartition(stream_name(settings, "scored"), NUMBER)

    async def take_over(
        self,
        *,
        committed: int = 0,
        begin: int = 0,
        before: Owned | None = None,
        of: WatchPlan = PLAN,
    ) -> Owned:
        found = Found(begin, committed)
        return await take_over(self.settings, self.writer, of, self.partition, found, before)

    async def snapshot(self, owned: Owned) -> None:
        """Write a whole round to `state`."""
        owned.next_round = 0
        records = owned.snapshot(1000, now=1, interval=0)
        assert records
        outgoing = [Outgoing(NUMBER, one.key, one.value) for one in records]
        ends = await write_all(self.writer, stream_name(self.settings, "state"), outgoing)
        owned.state_end = ends[NUMBER]

    async def tell(self, events: Sequence[AlertEvent]) -> None:
        """Write events to `alerts`."""
        name = stream_name(self.settings, "alerts")
        await write_all(self.writer, name, [Outgoing(0, b"", encode(one)) for one in events])


@pytest_asyncio.fixture
async def process(broker: Broker, deployment: Deployment) -> AsyncIterator[Process]:
    settings = deployment(broker, streams={"partitions": {"news": 1, "scored": COUNT, "alerts": 1}})
    await ensure_streams(settings)
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(started(producer(settings), settings))
        scored = stream_name(settings, "scored")
        await write_all(writer, scored, [Outgoing(NUMBER, b"", encode(one)) for one in LOG])
        yield Process(settings, writer)


def apply(owned: Owned, through: int) -> list[AlertEvent]:
    return [
        event
        for offset in range(owned.position, through)
        for event in owned.apply(offset, LOG[offset])
    ]


async def test_without_a_snapshot_the_log_is_read_from_its_beginning(process: Process) -> None:
    owned = await process.take_over(begin=0)
    assert (owned.position, owned.log_end) == (0, len(LOG))
    assert [event.state for event in apply(owned, len(LOG))] == ["firing", "resolved", "firing"]


async def test_with_one_it_goes_on_where_that_ends_and_tells_the_same(process: Process) -> None:
    first = await process.take_over()
    begun = apply(first, 3)
    await process.tell(begun)
    first.written([(0, 0)])
    await process.snapshot(first)
    rest = apply(first, len(LOG))
    second = await process.take_over()
    assert second.position == 3
    assert second.known == {begun[0].id}
    assert apply(second, len(LOG)) == rest


async def test_what_was_told_after_the_snapshot_is_found_in_alerts(process: Process) -> None:
    first = await process.take_over()
    apply(first, 1)
    await process.snapshot(first)
    told = apply(first, 5)
    await process.tell(told)
    second = await process.take_over()
    assert second.known == {event.id for event in told}
    assert [event.state for event in apply(second, len(LOG))] == ["firing"]


async def test_a_snapshot_of_other_settings_is_erased_and_the_log_read_again(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    first = await process.take_over()
    apply(first, 3)
    await process.snapshot(first)
    other = replace(PLAN, statistics=replace(PLAN.statistics, negative_threshold=0.7))
    second = await process.take_over(of=other)
    assert second.position == 0
    assert "statistics" in caplog.text
    assert "rebuilt from the log" in caplog.text
    caplog.clear()
    third = await process.take_over(of=other)
    assert third.position == 0
    assert "not used" not in caplog.text


async def test_a_snapshot_of_a_longer_log_than_there_is_is_not_used(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    first = await process.take_over()
    apply(first, 3)
    first.position = 40
    await process.snapshot(first)
    second = await process.take_over()
    assert second.position == 0
    assert "beyond the log's end" in caplog.text


async def test_records_that_retention_took_before_they_were_applied_are_told(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    first = await process.take_over()
    apply(first, 2)
    await process.snapshot(first)
    second = await process.take_over(begin=5)
    assert second.position == 5
    assert "3 records were deleted by retention before they were applied" in caplog.text


class TestComingBack:
    async def test_to_the_process_that_had_it_it_is_as_it_was(self, process: Process) -> None:
        first = await process.take_over()
        apply(first, 4)
        await process.snapshot(first)
        first.committed = 4
        assert await process.take_over(committed=4, before=first) is first

    async def test_after_another_committed_it_is_read_anew(self, process: Process) -> None:
        first = await process.take_over()
        apply(first, 4)
        first.committed = 4
        assert await process.take_over(committed=6, before=first) is not first

    async def test_after_another_wrote_a_snapshot_it_is_read_anew(self, process: Process) -> None:
        first = await process.take_over()
        apply(first, 4)
        first.committed = 4
        other = await process.take_over(committed=4)
        apply(other, 5)
        await process.snapshot(other)
        again = await process.take_over(committed=4, before=first)
        assert again is not first
        assert again.position == 5


async def test_partitions_are_taken_over_at_once(process: Process) -> None:
    first = await process.take_over()
    apply(first, 3)
    await process.snapshot(first)
    taken = await asyncio.gather(*(process.take_over() for _ in range(4)))
    assert [each.position for each in taken] == [3] * 4


async def test_an_alert_of_a_rule_that_is_gone_is_ended_once(process: Process) -> None:
    """Whether the state tells that it fires, or `alerts` alone."""
    other = plan(rule("negative_count >= 9", alert="Many", window="2m"))
    first = await process.take_over()
    fired = apply(first, 3)
    await process.tell(fired)
    by_alerts = await process.take_over(committed=3, of=other)
    first.written([(0, 0)])
    await process.snapshot(first)
    by_state = await process.take_over(committed=3, of=other)
    assert by_alerts.position == 0
    assert by_state.position == 3
    assert [one.id for one in by_alerts.withdrawn] == [one.id for one in by_state.withdrawn]
    (end,) = by_state.withdrawn
    assert (end.state, end.rule, end.withdrawn) == ("resolved", "Twice", True)

    await process.tell([end])
    again = await process.take_over(committed=3, of=other)
    assert again.withdrawn == []
