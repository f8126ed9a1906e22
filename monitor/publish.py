"""`newsurge publish`: a file of news into the `news` stream, live, restamped, or as a replay.

Owns the sending: in time, and every record acknowledged. What goes when is decided in
`monitor.publish_plan`; what can't be used is for SCORE to find.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from monitor.errors import FeedError, StreamError
from monitor.feeds import read_feed
from monitor.publish_plan import (
    Planned,
    check_fresh,
    check_mode,
    check_replayable,
    plan_live,
    plan_rate,
    plan_replay,
    replay_settings,
    restamped,
)
from monitor.records import Origin
from monitor.settings import Settings
from monitor.streams.clients import partitions_of, producer, started
from monitor.streams.spec import stream_name

__all__ = ["Progress", "Sent", "Summary", "publish", "replay_settings"]

_IN_FLIGHT = 1000
_LOG_APPEND_TIME = 1


class Sent(msgspec.Struct, frozen=True):
    """One acknowledged record: its line in the file, where it stands, when it was handed over.

    `monotonic` is in seconds of `time.monotonic()`, taken just before the record was sent.
    """

    line: int
    origin: Origin
    monotonic: float


class Progress(msgspec.Struct, frozen=True):
    """How far a publishing has come: records acknowledged, of how many."""

    published: int
    total: int


class Summary(msgspec.Struct, frozen=True):
    """What was published, for accounting by origin.

    `offsets` holds for each news partition the first and last offset that were written. Another
    publisher's records may stand between them; `on_sent` tells of each record by itself.
    """

    published: int
    seconds: float
    offsets: dict[int, tuple[int, int]]


async def publish(
    settings: Settings,
    path: Path,
    *,
    speed: float | None = None,
    rate: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_sent: Callable[[Sent], None] | None = None,
) -> Summary:
    """Publish a JSONL or CSV file into `news`, and return when every record is acknowledged.

    Without `speed` and `rate` the items keep their own times and go as fast as the broker takes
    them; items older than the allowed lateness are refused, before anything is published.

    A record's key is its id, or the id of the item that it corrects. A correction so follows
    its item in the same partition and can't overtake it, while the ids spread the load evenly.
    Records that can't be read have no key.

    Args:
        settings: the deployment; for `speed` those of a replay (see `replay_settings`).
        path: the file. It is read twice, so it can't be a pipe.
        speed: play it as a replay, this many log seconds in a real one: items keep their own
            times, which become the Kafka timestamps too.
        rate: restamp the items as now, this many a second.
        progress: told after each acknowledged record.
        on_sent: told of each acknowledged record, in the order of the file.

    Raises:
        FeedError: when the file can't be read, or holds an item that this mode can't publish.
        SettingsError: when the settings don't fit the mode.
        StreamError: when the broker can't be reached, has no such stream, or refuses a record.
    """
    check_mode(settings, speed, rate)
    total = await asyncio.to_thread(_check, path, settings, speed, rate)
    await partitions_of(settings, "news")  # a missing stream is said at once, not after time-outs
    async with started(producer(settings), settings) as client:
        sender = _Sender(client, stream_name(settings, "news"), is_replay=speed is not None)

        def note(sent: Sent) -> None:
            if on_sent is not None:
                on_sent(sent)
            if progress is not None:
                progress(Progress(sender.published, total))

        return await sender.play(_plan(path, settings, speed, rate), note)


class _Sender:
    """Sends a plan in time, and sees to it that each record is acknowledged."""

    def __init__(self, client: AIOKafkaProducer, stream: str, *, is_replay: bool) -> None:
        self._client = client
        self._stream = stream
        self._is_replay = is_replay
        self._pending: deque[tuple[int, float, asyncio.Future[RecordMetadata]]] = deque()
        self._offsets: dict[int, tuple[int, int]] = {}
        self.published = 0

    async def play(self, plan: Iterable[Planned], note: Callable[[Sent], None]) -> Summary:
        began = time.monotonic()
        try:
            for planned in plan:
                await self._settle_until(began + planned.after_seconds, note)
                await self._send(planned)
                while self._pending and (self._pending[0][2].done() or self._is_full):
                    note(await self._settle())
            while self._pending:
                note(await self._settle())
        finally:
            await asyncio.gather(*(each[2] for each in self._pending), return_exceptions=True)
        return Summary(self.published, time.monotonic() - began, self._offsets)

    async def _settle_until(self, due: float, note: Callable[[Sent], None]) -> None:
        """Wait for a time of `time.monotonic()`, meanwhile noting what is acknowledged."""
        while (wait := due - time.monotonic()) > 0:
            if not self._pending:
                await asyncio.sleep(wait)
            elif (await asyncio.wait([self._pending[0][2]], timeout=wait))[0]:
                note(await self._settle())

    @property
    def _is_full(self) -> bool:
        return len(self._pending) >= _IN_FLIGHT

    async def _send(self, planned: Planned) -> None:
        value = planned.value
        if planned.restamp:
            value = restamped(value, time.time_ns() // 1_000_000)
        handed_over = time.monotonic()
        try:
            acknowledgement = await self._client.send(
                self._stream, value, planned.key, timestamp_ms=planned.timestamp
            )
        except MessageSizeTooLargeError:
            raise FeedError(
                f"line {planned.line} has {len(value)} bytes, more than a stream takes "
                "(streams.max_record_bytes); remove it"
            ) from None
        except KafkaError as error:
            raise self._refused(planned.line, error) from error
        self._pending.append((planned.line, handed_over, acknowledgement))

    async def _settle(self) -> Sent:
        """Wait for the oldest record in flight to be acknowledged."""
        line, handed_over, acknowledgement = self._pending.popleft()
        try:
            metadata = await acknowledgement
        except KafkaError as error:
            raise self._refused(line, error) from error
        if self._is_replay and metadata.timestamp_type == _LOG_APPEND_TIME:
            raise StreamError(
                f"stream {self._stream} takes the broker's time instead of the items' own, so it "
                "was made for live news; replay into another streams.prefix"
            )
        origin = Origin(metadata.partition, metadata.offset)
        first, _ = self._offsets.get(origin.partition, (origin.offset, 0))
        self._offsets[origin.partition] = (first, origin.offset)
        self.published += 1
        return Sent(line, origin, handed_over)

    def _refused(self, line: int, error: KafkaError) -> StreamError:
        words = " ".join(str(error).split()) or type(error).__name__
        return StreamError(
            f"line {line} was not acknowledged by the broker ({words}); check stream {self._stream}"
        )


def _check(path: Path, settings: Settings, speed: float | None, rate: float | None) -> int:
    now = time.time_ns() // 1_000_000
    name, records, max_bytes = str(path), read_feed(path), settings.streams.max_record_bytes
    if speed is not None:
        return check_replayable(name, records, now, max_bytes)
    if rate is not None:
        return sum(1 for _ in records)
    return check_fresh(name, records, now, settings.watch.allowed_lateness_seconds, max_bytes)


def _plan(
    path: Path, settings: Settings, speed: float | None, rate: float | None
) -> Iterable[Planned]:
    records, max_bytes = read_feed(path), settings.streams.max_record_bytes
    if speed is not None:
        return plan_replay(records, speed, max_bytes)
    if rate is not None:
        return plan_rate(records, rate, max_bytes)
    return plan_live(records, max_bytes)
