"""Writing to the `live` stream: how this process is, and what its series look like.

Owns the way to the stream. What is told waits for nothing and fails nobody: while the broker is
away, of each key the newest word is kept, and that it can't be written is said once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitor.errors import NewsurgeError
from monitor.live.process import ThisProcess
from monitor.live.records import REPEAT_SECONDS, LiveRecord, SeriesView
from monitor.records import encode
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.failures import reason
from monitor.streams.spec import stream_name
from monitor.streams.writing import Outgoing, write_all

log = logging.getLogger(__name__)
_PROCESS_SECONDS = 2.0
_FLUSH_SECONDS = 0.25
_PAUSE_SECONDS = 5.0
_REQUEST_MS = 5_000
_GOODBYE_SECONDS = 1.0


class Telling:
    """What this process tells the live page.

    Args:
        settings: the deployment.
        process: how the process is.
        heard: takes each record too, for a page of this process that the broker can't tell.
    """

    def __init__(
        self,
        settings: Settings,
        process: ThisProcess,
        heard: Callable[[LiveRecord], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._process = process
        self._heard = heard
        self._waiting: dict[bytes, LiveRecord] = {}
        self._ending = asyncio.Event()
        self._is_silent = False
        self._next_process = 0.0

    def tell(self, view: SeriesView) -> None:
        """Have a view written soon; a newer one of the same series replaces it."""
        self._take(view)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write until the block ends, then that the process is gone, if that can be said soon."""
        looking = asyncio.create_task(self._look_at_process(), name="live process")
        writing = asyncio.create_task(self._keep_writing(), name="live")
        try:
            yield
        finally:
            looking.cancel()
            self._ending.set()
            await asyncio.wait([writing], timeout=_GOODBYE_SECONDS)
            writing.cancel()
            await asyncio.gather(looking, writing, return_exceptions=True)

    async def _look_at_process(self) -> None:
        while True:
            self._take(self._process.view(_now()))
            await asyncio.sleep(_PROCESS_SECONDS)

    def _take(self, record: LiveRecord) -> None:
        kind, name = (
            ("series", record.series) if isinstance(record, SeriesView) else ("process", record.id)
        )
        self._waiting[f"{kind} {name}".encode()] = record
        self._heard(record)

    async def _keep_writing(self) -> None:
        while not self._ending.is_set():
            try:
                await self._write()
            except (KafkaError, NewsurgeError, OSError) as error:
                self._say(reason(error))
            except Exception:
                # Whatever it is, news goes on being watched.
                log.exception("the live stream can't be written")
            await self._ends_within(_PAUSE_SECONDS)

    async def _write(self) -> None:
        """Write what waits, until the end."""
        # A view that is lost is told again, so that nothing is worth a long wait.
        overrides = {"acks": 1, "enable_idempotence": False, "request_timeout_ms": _REQUEST_MS}
        client = producer(self._settings, **overrides)
        async with started(client, self._settings, close_seconds=_GOODBYE_SECONDS):
            while not self._ending.is_set():
                await self._flush(client)
                await self._ends_within(_FLUSH_SECONDS)
            self._take(self._process.view(_now(), is_gone=True))
            await self._flush(client)

    async def _flush(self, client: AIOKafkaProducer) -> None:
        # What waited for so long has been told again, or is another process's to tell now.
        oldest = _now() - round(REPEAT_SECONDS * 1000)
        waiting = {key: one for key, one in self._waiting.items() if one.at >= oldest}
        self._waiting = {}
        if not waiting:
            return
        records = [Outgoing(0, key, encode(record)) for key, record in waiting.items()]
        try:
            await write_all(client, stream_name(self._settings, "live"), records)
        except KafkaError:
            self._waiting = waiting | self._waiting
            raise
        if self._is_silent:
            log.info("the live stream is written again")
            self._is_silent = False

    def _say(self, why: str) -> None:
        if not self._is_silent:
            log.warning(
                "the live stream can't be written (%s): live pages don't show this process; all "
                "else goes on, and it is tried again", why,
            )  # fmt: skip
        self._is_silent = True

    async def _ends_within(self, seconds: float) -> None:
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait([ending], timeout=seconds)
        ending.cancel()


def _now() -> int:
    return time.time_ns() // 1_000_000
