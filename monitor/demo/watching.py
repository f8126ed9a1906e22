"""Following the demo's streams from outside, without a consumer group, as anyone could.

Owns the reading. What is made of it is in `monitor.demo.observed`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka import ConsumerRecord

from monitor.demo.observed import Observed
from monitor.records import Outcome, decode_alert, decode_notification, decode_scored
from monitor.settings import Settings
from monitor.streams.clients import consumer, partitions_of, started
from monitor.streams.dead_letters import decode_dead_letter
from monitor.streams.spec import StreamName, stream_name

_FOLLOWED: tuple[StreamName, ...] = ("scored", "dead-letter", "alerts", "notifications")
_POLL_MS = 200
_RECORDS_AT_ONCE = 500


async def follow(settings: Settings, seen: Observed, looked: asyncio.Event) -> None:
    """Read the streams from their beginning into `seen`, until cancelled.

    `looked` is set after each look, several times a second, whether anything came or not.

    Raises:
        StreamError: when the broker can't be reached, or a stream does not exist.
    """
    partitions = [each for stream in _FOLLOWED for each in await partitions_of(settings, stream)]
    takers = {stream_name(settings, stream): _taker(stream, seen) for stream in _FOLLOWED}
    async with started(consumer(settings), settings) as client:
        client.assign(partitions)
        await client.seek_to_beginning(*partitions)
        while True:
            batch = await client.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_AT_ONCE)
            for partition, records in batch.items():
                for record in records:
                    takers[partition.topic](record)
            looked.set()


def _taker(stream: StreamName, seen: Observed) -> Callable[[ConsumerRecord], None]:
    def scored(record: ConsumerRecord) -> None:
        decoded = decode_scored(record.value)
        seen.take_scored(record.partition, record.offset, decoded, time.monotonic())

    def dead_letter(record: ConsumerRecord) -> None:
        seen.take_dead_letter(decode_dead_letter(record.value, record.headers))

    def alert(record: ConsumerRecord) -> None:
        seen.alerts.append(decode_alert(record.value))

    def notification(record: ConsumerRecord) -> None:
        decoded = decode_notification(record.value)
        if isinstance(decoded, Outcome):
            seen.outcomes.append(decoded)

    takers: dict[StreamName, Callable[[ConsumerRecord], None]] = {
        "scored": scored,
        "dead-letter": dead_letter,
        "alerts": alert,
        "notifications": notification,
    }
    return takers[stream]
