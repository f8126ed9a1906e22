"""Who looks at the live page of this process, and what each of them is sent.

Owns the reading while somebody looks, and the pace of what is sent. It knows neither HTTP nor what
a page shows: that is `board`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from monitor.errors import NewsurgeError
from monitor.live.board import Board
from monitor.live.messages import Change, Snapshot, as_event
from monitor.live.reading import keep_board
from monitor.live.records import LiveRecord
from monitor.settings import Settings
from monitor.streams.failures import reason

log = logging.getLogger(__name__)
MOST_VIEWERS = 50
_PACE_SECONDS = 0.5
_ALIVE_SECONDS = 15.0
_LOADING_SECONDS = 3.0
_REST_SECONDS = 60.0
_PAUSE_SECONDS = 5.0
_RETRY = b"retry: 2000\n\n"
_ALIVE = b": alive\n\n"
Keep = Callable[[Settings, Board, Callable[[], None]], Awaitable[object]]


class Viewing:
    """The live page's viewers. Nothing is read before the first comes, or long after the last left.

    Args:
        settings: the deployment.
        keep: reads into a board for ever.
        rest_seconds: for how long it reads on when nobody looks.
    """

    def __init__(
        self, settings: Settings, keep: Keep = keep_board, rest_seconds: float = _REST_SECONDS
    ) -> None:
        self._settings = settings
        self._keep = keep
        self._rest_seconds = rest_seconds
        self._board = Board()
        self._loaded = asyncio.Event()
        self._closing = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._viewers = 0
        self._encoded: dict[tuple[int, int], bytes] = {}

    @property
    def is_full(self) -> bool:
        """Whether there are as many viewers as may be."""
        return self._viewers >= MOST_VIEWERS

    @property
    def is_reading(self) -> bool:
        """Whether the streams are read now."""
        return self._reading is not None

    def hear(self, record: LiveRecord) -> None:
        """Take what this process tells of itself, which the broker may be too far away to."""
        if self._reading is not None:
            self._board.hear(record)

    @asynccontextmanager
    async def viewer(self) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Be a viewer for the length of the block; gives server-sent events, without end.

        They end when `close` is called. Whoever is slow to ask for the next is told what it missed
        in one.
        """
        self._viewers += 1
        if self._resting is not None:
            self._resting.cancel()
        if self._reading is None:
            self._reading = asyncio.create_task(self._keep_reading(), name="live page")
        events = self._events()
        try:
            yield events
        finally:
            await events.aclose()
            self._viewers -= 1
            if not self._viewers:
                loop = asyncio.get_running_loop()
                self._resting = loop.call_later(self._rest_seconds, self._rest)

    async def close(self) -> None:
        """End all events, and the reading."""
        self._closing.set()
        reading = self._reading
        self._rest()
        if reading is not None:
            await asyncio.gather(reading, return_exceptions=True)

    def _rest(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._loaded.clear()
        self._show(Board())

    def _show(self, board: Board) -> None:
        self._board = board
        self._encoded.clear()

    async def _events(self) -> AsyncGenerator[bytes, None]:
        yield _RETRY
        await self._happens_within(self._loaded, _LOADING_SECONDS)
        clock = asyncio.get_running_loop().time
        shown, version, said = None, 0, clock()
        while not self._closing.is_set():
            board = self._board
            board.pass_time(time.time_ns() // 1_000_000)
            event = self._event(board, version if board is shown else None)
            shown, version = board, board.version
            if event is not None:
                said = clock()
                yield event
            elif clock() - said >= _ALIVE_SECONDS:
                said = clock()
                yield _ALIVE
            await self._happens_within(self._closing, _PACE_SECONDS)

    def _event(self, board: Board, since: int | None) -> bytes | None:
        """What a viewer is sent who knows the board as of a version, or not at all."""
        key = (-1 if since is None else since, board.version)
        found = self._encoded.get(key)
        if found is None:
            message: Snapshot | Change | None = board.snapshot()
            if since is not None:
                message = board.since(since)
            if message is None:
                return None
            # Viewers in step share it; who was told what of older versions is of no use.
            self._encoded = {each: one for each, one in self._encoded.items() if each[1] == key[1]}
            found = self._encoded[key] = as_event(message)
        return found

    async def _happens_within(self, event: asyncio.Event, seconds: float) -> None:
        waiting = [asyncio.ensure_future(one.wait()) for one in {event, self._closing}]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def _keep_reading(self) -> None:
        is_told = False
        while True:
            board = Board()

            def loaded(board: Board = board) -> None:
                nonlocal is_told
                if is_told:
                    log.info("the live page reads the streams again")
                is_told = False
                self._show(board)
                self._loaded.set()

            try:
                await self._keep(self._settings, board, loaded)
            except (KafkaError, NewsurgeError, OSError) as error:
                if not is_told:
                    log.warning("the live page can't read the streams: %s", reason(error))
                is_told = True
            except Exception:
                # Whatever it is, news goes on being watched.
                log.exception("the live page can't be kept")
            await asyncio.sleep(_PAUSE_SECONDS)
