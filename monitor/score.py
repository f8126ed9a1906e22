"""The SCORE role: news in, scored records and marks out.

Records flow through four steps, one chunk in each: fetch, prepare (decode and tokenise), infer,
emit. An offset is committed only after everything before it is in `scored` or `dead-letter`.
It knows no rule and no window.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError

from monitor import metrics
from monitor.health import Health
from monitor.invalid_run import InvalidRun
from monitor.log_time import PartitionTime
from monitor.model.judge import Judge, Judgement, PreparedItems
from monitor.records import Mark, encode
from monitor.score_writer import ScoreWriter
from monitor.settings import Settings
from monitor.streams.clients import consumer, producer, started, subscribe
from monitor.streams.reading import lag
from monitor.streams.spec import group_name
from monitor.take_up import TakenUp, take_up
from monitor.watchlist import Watchlist

log = logging.getLogger(__name__)
PART = "score"
_POLL_MS = 200
_DRAIN_SECONDS = 20.0


@dataclass(slots=True)
class _Chunk:
    """News records on their way through the steps."""

    records: list[ConsumerRecord]
    taken: list[TakenUp] = field(default_factory=list)
    prepared: PreparedItems | None = None
    judgements: list[Judgement] = field(default_factory=list)


class Score:
    """The SCORE role of one process."""

    def __init__(
        self, settings: Settings, judge: Judge, watchlist: Watchlist, health: Health
    ) -> None:
        self._settings = settings
        self._judge = judge
        self._writer = ScoreWriter(settings, watchlist, judge.version)
        self._health = health
        self._times: dict[TopicPartition, PartitionTime] = {}
        self._fetched: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._invalid = InvalidRun()
        self._go_on = asyncio.Event()
        self._go_on.set()
        health.expect(PART)

    def resume(self) -> bool:
        """Go on after a pause for invalid records. Returns whether there was one."""
        paused = not self._go_on.is_set()
        if paused:
            self._invalid.reset()
            self._go_on.set()
            self._health.ready(PART)
            log.info("resumed after a pause for invalid news records")
        return paused

    async def run(self, stop: asyncio.Event) -> None:
        """Score until `stop` is set, then finish what was fetched, commit, and return."""
        group = group_name(self._settings, "score")
        async with (
            started(producer(self._settings, max_batch_size=262_144), self._settings) as writer,
            started(consumer(self._settings, group), self._settings) as reader,
        ):
            await subscribe(self._settings, reader, "news", _Listener(self, reader))
            self._health.ready(PART)
            with (
                ThreadPoolExecutor(1, "prepare") as preparing,
                ThreadPoolExecutor(1, "infer") as on,
            ):
                await self._run_steps(reader, writer, preparing, on, stop)
            await self._commit(reader)

    async def _run_steps(
        self,
        reader: AIOKafkaConsumer,
        writer: AIOKafkaProducer,
        preparing: ThreadPoolExecutor,
        inferring: ThreadPoolExecutor,
        stop: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()
        fetched: asyncio.Queue[_Chunk | None] = asyncio.Queue(1)
        prepared: asyncio.Queue[_Chunk | None] = asyncio.Queue(1)
        judged: asyncio.Queue[_Chunk | None] = asyncio.Queue(1)

        async def prepare(chunk: _Chunk) -> None:
            with metrics.prepare_seconds.time():
                await loop.run_in_executor(preparing, self._prepare, chunk)

        async def infer(chunk: _Chunk) -> None:
            with metrics.inference_seconds.time():
                await loop.run_in_executor(inferring, self._infer, chunk)

        async def emit(chunk: _Chunk) -> None:
            with metrics.emit_seconds.time():
                await self._emit(writer, chunk)

        async with asyncio.TaskGroup() as steps:
            clock = steps.create_task(self._tell_time(reader, writer))
            steps.create_task(self._fetch(reader, fetched, stop))
            steps.create_task(_step(fetched, prepare, prepared))
            steps.create_task(_step(prepared, infer, judged))
            await _step(judged, emit, None)
            clock.cancel()

    async def _fetch(
        self, reader: AIOKafkaConsumer, fetched: asyncio.Queue[_Chunk | None], stop: asyncio.Event
    ) -> None:
        most = self._settings.score.chunk_records
        held: list[ConsumerRecord] = []
        while not stop.is_set():
            if not self._go_on.is_set():
                held += await self._wait_polling(reader, self._go_on.wait(), stop)
                continue
            records = held or self._note(await reader.getmany(timeout_ms=_POLL_MS, max_records=most))
            held = []
            if not records:
                continue
            self._in_flight += 1
            self._idle.clear()
            chunk = _Chunk(records)
            if fetched.full():
                held = await self._wait_polling(reader, fetched.put(chunk), None)
            else:
                fetched.put_nowait(chunk)
        await fetched.put(None)

    def _now() -> int:
    return time.time_ns() // 1_000_000
