"""A whole daemon in the test's own loop, news put in by hand, and the account of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from monitor.app import Daemon
from monitor.delivery.receivers import WebhookTarget
from monitor.records import AlertEvent, Origin, ScoredRecord, decode_alert, decode_scored
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.dead_letters import decode_dead_letter
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from monitor.web.server import Address

PATIENCE = 30


@asynccontextmanager
async def running(
    settings: Settings, receivers: Sequence[WebhookTarget] = ()
) -> AsyncIterator[Address]:
    """Run a daemon with all its roles for the length of the block; it is ready when it begins."""
    stop = asyncio.Event()
    address: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

    def ready(where: Address) -> None:
        if not address.done():
            address.set_result(where)

    life = asyncio.create_task(Daemon(settings, ready, receivers).run(stop))
    beginning: list[asyncio.Future[Any]] = [life, address]
    await asyncio.wait(beginning, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    if not address.done():
        stop.set()
        await life  # raises what ended it, if anything did
        raise TimeoutError(f"the daemon was not ready within {PATIENCE} s")
    try:
        yield address.result()
    finally:
        stop.set()
        await life


async def publish(
    settings: Settings,
    items: Iterable[dict[str, Any] | bytes],
    timestamps: Sequence[int] | None = None,
) -> list[Origin]:
    """Put news records into the stream, and say where each came to stand."""
    news = stream_name(settings, "news")
    async with started(producer(settings), settings) as client:
        sent = [
            await client.send(
                news,
                item if isinstance(item, bytes) else msgspec.json.encode(item),
                timestamp_ms=timestamps[i] if timestamps is not None else None,
                partition=i % settings.streams.partitions.news,
            )
            for i, item in enumerate(items)
        ]
        stands = [await one for one in sent]
    return [Origin(one.partition, one.offset) for one in stands]


async def scored(settings: Settings) -> list[ScoredRecord]:
    """Every scored record so far."""
    records = [decode_scored(one.value) async for one in read_all(settings, "scored")]
    return [record for record in records if isinstance(record, ScoredRecord)]


async def alerts(settings: Settings) -> list[AlertEvent]:
    """Every alert event so far."""
    return [decode_alert(one.value) async for one in read_all(settings, "alerts")]


async def set_aside(settings: Settings) -> dict[Origin, str]:
    """The reason of each dead letter so far, by its origin."""
    letters = [
        decode_dead_letter(one.value, one.headers)
        async for one in read_all(settings, "dead-letter")
    ]
    assert all(letter.stream == stream_name(settings, "news") for letter in letters)
    return {Origin(letter.partition, letter.offset): letter.reason for letter in letters}


async def accounted(settings: Settings, origins: Sequence[Origin]) -> dict[Origin, str]:
    """Wait until every origin is in `scored` or `dead-letter`; tells which, or the reason."""
    async with asyncio.timeout(PATIENCE * 10):
        while True:
            found = {record.origin: "scored" for record in await scored(settings)}
            found |= await set_aside(settings)
            if found.keys() >= set(origins):
                return found
            await asyncio.sleep(0.1)
