"""The contract of the streams, kept on the embedded broker and on a real Apache Kafka."""

import asyncio
import os
from contextlib import aclosing

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from monitor.errors import StreamError
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import (
    partitions_of,
)
from monitor.streams.dead_letters import decode_dead_letter, encode_dead_letter
from monitor.streams.reading import end_offsets, lag, read_all
from monitor.streams.spec import (
    group_name,
    partition_for,
    stream_name,
)
from tests.conftest import Broker, Deployment
from tests.integration.streams import assigned, in_groups, member, read, send


async def test_read_all_gives_everything_once_and_in_order(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    values = [b"%d" % number for number in range(5_000)]
    await send(settings, "news", values[:2_500], partition=0)
    await send(settings, "news", values[2_500:], partition=1)

    records = await read(settings, "news")

    for partition, expected in ((0, values[:2_500]), (1, values[2_500:])):
        mine = [record for record in records if record.partition == partition]
        assert [record.value for record in mine] == expected
        assert [record.offset for record in mine] == list(range(2_500))


async def test_read_all_reads_the_partitions_and_from_the_offsets_that_it_is_given(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    for partition in (0, 1):
        await send(settings, "news", [b"a", b"b", b"c"], partition=partition)

    assert [each.value for each in await read(settings, "news", partitions=[1])] == [
        b"a", b"b", b"c",
    ]  # fmt: skip
    records = await read(settings, "news", start={0: 2, 1: 3})
    assert [(each.partition, each.value) for each in records] == [(0, b"c")]


async def test_read_all_of_an_empty_stream_ends(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)

    assert await read(settings, "alerts") == []


async def test_read_all_may_be_left_early(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "alerts", [b"a", b"b"])

    async with aclosing(read_all(settings, "alerts")) as records:
        async for record in records:
            assert record.value == b"a"
            break


async def test_read_all_of_a_stream_that_is_not_there(
    broker: Broker, deployment: Deployment
) -> None:
    with pytest.raises(StreamError, match="does not exist"):
        await read(deployment(broker), "alerts")


async def test_the_end_is_beyond_the_last_record_of_a_batch(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "alerts", [b"x"] * 1_234)

    partitions = await partitions_of(settings, "alerts")

    assert await end_offsets(settings, partitions) == {partitions[0]: 1_234}


async def test_records_of_a_key_go_to_the_partition_that_partition_for_says(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    keys = [f"topic={number}".encode() for number in range(50)]
    for key in keys:
        await send(settings, "scored", [b""], key=key)

    found = {record.key: record.partition for record in await read(settings, "scored")}

    assert found == {key: partition_for(key, 2) for key in keys}


async def test_an_oversized_record_arrives_whole(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    oversized = os.urandom(900 * 1024)

    await send(settings, "news", [oversized, b"small"], partition=0)

    assert [record.value for record in await read(settings, "news")] == [oversized, b"small"]


async def test_a_record_keeps_the_time_that_a_replay_gives_it(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, score={"replay_speed": 60})
    await ensure_streams(settings)
    long_ago = 1_000_000_000_000

    await send(settings, "news", [b"x"], timestamp_ms=long_ago)

    (record,) = await read(settings, "news")
    assert record.timestamp == long_ago


async def test_a_dead_letter_goes_through_the_stream(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    value, headers = encode_dead_letter(
        stream=stream_name(settings, "news"),
        partition=1,
        offset=17,
        reason="oversized",
        detail="too long",
        time=1_700_000_000_000,
        value=b"\x00\xff" * 500_000,
        max_bytes=settings.streams.max_record_bytes,
    )

    await send(settings, "dead-letter", [value], headers=headers)

    (record,) = await read(settings, "dead-letter")
    letter = decode_dead_letter(record.value, record.headers)
    assert (letter.reason, letter.offset, letter.length) == ("oversized", 17, 1_000_000)
    assert letter.value == value


async def test_a_group_goes_on_from_its_commit(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "news", [b"a", b"b", b"c"], partition=0)
    group = group_name(settings, "score")
    partition = TopicPartition(stream_name(settings, "news"), 0)

    async with member(settings, group) as (client, _):
        first = await client.getone()
        await client.commit({partition: OffsetAndMetadata(first.offset + 1, "")})
    async with member(settings, group) as (client, _):
        second = await client.getone()

    assert (first.value, second.value) == (b"a", b"b")


async def test_what_was_not_committed_is_read_again(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "news", [b"a"], partition=0)
    group = group_name(settings, "score")

    for _ in range(2):
        async with member(settings, group) as (client, _):
            assert (await client.getone()).value == b"a"


async def test_a_sole_consumer_is_told_of_all_partitions_at_once(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, kafka={"sole_consumer": True})
    await ensure_streams(settings)

    async with member(settings, group_name(settings, "score")) as (_, heard):
        assert heard.assigned.get_nowait() == {0, 1}


async def test_the_members_of_a_group_share_its_partitions(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, kafka=in_groups(broker))
    await ensure_streams(settings)
    group = group_name(settings, "score")

    async with member(settings, group) as (_, first):
        await assigned(first, {0, 1})
        async with member(settings, group) as (_, second):
            one, other = await asyncio.gather(_single(first.assigned), _single(second.assigned))
            assert one | other == {0, 1}
            assert one != other
        await assigned(first, {0, 1})


async def _single(told: asyncio.Queue[set[int]]) -> set[int]:
    while len(partitions := await told.get()) != 1:
        pass
    return partitions


async def test_lag_counts_what_was_not_handed_out(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "news", [b"x"] * 10, partition=0)
    partition = TopicPartition(stream_name(settings, "news"), 0)

    async with member(settings, group_name(settings, "score")) as (client, _):
        await client.getmany(partition, timeout_ms=10_000, max_records=4)

        assert (await lag(client))[partition] == 6
