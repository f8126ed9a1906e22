"""Writing many records at once, in order in each partition.

Owns how records are packed into Kafka batches; it knows no record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaProducer


class Outgoing(NamedTuple):
    """A record to be written to a given partition."""

    partition: int
    key: bytes | None
    value: bytes | None


async def write_all(
    producer: AIOKafkaProducer, stream: str, records: Iterable[Outgoing]
) -> dict[int, int]:
    """Write records to a stream (its full name); returns when all are acknowledged.

    Whole batches are handed over, which costs a fraction of a `send` for each record.

    Returns:
        For each partition written to, the offset behind the last of the records.

    Raises:
        KafkaError: when a batch could not be written; others may have been.
    """
    by_partition: dict[int, list[Outgoing]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record)
    ends = await asyncio.gather(
        *(_write(producer, stream, number, each) for number, each in by_partition.items())
    )
    return dict(zip(by_partition, ends, strict=True))


async def _write(
    producer: AIOKafkaProducer, stream: str, partition: int, records: list[Outgoing]
) -> int:
    acknowledgements = []
    batch = producer.create_batch()
    for record in records:
        if batch.append(key=record.key, value=record.value, timestamp=None) is None:
            acknowledgements.append(await producer.send_batch(batch, stream, partition=partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=None)
    acknowledgements.append(await producer.send_batch(batch, stream, partition=partition))
    written: int = batch.record_count()
    *_, last = await asyncio.gather(*acknowledgements)
    end: int = last.offset + written
    return end
