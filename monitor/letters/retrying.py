"""Publishing dead letters again, once what was wrong has been mended.

Owns which of them can be, and the sending. That an item counts once is WATCH's to keep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from monitor.errors import StreamError
from monitor.letters.finding import Place, Wanted, letters, nothing_at, written
from monitor.logs import printable
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.dead_letters import DeadLetter
from monitor.streams.spec import stream_name

HEADER = "dead-letter"
_IN_FLIGHT = 500


@dataclass(slots=True)
class Retryable:
    """Letters that can be published again, and why others can't: sentences for a person."""

    places: set[Place] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)


async def retryable(settings: Settings, wanted: Wanted) -> Retryable:
    """Which of the letters that are meant can be published again.

    Raises:
        NewsurgeError: when there is none at a place that was named.
        StreamError: when the stream can't be read.
    """
    sorted_out = Retryable()
    seen: set[Place] = set()
    async with aclosing(letters(settings, wanted)) as meant:
        async for record, letter in meant:
            place = record.partition, record.offset
            seen.add(place)
            obstacle = _obstacle(settings, letter)
            if obstacle is None:
                sorted_out.places.add(place)
            else:
                sorted_out.refused.append(f"{written(place)}: {obstacle}")
    if wanted.places is not None and wanted.places - seen:
        raise nothing_at(settings, sorted(wanted.places - seen))
    return sorted_out


async def retry(settings: Settings, places: Collection[Place]) -> int:
    """Publish the original bytes of letters to `news` again; returns how many were acknowledged.

    Each goes to the partition that it came from, so that it stays in line with what corrects it.
    It has a header that names the letter, and its first ingest time as its stamp, which counts
    where the broker lets producers stamp, as in replays.

    Raises:
        StreamError: when a stream can't be read or written; what was acknowledged until then
            counts once if it is published again.
    """
    wanted = Wanted(places=frozenset(places))
    sent = 0
    async with (
        started(producer(settings), settings) as client,
        aclosing(letters(settings, wanted)) as meant,
    ):
        waiting: list[asyncio.Future[object]] = []
        try:
            async for record, letter in meant:
                waiting.append(await _send(settings, client, record, letter))
                if len(waiting) >= _IN_FLIGHT:
                    sent += len(await asyncio.gather(*waiting))
                    waiting.clear()
            sent += len(await asyncio.gather(*waiting))
        except KafkaError as error:
            await asyncio.gather(*waiting, return_exceptions=True)
            raise StreamError(
                f"stream {stream_name(settings, 'news')} can't be written after {sent} records "
                f"({type(error).__name__}); check the broker, then retry all of them: what was "
                "published already counts once"
            ) from error
    return sent


def _obstacle(settings: Settings, letter: DeadLetter) -> str | None:
    """Why a letter can't be published again, or None where it can."""
    if letter.truncated:
        return (
            f"only the first {len(letter.value)} of its {letter.length} bytes were kept; its "
            "publisher must send it again"
        )
    news = stream_name(settings, "news")
    if letter.stream != news:
        return f"it comes from {printable(letter.stream)}, not from {news}"
    return None


async def _send(
    settings: Settings, client: AIOKafkaProducer, record: ConsumerRecord, letter: DeadLetter
) -> asyncio.Future[object]:
    sent: asyncio.Future[object] = await client.send(
        stream_name(settings, "news"),
        letter.value,
        partition=letter.partition,
        timestamp_ms=letter.time,
        headers=[(HEADER, written((record.partition, record.offset)).encode())],
    )
    return sent
