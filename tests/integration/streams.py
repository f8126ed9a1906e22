"""What the tests of the streams share: sending, reading, and members of a group."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from monitor.settings import Settings
from monitor.streams.clients import (
    consumer,
    producer,
    started,
    subscribe,
)
from monitor.streams.reading import read_all
from monitor.streams.spec import (
    StreamName,
    stream_name,
)
from tests.conftest import Broker


def in_groups(broker: Broker) -> dict[str, Any]:
    """Settings that join groups; the embedded broker takes seconds longer for a longer session."""
    short = {"session_timeout_seconds": 2} if broker.name == "embedded" else {}
    return {"sole_consumer": False, **short}


class Heard(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Remembers what a consumer was told of its partitions."""

    def __init__(self) -> None:
        self.assigned: asyncio.Queue[set[int]] = asyncio.Queue()
        self.revoked: asyncio.Queue[set[int]] = asyncio.Queue()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned.put_nowait({each.partition for each in assigned})

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.revoked.put_nowait({each.partition for each in revoked})


async def send(
    settings: Settings, stream: StreamName, values: Iterable[bytes | None], **place: Any
) -> list[int]:
    async with started(producer(settings), settings) as client:
        name = stream_name(settings, stream)
        sent = [await client.send(name, value, **place) for value in values]
        return [(await each).offset for each in sent]


async def read(settings: Settings, stream: StreamName, **where: Any) -> list[Any]:
    return [record async for record in read_all(settings, stream, **where)]


@asynccontextmanager
async def member(
    settings: Settings, group: str, stream: StreamName = "news"
) -> AsyncIterator[tuple[AIOKafkaConsumer, Heard]]:
    """A consumer of a stream, with what it was told of its partitions."""
    heard = Heard()
    async with started(consumer(settings, group), settings) as client:
        await subscribe(settings, client, stream, heard)
        yield client, heard


async def assigned(heard: Heard, expected: set[int]) -> None:
    """Wait until the consumer was told that it has just these partitions."""
    while await heard.assigned.get() != expected:
        pass
