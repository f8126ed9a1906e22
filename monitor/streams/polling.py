"""Waiting without being taken for dead: a consumer that stops reading but stays in its group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_POLL_SECONDS = 0.2


async def wait_paused(
    reader: AIOKafkaConsumer, awaited: Awaitable[object], stop: asyncio.Event | None = None
) -> dict[TopicPartition, list[ConsumerRecord]]:
    """Wait for something, or for `stop`, with all partitions paused and polled.

    Returns:
        Records of partitions that were assigned in the meantime: they have been read, so
        whoever waits has to take them.
    """
    waiting = asyncio.ensure_future(awaited)
    held: dict[TopicPartition, list[ConsumerRecord]] = {}
    try:
        while not waiting.done() and not (stop is not None and stop.is_set()):
            reader.pause(*reader.assignment())
            for partition, records in (await reader.getmany(timeout_ms=0)).items():
                held.setdefault(partition, []).extend(records)
            await asyncio.wait([waiting], timeout=_POLL_SECONDS)
    finally:
        if waiting.done():
            await waiting
        else:
            waiting.cancel()
        reader.resume(*reader.paused())
    return held
