"""Waiting without being taken for dead: a consumer that stops reading but stays in its group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_POLL_SECONDS = 0.2


async def wait_paused(
    reader: AIOKafkaConsumer,
    awaited: Awaitable[object],
    take: Callable[[dict[TopicPartition, list[ConsumerRecord]]], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Wait for something, or for `stop`, with all partitions paused and polled.

    `take` is given the records of partitions that were assigned in the meantime, as soon as
    they are read: from then on nobody else has them.
    """
    waiting = asyncio.ensure_future(awaited)
    try:
        while not waiting.done() and not (stop is not None and stop.is_set()):
            reader.pause(*reader.assignment())
            take(await reader.getmany(timeout_ms=0))
            await asyncio.wait([waiting], timeout=_POLL_SECONDS)
    finally:
        if waiting.done():
            await waiting
        else:
            waiting.cancel()
        reader.resume(*reader.paused())
