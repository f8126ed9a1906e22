"""Reading a stream's past from its beginning to its end as of now, without a consumer group.

Owns no position: whoever reads keeps its own. Ends are learnt from fetches, never by asking for
the latest offset: the embedded broker answers that with the start of the last batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from monitor.errors import BrokerAwayError, StreamError
from monitor.settings import Settings
from monitor.streams.clients import consumer, partitions_of, started
from monitor.streams.failures import passing
from monitor.streams.spec import StreamName

_STUCK_SECONDS = 30.0
_RECORDS_AT_ONCE = 1000
_POLL_MS = 20
# At the end there is nothing to wait for, so an empty fetch should say so at once.
_FETCH_WAIT_MS = 5


async def read_all(
    settings: Settings,
    stream: StreamName,
    partitions: Collection[int] | None = None,
    start: Mapping[int, int] | None = None,
) -> AsyncGenerator[ConsumerRecord, None]:
    """Every record of a stream up to its end as of the first fetch, in order in each partition.

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
    if not wanted:
        return
    async with started(consumer(settings, fetch_max_wait_ms=_FETCH_WAIT_MS), settings) as client:
        begins = await client.beginning_offsets(wanted)
        client.assign(wanted)
        for each in wanted:
            client.seek(each, max(begins[each], (start or {}).get(each.partition, 0)))
        try:
            async for record in to_the_end(client, wanted, {}):
                yield record
        except KafkaError as error:
            kind = BrokerAwayError if passing(error) else StreamError
            raise kind(
                f"stream {wanted[0].topic} can't be read ({error}); check the broker, and the "
                "ACLs that `newsurge streams` prints"
            ) from error


async def end_offsets(
    settings: Settings, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """The offset that the next record of each partition will get.

    For what starts at the end, such as a new receiver. On every broker, unlike
    `AIOKafkaConsumer.end_offsets` and `seek_to_end`.

    Raises:
        StreamError: when the broker can't be reached, or does not answer.
    """
    if not partitions:
        return {}
    async with started(consumer(settings, fetch_max_wait_ms=_FETCH_WAIT_MS), settings) as client:
        near = await client.end_offsets(partitions)
        client.assign(partitions)
        for each in partitions:
            client.seek(each, near[each])
        progress = _Progress()
        ends: dict[TopicPartition, int] = {}
        while len(ends) < len(partitions):
            await client.getmany(timeout_ms=_FETCH_WAIT_MS)
            known = {each: client.last_stable_offset(each) for each in partitions}
            progress.note({each: end or 0 for each, end in known.items()}, partitions[0])
            ends = {each: end for each, end in known.items() if end is not None}
        return ends


async def lag(client: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """How many records of each assigned partition the consumer has not handed out yet.

    Costs no request while it reads: fetches tell the ends, and a partition that was not fetched
    from yet is absent. What is paused is not fetched, so there the broker is asked, and the ends
    known last stand where it does not answer.
    """
    ends = {each: client.highwater(each) for each in client.assignment()}
    paused = [each for each in client.paused() if each in ends]
    if paused:
        with suppress(KafkaError):
            for each, end in (await client.end_offsets(paused)).items():
                ends[each] = max(ends[each] or 0, end)
    return {
        each: max(0, end - await client.position(each))
        for each, end in ends.items()
        if end is not None and each in client.assignment()
    }


class _Progress:
    """Notices that a read goes nowhere, which aiokafka would wait out for ever."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._since = self._clock()
        self._positions: dict[TopicPartition, int] = {}

    def note(self, positions: dict[TopicPartition, int], awaited: TopicPartition) -> None:
        """Take note of the positions; raises BrokerAwayError when they stay for too long."""
        if positions != self._positions:
            self._positions, self._since = positions, self._clock()
        elif self._clock() - self._since > _STUCK_SECONDS:
            raise BrokerAwayError(
                f"stream {awaited.topic}, partition {awaited.partition}: nothing arrives beyond "
                f"offset {positions[awaited]} for {_STUCK_SECONDS:.0f} s; check the broker, and "
                "that these credentials may read the stream"
            )


async def to_the_end(
    client: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    ends: dict[TopicPartition, int],
) -> AsyncGenerator[ConsumerRecord, None]:
    """Records until each partition's position has reached the end that its first fetch told.

    The ends come to stand in `ends`; those that are there already are kept. The client's positions
    may lie beyond them afterwards: whoever reads on seeks there.

    Positions are asked, not the records' offsets: compaction and transaction markers leave
    gaps, and the last offsets may hold no record at all.
    """
    unfinished = list(partitions)
    progress = _Progress()
    while unfinished:
        # Later records of a finished partition stay unread: nobody asks for them.
        batch = await client.getmany(*unfinished, timeout_ms=_POLL_MS, max_records=_RECORDS_AT_ONCE)
        _learn_ends(client, unfinished, ends)
        for partition, records in batch.items():
            for record in records:
                if record.offset < ends[partition]:
                    yield record
        positions = {each: await client.position(each) for each in unfinished}
        unfinished = [
            each for each in unfinished if each not in ends or positions[each] < ends[each]
        ]
        if unfinished:
            progress.note(positions, unfinished[0])


def _learn_ends(
    client: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    ends: dict[TopicPartition, int],
) -> None:
    for each in partitions:
        end = client.last_stable_offset(each)
        if end is not None:
            ends.setdefault(each, end)
