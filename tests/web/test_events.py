"""The page's events: what the framing holds, how many may look, and when nothing is read."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.live import viewing
from monitor.live.board import Board
from monitor.live.messages import Snapshot, as_event
from monitor.live.viewing import MOST_VIEWERS, Viewing
from monitor.settings import Settings
from tests.live.following import Events, LivePage, decoded
from tests.live.views import NOW, process_view, scored_record, series_view
from tests.web.pages import Streams, a_page

HOSTILE = [
    "<script>alert(1)</script>",
    "\n\nevent: snapshot\ndata: {}\n\n",
    "\r\rdata: 1\r\n\r\n",
    "\u2028\u2029\x85\x0b\x0c\x00\x1b[2J",
    '"}],"series":[]} -->]]>',
    "\u202e right to left \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
]


def headlines(board: Board) -> None:
    board.pass_time(NOW)
    for offset, title in enumerate(HOSTILE):
        board.read(
            scored_record(offset, title=title, source=title, url=f"https://a.example/{offset}")
        )


async def test_hostile_headlines_arrive_as_they_are_in_one_event(tmp_path: Path) -> None:
    async with (
        a_page(tmp_path, Streams(headlines)) as client,
        client.get("/events") as response,
    ):
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        page = LivePage(response)
        shown = await page.until(lambda now: bool(now.headlines))
    assert page.told == ["snapshot"]
    assert [each.title for each in shown.headlines] == HOSTILE
    assert [each.source for each in shown.headlines] == HOSTILE
    assert page.events.retry_ms == 2_000


def test_an_event_is_two_lines_whatever_it_holds() -> None:
    board = Board()
    headlines(board)
    first, second, *rest = as_event(board.snapshot()).split(b"\n")
    assert first == b"event: snapshot"
    assert second.startswith(b"data: {")
    assert b"\r" not in second
    assert rest == [b"", b""]
    ((name, data),) = Events().feed(as_event(board.snapshot()))
    assert decoded(name, data) == board.snapshot()
    assert [each["title"] for each in json.loads(data)["headlines"]] == HOSTILE


@pytest.mark.parametrize(
    ("url", "is_kept"),
    [
        ("https://news.example/a?b=c#d", True),
        ("HTTP://news.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,<script>", False),
        (" https://news.example", False),
        ("https://news.example/\nset-cookie", False),
        ("//news.example", False),
        ("https://news.example/" + "x" * 2_000, False),
        ("", False),
    ],
)
def test_only_a_web_address_is_one(url: str, is_kept: bool) -> None:
    board = Board()
    board.read(scored_record(url=url))
    (headline,) = board.snapshot().headlines
    assert headline.url == (url if is_kept else None)


def test_a_long_title_does_not_fill_the_page() -> None:
    board = Board()
    board.read(scored_record(title="x" * 100_000, source="y" * 100_000))
    (headline,) = board.snapshot().headlines
    assert len(headline.title) == 500
    assert headline.title.endswith("…")
    assert len(headline.source or "") == 100


async def test_changes_follow_the_snapshot(tmp_path: Path) -> None:
    streams = Streams(lambda board: board.hear(series_view(at=_now())))
    async with a_page(tmp_path, streams) as client, client.get("/events") as response:
        page = LivePage(response)
        await page.until(lambda now: len(now.series) == 1)
        assert streams.board is not None
        streams.board.hear(series_view("other", at=_now()))
        streams.board.skip(7)
        shown = await page.until(lambda now: len(now.series) == 2)
    assert page.told == ["snapshot", "change"]
    assert shown.skipped == 7


async def test_there_is_a_limit_to_how_many_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "MOST_VIEWERS", 1)
    async with a_page(tmp_path) as client, client.get("/events") as first:
        await first.content.readany()
        answer = await client.get("/events")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        assert "pages are open" in (await answer.json())["error"]
    assert MOST_VIEWERS > 1


async def test_a_head_request_is_no_viewer(tmp_path: Path) -> None:
    async with a_page(tmp_path) as client:
        assert (await client.head("/events")).status == 405


async def test_the_end_of_the_server_ends_the_events(tmp_path: Path) -> None:
    streams = Streams(headlines)
    async with a_page(tmp_path, streams) as client:
        response = await client.get("/events")
        await response.content.readany()
        assert streams.board is not None
    assert streams.board is None


async def _looks(viewing_: Viewing) -> Snapshot:
    async with viewing_.viewer() as events:
        async for event in events:
            for name, data in Events().feed(event):
                found = decoded(name, data)
                assert isinstance(found, Snapshot)
                return found
    raise AssertionError("the events ended")


async def test_nothing_is_read_before_somebody_looks_or_after_the_rest() -> None:
    streams = Streams(lambda board: board.hear(process_view(at=_now())))
    view = Viewing(Settings(), streams.keep, rest_seconds=0.2)
    assert (streams.times_read, view.is_reading) == (0, False)
    assert len((await _looks(view)).processes) == 1
    # Who comes again soon finds it as it was.
    await _looks(view)
    assert streams.times_read == 1
    assert view._reading is not None
    async with asyncio.timeout(20):
        await asyncio.wait([view._reading])
    assert (streams.board, view.is_reading) == (None, False)
    await _looks(view)
    assert streams.times_read == 2
    await view.close()


async def test_who_can_not_read_tells_what_the_process_says_of_itself() -> None:
    async def away(*_: object) -> None:
        raise OSError("no broker")

    view = Viewing(Settings(), away)
    async with view.viewer() as events:
        assert (await anext(events)).startswith(b"retry")
        view.hear(process_view(at=_now(), parts={"broker": "away"}))
        ((name, data),) = Events().feed(await anext(events))
    shown = decoded(name, data)
    assert [each.parts for each in shown.processes] == [{"broker": "away"}]
    await view.close()


async def test_a_slow_viewer_is_told_the_sum_of_what_it_missed() -> None:
    streams = Streams(lambda board: board.hear(series_view(at=_now())))
    view = Viewing(Settings(), streams.keep)
    async with view.viewer() as slow:
        await anext(slow)
        await anext(slow)
        assert streams.board is not None
        for count in range(100):
            streams.board.hear(series_view(at=_now(), story_count=count))
            streams.board.read(scored_record(count))
        ((name, data),) = Events().feed(await anext(slow))
    change = decoded(name, data)
    assert [each.story_count for each in change.series] == [99]
    assert len(change.headlines) == 60
    await view.close()


async def test_a_board_that_was_read_anew_is_sent_whole() -> None:
    fails = asyncio.Event()
    streams = Streams(lambda board: board.hear(series_view(at=_now())))

    async def keep(settings: Settings, board: Board, loaded: Callable[[], None]) -> None:
        keeping = asyncio.create_task(streams.keep(settings, board, loaded))
        failing = asyncio.create_task(fails.wait())
        await asyncio.wait([keeping, failing], return_when=asyncio.FIRST_COMPLETED)
        keeping.cancel()
        fails.clear()
        raise OSError("the broker is away")

    view = Viewing(Settings(), keep)
    async with view.viewer() as events:
        await anext(events)
        await anext(events)
        fails.set()
        with pytest.MonkeyPatch.context() as hurry:
            hurry.setattr(viewing, "_PAUSE_SECONDS", 0.01)
            ((name, _),) = Events().feed(await anext(events))
    assert (name, streams.times_read) == ("snapshot", 2)
    await view.close()


def _now() -> int:
    return time.time_ns() // 1_000_000
