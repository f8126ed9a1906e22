"""Reading a stream's past from its beginning to its end as of now, without a consumer group.

Owns no position: whoever reads keeps its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from monitor.errors import StreamError
from monitor.settings import Settings
from monitor.streams.clients import consumer, partitions_of, started
from monitor.streams.spec import StreamName

_STUCK_SECONDS = 30.0
_POLL_MS = 500
_RECORDS_AT_ONCE = 1000


async def read_all(
    settings: Settings,
    stream: StreamName,
    partitions: Collection[int] | None = None,
    start: Mapping[int, int] | None = None,
) -> AsyncGenerator[ConsumerRecord, None]:
    """Every record of a stream up to its end offsets as of the call, in order in each partition.

    Memory is bounded: records are handed out as they are fetched. Whoever stops early closes the
    iterator (`contextlib.aclosing`).

    Args:
        settings: the deployment.
        stream: which stream.
        partitions: the partition numbers to read; all of them when absent.
        start: the first offset to read, by partition number; the beginning when absent.

    Raises:
        StreamError: when the broker can't be reached, the stream does not exist, or nothing
            more arrives although the end is not reached.
    """
    wanted = [
        each
        for each in await partitions_of(settings, stream)
        if partitions is None or each.partition in partitions
    ]
    async with started(consumer(settings), settings) as client:
        ends = await _seek_unread(client, wanted, start or {})
        async for partition, record in _until(client, ends):
            if record.offset < ends[partition]:
                yield record


async def lag(client: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """How many records of each assigned partition the consumer has not handed out yet.

    Costs no request: a partition that was not fetched from yet is absent.
    """
    ends = {each: client.highwater(each) for each in client.assignment()}
    return {
        each: max(0, end - await client.position(each))
        for each, end in ends.items()
        if end is not None
    }


async def _seek_unread(
    client: AIOKafkaConsumer, wanted: list[TopicPartition], start: Mapping[int, int]
) -> dict[TopicPartition, int]:
    """Assign the partitions that hold something to read; their end offsets."""
    if not wanted:
        return {}
    ends = await client.end_offsets(wanted)
    begins = await client.beginning_offsets(wanted)
    at = {each: max(begins[each], start.get(each.partition, 0)) for each in wanted}
    unread = [each for each in wanted if at[each] < ends[each]]
    client.assign(unread)
    for each in unread:
        client.seek(each, at[each])
    return {each: ends[each] for each in unread}


async def _until(
    client: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> AsyncIterator[tuple[TopicPartition, ConsumerRecord]]:
    """Records of the assigned partitions until each one's position has reached its end.

    Positions are asked, not the records' offsets: compaction and transaction markers leave
    gaps, and the last offsets may hold no record at all.
    """
    positions = dict.fromkeys(ends, -1)
    clock = asyncio.get_running_loop().time
    progressed = clock()
    while unfinished := [each for each in ends if positions[each] < ends[each]]:
        batch = await client.getmany(*unfinished, timeout_ms=_POLL_MS, max_records=_RECORDS_AT_ONCE)
        for partition, records in batch.items():
            for record in records:
                yield partition, record
        reached = {each: await client.position(each) for each in ends}
        if reached != positions:
            positions, progressed = reached, clock()
        elif clock() - progressed > _STUCK_SECONDS:
            stuck = unfinished[0]
            raise StreamError(
                f"stream {stuck.topic}, partition {stuck.partition}: nothing arrives beyond "
                f"offset {positions[stuck]} of {ends[stuck]} for {_STUCK_SECONDS:.0f} s; "
                "check the broker"
            )
