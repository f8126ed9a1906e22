"""The `desk` stream: reading all of it, following it, adding to it.

Owns no decision: what the records mean is in `board` and `silences`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

import msgspec
from aiokafka import ConsumerRecord

from monitor import metrics
from monitor.desk.board import Board
from monitor.desk.records import DeskRecord, decode_desk, episode_of
from monitor.records import AlertEvent, AlertPlace, decode_alert, encode
from monitor.settings import Settings
from monitor.streams.clients import consumer, partitions_of, producer, started
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name

_log = logging.getLogger(__name__)
# The desk speaks seldom, and half a second is soon enough to hear it.
_POLL_MS = 500


async def read_board(settings: Settings) -> Board:
    """What the desk has said until now.

    Raises:
        StreamError: when the stream can't be read.
    """
    board = Board()
    await _read(settings, board)
    return board


async def say(settings: Settings, *records: DeskRecord) -> None:
    """Write records; returns when they are acknowledged.

    Raises:
        StreamError: when the broker can't be reached or the stream does not exist.
        KafkaError: when the broker refuses them.
    """
    await partitions_of(settings, "desk")  # Sending to a stream that is missing would not end.
    name = stream_name(settings, "desk")
    async with started(producer(settings), settings) as client:
        for record in records:
            await client.send_and_wait(name, encode(record), key=record.key.encode())


async def find_alert(settings: Settings, identity: str) -> tuple[AlertEvent, AlertPlace] | None:
    """The alert event of that id in `alerts`, and where it stands; None where there is none.

    Raises:
        StreamError: when the stream can't be read.
    """
    needle = identity.encode()
    async with aclosing(read_all(settings, "alerts")) as records:
        async for record in records:
            # Decoding costs a hundred times as much, and an id is seldom in another alert.
            if needle not in (record.value or b""):
                continue
            alert = _alert(record)
            if alert is not None and alert.id == identity:
                return alert, AlertPlace(record.partition, record.offset)
    return None


@asynccontextmanager
async def following(settings: Settings) -> AsyncIterator[tuple[Board, asyncio.Task[None]]]:
    """What the desk has said, read to its end, and kept up to date until the block ends.

    Gives the board, and the task that keeps it, which only ends of what fails.

    Raises:
        StreamError: when the stream can't be read.
    """
    board = Board()
    positions = await _read(settings, board)
    await _notice_what_is_over(settings, board)
    _show(board)
    task = asyncio.create_task(_follow(settings, board, positions), name="notify desk")
    try:
        yield board, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _read(settings: Settings, board: Board) -> dict[int, int]:
    """Read to the end; for each partition that held something, where to go on."""
    positions: dict[int, int] = {}
    async with aclosing(read_all(settings, "desk")) as records:
        async for record in records:
            positions[record.partition] = record.offset + 1
            _learn(board, record)
    return positions


async def _follow(settings: Settings, board: Board, positions: Mapping[int, int]) -> None:
    partitions = await partitions_of(settings, "desk")
    async with started(consumer(settings, fetch_max_wait_ms=_POLL_MS), settings) as client:
        client.assign(partitions)
        begins = await client.beginning_offsets(partitions)
        for each in partitions:
            client.seek(each, max(begins[each], positions.get(each.partition, 0)))
        while True:
            fetched = await client.getmany(timeout_ms=_POLL_MS)
            for records in fetched.values():
                for record in records:
                    _learn(board, record)
            _show(board)


async def _notice_what_is_over(settings: Settings, board: Board) -> None:
    """Find the acknowledged episodes that have ended since."""
    now = time.time_ns() // 1_000_000
    start: dict[int, int] = {}
    for ack in board.acks:
        if now < ack.until:
            partition, offset = ack.place.partition, ack.place.offset
            start[partition] = min(offset, start.get(partition, offset))
    if not start:
        return
    async with aclosing(read_all(settings, "alerts", start, start)) as records:
        async for record in records:
            alert = _alert(record)
            if alert is not None and alert.state == "resolved":
                board.has_resolved(episode_of(alert))


def _learn(board: Board, record: ConsumerRecord) -> None:
    if record.value is None:
        return  # Someone took the key out by hand; what it said goes with the next start.
    try:
        board.apply(decode_desk(record.value))
    except (msgspec.MsgspecError, RecursionError) as error:
        where = {
            "stream": record.topic, "partition": record.partition, "offset": record.offset,
        }  # fmt: skip
        _log.warning(
            "%(stream)s partition %(partition)d offset %(offset)d can't be read: %(why)s",
            where | {"why": ascii(str(error))},
            extra=where,
        )


def _alert(record: ConsumerRecord) -> AlertEvent | None:
    try:
        return decode_alert(record.value or b"")
    except (msgspec.MsgspecError, RecursionError):
        return None  # NOTIFY tells of it.


def _show(board: Board) -> None:
    now = time.time_ns() // 1_000_000
    metrics.silences_active.set(board.active_silences(now))
    metrics.alerts_acknowledged.set(board.acknowledged(now))
