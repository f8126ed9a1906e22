"""Reading what a live page shows: `live`, and what is told elsewhere of alerts and news.

Owns how far back it begins, and that it never falls behind. It joins no consumer group and commits
nothing. What the records come to is `board`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import NoReturn

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from monitor.desk.records import decode_desk
from monitor.errors import StreamError
from monitor.live.board import Board
from monitor.live.headlines import headline_id
from monitor.live.messages import ALERTS, HEADLINES
from monitor.live.records import REPEAT_SECONDS, decode_live
from monitor.records import ScoredRecord, decode_alert, decode_notification, decode_scored
from monitor.settings import Settings
from monitor.streams.clients import consumer, partition_counts, started
from monitor.streams.newest import newest
from monitor.streams.reading import to_the_end
from monitor.streams.spec import StreamName, stream_name

log = logging.getLogger(__name__)
_STREAMS: tuple[StreamName, ...] = ("desk", "alerts", "notifications", "live", "scored")
_ROUND_SECONDS = 0.25
_FETCH_WAIT_MS = 250
_TOLD_AT_ONCE = 1_000
_SCORED_AT_ONCE = 400
"""A few milliseconds of one core, in which no role does anything."""
_BEHIND = 1_500
_NEAR = 200
_CLOSE_SECONDS = 1.0
_LIVE_MS = round(2 * REPEAT_SECONDS * 1000)
Partitions = Mapping[StreamName, list[TopicPartition]]


async def keep_board(settings: Settings, board: Board, loaded: Callable[[], None]) -> NoReturn:
    """Read the newest of the streams, call `loaded`, then keep the board up to date.

    While the broker is away it waits. A stream that these credentials may not see is left out,
    which the log says.

    Raises:
        StreamError: when no broker can be reached, or there is nothing to read.
        KafkaError: when a stream can't be read.
    """
    partitions = await _partitions(settings)
    client = consumer(settings, fetch_max_wait_ms=_FETCH_WAIT_MS)
    async with started(client, settings, close_seconds=_CLOSE_SECONDS):
        reading = _Reading(settings, client, partitions, board)
        await reading.load()
        loaded()
        await reading.follow()


async def _partitions(settings: Settings) -> Partitions:
    counts = await partition_counts(settings)
    names = {stream: stream_name(settings, stream) for stream in _STREAMS}
    missing = [name for name in names.values() if name not in counts]
    if len(missing) == len(names):
        raise StreamError(f"missing streams: {', '.join(missing)}")
    if missing:
        log.warning(
            "the live page does without %s: not there, or not to be read with these credentials; "
            "see the role `page` of `newsurge streams`", ", ".join(missing),
        )  # fmt: skip
    return {
        stream: [TopicPartition(name, number) for number in range(counts.get(name, 0))]
        for stream, name in names.items()
    }


class _Reading:
    """Reads for one board, with one client."""

    def __init__(
        self, settings: Settings, client: AIOKafkaConsumer, partitions: Partitions, board: Board
    ) -> None:
        self._client = client
        self._partitions = partitions
        self._board = board
        self._records = self._items = 0
        self._unreadable: set[str] = set()
        takers: dict[StreamName, Callable[[bytes], None]] = {
            "desk": lambda value: board.say(decode_desk(value)),
            "alerts": lambda value: board.see(decode_alert(value)),
            "notifications": lambda value: board.notify(decode_notification(value)),
            "live": lambda value: board.hear(decode_live(value)),
            "scored": self._take_scored,
        }
        self._takers = {stream_name(settings, stream): take for stream, take in takers.items()}

    async def load(self) -> None:
        """Read so far back that the page shows what it would have shown for long."""
        wanted = [each for partitions in self._partitions.values() for each in partitions]
        self._client.assign(wanted)
        # Else all would be fetched from the beginning meanwhile.
        self._client.pause(*wanted)
        self._board.pass_time(_now())
        await self._load_desk()
        alerts = await self._load("alerts", _has_alerts)
        first = min((record.timestamp for record in alerts[-ALERTS:]), default=_now())
        await self._load("notifications", _reaches(first))
        await self._load("live", _reaches(_now() - _LIVE_MS))
        await self._load("scored", _has_headlines)

    async def follow(self) -> NoReturn:
        """Take what comes, in rounds that leave the event loop to the roles."""
        scored = self._partitions["scored"]
        told = [
            each
            for stream, partitions in self._partitions.items()
            for each in partitions
            if stream != "scored"
        ]
        while True:
            for partitions, most in ((told, _TOLD_AT_ONCE), (scored, _SCORED_AT_ONCE)):
                if partitions:
                    fetched = await self._client.getmany(*partitions, max_records=most)
                    for records in fetched.values():
                        self._take(records)
                    await asyncio.sleep(0)
            await self._keep_up()
            self._board.pass_time(_now())
            await asyncio.sleep(_ROUND_SECONDS)

    async def _load(
        self, stream: StreamName, is_enough: Callable[[list[ConsumerRecord]], bool]
    ) -> list[ConsumerRecord]:
        partitions = self._partitions[stream]
        if not partitions:
            return []
        self._client.resume(*partitions)
        records = await newest(self._client, partitions, is_enough, _is_no_mark)
        self._take(records)
        return records

    async def _load_desk(self) -> None:
        partitions = self._partitions["desk"]
        if not partitions:
            return
        self._client.resume(*partitions)
        ends: dict[TopicPartition, int] = {}
        begins = await self._client.beginning_offsets(partitions)
        for each in partitions:
            self._client.seek(each, begins[each])
        async with aclosing(to_the_end(self._client, partitions, ends)) as records:
            async for record in records:
                self._take([record])
        for each in partitions:
            self._client.seek(each, ends[each])

    async def _keep_up(self) -> None:
        """Pass over scored records where they come too fast to be shown."""
        for each in self._partitions["scored"]:
            end = self._client.highwater(each)
            behind = 0 if end is None else end - await self._client.position(each)
            if end is not None and behind > _BEHIND:
                self._client.seek(each, end - _NEAR)
                # Each item has several records, and there are marks between them.
                items = self._items / max(self._records, 1)
                self._board.skip(round((behind - _NEAR) * items))

    def _take(self, records: list[ConsumerRecord]) -> None:
        for record in records:
            if record.value is None:
                continue  # Someone took the key out by hand.
            try:
                self._takers[record.topic](record.value)
            except (msgspec.MsgspecError, RecursionError) as error:
                self._tell_unreadable(record, error)

    def _take_scored(self, value: bytes) -> None:
        self._records += 1
        if _MARK in value[:40]:
            return
        record = decode_scored(value)
        if isinstance(record, ScoredRecord):
            self._items += self._board.read(record)

    def _tell_unreadable(self, record: ConsumerRecord, error: Exception) -> None:
        """Say it once a stream: whoever needs the record says more."""
        if record.topic not in self._unreadable:
            self._unreadable.add(record.topic)
            where = {
                "stream": record.topic, "partition": record.partition, "offset": record.offset,
            }  # fmt: skip
            log.warning(
                "the live page can't read %(stream)s partition %(partition)d offset %(offset)d: "
                "%(why)s",
                where | {"why": ascii(str(error))},
                extra=where,
            )


_MARK = b'"kind":"mark"'


def _is_no_mark(record: ConsumerRecord) -> bool:
    return record.value is not None and _MARK not in record.value[:40]


def _reaches(time_ms: int) -> Callable[[list[ConsumerRecord]], bool]:
    """Whether records were found that are older than a time."""
    return lambda found: any(record.timestamp < time_ms for record in found)


def _has_alerts(found: list[ConsumerRecord]) -> bool:
    """Whether there are as many as a page shows; a dead man's signs of life are one."""
    board = Board()
    for record in sorted(found, key=lambda each: each.timestamp):
        try:
            board.see(decode_alert(record.value))
        except msgspec.MsgspecError:
            continue  # It is told of when it is taken.
    return board.alert_count >= ALERTS


def _has_headlines(found: list[ConsumerRecord]) -> bool:
    items = set()
    for record in found:
        try:
            scored = decode_scored(record.value)
        except msgspec.MsgspecError:
            continue  # It is told of when it is taken.
        if isinstance(scored, ScoredRecord):
            items.add(headline_id(scored))
    return len(items) >= HEADLINES


def _now() -> int:
    return time.time_ns() // 1_000_000
