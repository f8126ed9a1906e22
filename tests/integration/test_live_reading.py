"""Reading for the live page on real brokers: how far back, how fast, and past what is broken."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from monitor.live import reading
from monitor.live.board import Board
from monitor.live.messages import HEADLINES
from monitor.live.reading import keep_board
from monitor.records import Mark, encode
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import admin, consumer, producer, started
from monitor.streams.newest import newest
from monitor.streams.spec import stream_name
from monitor.streams.writing import Outgoing, write_all
from tests.conftest import Broker, Deployment
from tests.delivery.alerts import alert
from tests.integration.streams import send
from tests.live.views import process_view, scored_record, series_view

PATIENCE = 40


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def settings(broker: Broker, deployment: Deployment) -> Settings:
    return deployment(broker, streams={"partitions": {"scored": 2, "alerts": 2}})


async def put(settings: Settings, partition: int, values: Iterable[bytes]) -> None:
    """Put records into `scored`."""
    async with started(producer(settings), settings) as writer:
        outgoing = [Outgoing(partition, None, value) for value in values]
        await write_all(writer, stream_name(settings, "scored"), outgoing)


@asynccontextmanager
async def kept(settings: Settings) -> AsyncIterator[Board]:
    """A board that is kept up to date, once it shows what was."""
    board, loaded = Board(), asyncio.Event()
    keeping = asyncio.create_task(keep_board(settings, board, loaded.set))
    waiting = asyncio.create_task(loaded.wait())
    await asyncio.wait([keeping, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
    if keeping.done():
        keeping.result()
    try:
        yield board
    finally:
        keeping.cancel()
        waiting.cancel()
        await asyncio.gather(keeping, waiting, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a board tells nobody
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("wanted", "further"), [(1, False), (500, True), (100_000, True)])
async def test_it_reads_back_until_there_is_enough(
    settings: Settings, wanted: int, further: bool
) -> None:
    await ensure_streams(settings)
    await put(settings, 0, (f"{n:0500}".encode() for n in range(1_000)))
    await put(settings, 1, (f"{n:0500}".encode() for n in range(1_000, 1_010)))
    partitions = [TopicPartition(stream_name(settings, "scored"), number) for number in (0, 1)]
    looks: list[int] = []

    def is_enough(found: list[ConsumerRecord]) -> bool:
        looks.append(len(found))
        return len(found) >= wanted

    async with started(consumer(settings), settings) as client:
        client.assign(partitions)
        found = await newest(client, partitions, is_enough)
        # Nothing is missed, and nothing comes twice.
        await put(settings, 0, [b"next"])
        following: list[bytes] = []
        async with asyncio.timeout(PATIENCE):
            while not following:
                fetched = await client.getmany(timeout_ms=100)
                following = [one.value for records in fetched.values() for one in records]
    assert following == [b"next"]
    numbers = {int(one.value) for one in found}
    assert numbers >= {*range(700, 1_010)}
    assert (len(looks) > 1, len(numbers) == 1_010) == (further, further)
    assert [one.timestamp for one in found] == sorted(one.timestamp for one in found)


async def test_headlines_are_found_behind_the_marks_of_a_quiet_night(settings: Settings) -> None:
    await ensure_streams(settings)
    mark = encode(Mark(0, 1, now(), caught_up=True))
    await put(settings, 0, [encode(scored_record(1)), *[mark] * 1_000])
    async with kept(settings) as board:
        assert [each.id for each in board.snapshot().headlines] == ["0/1"]


async def test_the_newest_are_shown_in_their_order(settings: Settings) -> None:
    await ensure_streams(settings)
    await put(settings, 0, (encode(scored_record(n)) for n in range(100)))
    await put(settings, 1, (encode(scored_record(n)) for n in range(80, 120)))
    async with kept(settings) as board:
        ids = [each.id for each in board.snapshot().headlines]
    assert ids == [f"0/{n}" for n in range(60, 120)]


async def test_what_comes_too_fast_is_passed_over_and_counted(settings: Settings) -> None:
    await ensure_streams(settings)
    async with kept(settings) as board:
        many = 20_000
        await put(settings, 0, (encode(scored_record(n)) for n in range(many)))
        last = f"0/{many - 1}"
        await until(lambda: any(each.id == last for each in board.snapshot().headlines))
        shown = board.snapshot()
    assert len(shown.headlines) == HEADLINES
    assert many / 2 < shown.skipped < many


async def test_what_can_not_be_read_is_passed_over_and_told_of_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure_streams(settings)
    await send(settings, "live", [b"\xff", b"{}", encode(process_view(at=now()))], partition=0)
    await send(settings, "alerts", [b"[[[", encode(alert(1))], partition=0)
    await send(settings, "desk", [b"null", None], partition=0, key=b"k")
    async with kept(settings) as board:
        await send(settings, "live", [b"{", encode(series_view(at=now()))], partition=0)
        await until(lambda: len(board.snapshot().series) == 1)
        shown = board.snapshot()
    assert (len(shown.processes), len(shown.alerts)) == (1, 1)
    told = [one.getMessage() for one in caplog.records if one.name == reading.__name__]
    assert len(told) == 3
    assert all("can't read" in line for line in told)


async def test_a_stream_that_is_not_there_is_done_without(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure_streams(settings)
    async with started(admin(settings), settings) as client:
        await client.delete_topics([stream_name(settings, "desk")])
    await send(settings, "live", [encode(process_view(at=now()))], partition=0)
    async with kept(settings) as board:
        assert len(board.snapshot().processes) == 1
    assert "does without" in caplog.text
    assert stream_name(settings, "desk") in caplog.text
