"""Reading the newest records of a stream backwards, as far as they are wanted.

Owns how far back it looks at once. Kafka can't read backwards, and only real clusters know which
offset belongs to a time, so it looks back a little, then further, until there is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from monitor.streams.reading import to_the_end

_FIRST_LOOK = 300
_FURTHER = 8
_FURTHEST = _FIRST_LOOK * _FURTHER**2


async def newest(
    client: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    is_enough: Callable[[list[ConsumerRecord]], bool],
    is_wanted: Callable[[ConsumerRecord], bool] = lambda _: True,
) -> list[ConsumerRecord]:
    """The newest records of assigned partitions, by the time that they are stamped with.

    Reads `_FURTHEST` records of each partition at most. The client's positions are where it
    ended, so that whoever goes on misses nothing.

    Args:
        client: has these partitions assigned.
        partitions: of one stream.
        is_enough: told the wanted records found so far, whether none before them is needed.
        is_wanted: which to keep.

    Raises:
        KafkaError: when the partitions can't be read.
        BrokerAwayError: when nothing arrives although the end is not reached.
    """
    begins = await client.beginning_offsets(partitions)
    # On the embedded broker the end of the last batch's first record: near enough to look back.
    near = await client.end_offsets(partitions)
    back = _FIRST_LOOK
    ends: dict[TopicPartition, int] = {}
    while True:
        starts = {each: max(begins[each], ends.get(each, near[each]) - back) for each in partitions}
        for each, start in starts.items():
            client.seek(each, start)
        async with aclosing(to_the_end(client, partitions, ends)) as records:
            found = [record async for record in records if is_wanted(record)]
        for each in partitions:
            client.seek(each, ends[each])
        if is_enough(found) or back >= _FURTHEST or starts == begins:
            return sorted(found, key=lambda record: record.timestamp)
        back *= _FURTHER
