"""The SCORE role: news in, scored records and marks out.

Records flow through four steps, one chunk in each: fetch, prepare (decode and tokenise), infer,
emit. An offset is committed only after everything before it is in `scored` or `dead-letter`.
It knows no rule and no window.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from monitor import metrics
from monitor.health import Health
from monitor.records import Mark, encode
from monitor.scoring.chunk import Chunk
from monitor.scoring.invalid_run import InvalidRun
from monitor.scoring.log_time import PartitionTime
from monitor.scoring.serving import Serving
from monitor.scoring.shadow import Shadow
from monitor.scoring.steady_clock import SteadyClock
from monitor.scoring.steps import step
from monitor.scoring.watchlist import Watchlist
from monitor.scoring.writer import ScoreWriter
from monitor.settings import Settings
from monitor.streams.clients import consumer, producer, started, subscribe
from monitor.streams.polling import wait_paused
from monitor.streams.reading import lag
from monitor.streams.rebalance import Rebalance
from monitor.streams.spec import group_name

log = logging.getLogger(__name__)
PART = "score"
_POLL_MS = 200
_DRAIN_SHARE = 0.5
"""Of the session time-out, in which the group waits for a member to let go of its partitions."""
_DAY_MS = 86_400_000
_PAUSED = (
    "paused: 99% of the last 1,000 news records were invalid (see the reasons in "
    "`newsurge dead-letter list`); mend their producer, or the model where the reason is "
    "`inference`, then `newsurge dead-letter resume` or restart"
)


class Score:
    """The SCORE role of one process."""

    def __init__(
        self, settings: Settings, serving: Serving, watchlist: Watchlist, health: Health
    ) -> None:
        self._settings = settings
        self._serving = serving
        self._shadow = Shadow(settings)
        self._writer = ScoreWriter(settings, watchlist)
        self._health = health
        self._held: set[TopicPartition] = set()
        self._times: dict[TopicPartition, PartitionTime] = {}
        self._fetched: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._clock = SteadyClock()
        self._invalid = InvalidRun()
        self._go_on = asyncio.Event()
        self._go_on.set()
        health.expect(PART)

    def adopt(self, watchlist: Watchlist, topics: frozenset[str]) -> None:
        """Go on, from the next chunk on, with another watchlist and topics that rules name."""
        self._writer.follow(watchlist)
        self._serving.follow_rules(watchlist, topics)

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
        # Nothing is left in hand by a run that failed: what it had not committed is read again.
        self._times, self._fetched, self._committed, self._in_flight = {}, {}, {}, 0
        self._idle.set()
        self._serving.begin()
        async with (
            started(producer(self._settings, max_batch_size=262_144), self._settings) as writer,
            started(consumer(self._settings, group), self._settings) as reader,
        ):
            listener = Rebalance(self._take, partial(self._let_go, reader))
            await subscribe(self._settings, reader, "news", listener)
            with (
                ThreadPoolExecutor(1, "prepare") as preparing,
                ThreadPoolExecutor(1, "infer") as on,
                self._shadow.running(),
            ):
                await self._run_steps(reader, writer, listener, preparing, on, stop)
            await self._commit(reader)

    async def _run_steps(
        self,
        reader: AIOKafkaConsumer,
        writer: AIOKafkaProducer,
        listener: Rebalance,
        preparing: ThreadPoolExecutor,
        inferring: ThreadPoolExecutor,
        stop: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()
        fetched: asyncio.Queue[Chunk | None] = asyncio.Queue(1)
        prepared: asyncio.Queue[Chunk | None] = asyncio.Queue(1)
        judged: asyncio.Queue[Chunk | None] = asyncio.Queue(1)

        async def prepare(chunk: Chunk) -> None:
            self._clock.heard(max(record.timestamp for record in chunk.records))
            now = self._now()
            with metrics.prepare_seconds.time():
                await loop.run_in_executor(preparing, self._prepare, chunk, now)

        async def infer(chunk: Chunk) -> None:
            with metrics.inference_seconds.time():
                await loop.run_in_executor(inferring, chunk.infer)
            self._look_at(chunk)
            self._serving.note(chunk.items)
            self._shadow.offer(chunk.items, chunk.judgements, chunk.turn.judge.version)

        async def emit(chunk: Chunk) -> None:
            with metrics.emit_seconds.time():
                await self._emit(writer, chunk)

        async with asyncio.TaskGroup() as steps:
            clock = steps.create_task(self._tell_time(reader, writer, listener))
            registry = steps.create_task(self._serving.follow(preparing, inferring))
            steps.create_task(self._fetch(reader, fetched, stop))
            steps.create_task(step(fetched, prepare, prepared))
            steps.create_task(step(prepared, infer, judged))
            await step(judged, emit, None)
            clock.cancel()
            registry.cancel()

    async def _fetch(
        self, reader: AIOKafkaConsumer, fetched: asyncio.Queue[Chunk | None], stop: asyncio.Event
    ) -> None:
        most = self._settings.score.chunk_records
        held: list[ConsumerRecord] = []

        def hold(batches: dict[TopicPartition, list[ConsumerRecord]]) -> None:
            held.extend(self._note(batches))

        while not stop.is_set():
            if not self._go_on.is_set():
                await wait_paused(reader, self._go_on.wait(), hold, stop)
                continue
            hold(await reader.getmany(timeout_ms=_POLL_MS, max_records=most))
            records = held.copy()
            held.clear()
            if not records:
                continue
            self._in_flight += 1
            self._idle.clear()
            chunk = Chunk(records, self._serving.turn())
            if fetched.full():
                await wait_paused(reader, fetched.put(chunk), hold)
            else:
                fetched.put_nowait(chunk)
        await fetched.put(None)

    def _note(self, batches: dict[TopicPartition, list[ConsumerRecord]]) -> list[ConsumerRecord]:
        for partition, batch in batches.items():
            self._times_of(partition, batch[0].offset)
            self._fetched[partition] = batch[-1].offset + 1
        return [record for batch in batches.values() for record in batch]

    def _prepare(self, chunk: Chunk, now: int) -> None:
        streams = self._settings.streams
        is_replay = self._settings.score.replay_speed is not None
        oldest = 0 if is_replay else now - round(streams.news_retention_days * _DAY_MS)
        chunk.prepare(now, streams.max_record_bytes, oldest)

    async def _emit(self, writer: AIOKafkaProducer, chunk: Chunk) -> None:
        judge, changes = chunk.turn.judge, chunk.turn.changes
        await self._writer.write_to_all(writer, [encode(change) for change in changes])
        self._serving.written(chunk.turn)
        await self._writer.write(writer, chunk.taken, chunk.judgements, judge.version)
        now = self._now()
        for one in chunk.taken:
            times = self._times.get(TopicPartition(self._writer.news, one.origin.partition))
            if times is not None:
                times.written(one.origin.offset, one.ingest_time, now)
        self._in_flight -= 1
        if self._in_flight == 0:
            self._idle.set()

    def _look_at(self, chunk: Chunk) -> None:
        """Pause where nearly everything is invalid; what was fetched until then goes its way."""
        for one in chunk.taken:
            self._invalid.observe(one.error is None, one.ingest_time)
        if self._invalid.tripped and self._go_on.is_set():
            self._pause()

    def _pause(self) -> None:
        log.error(_PAUSED)
        self._health.unready(PART, _PAUSED)
        self._go_on.clear()

    async def _tell_time(
        self, reader: AIOKafkaConsumer, writer: AIOKafkaProducer, listener: Rebalance
    ) -> None:
        """Write marks for every news partition owned, and commit, at a steady interval."""
        group = group_name(self._settings, "score")
        while True:
            listener.check()
            self._health.turned(PART, group, len(reader.assignment()))
            await asyncio.sleep(self._settings.score.mark_interval_seconds)
            # While a group forms anew, the client has its old partitions still, but reads none.
            behind = {each: n for each, n in (await lag(reader)).items() if each in self._held}
            for partition, records in behind.items():
                metrics.consumer_lag_records.labels("news", str(partition.partition)).set(records)
            found = [await self._mark(reader, *each) for each in behind.items()]
            marks = [encode(mark) for mark in found if mark is not None]
            await self._writer.write_to_all(writer, marks)
            await self._commit(reader)

    async def _mark(
        self, reader: AIOKafkaConsumer, partition: TopicPartition, behind: int
    ) -> Mark | None:
        position = await reader.position(partition)
        times = self._times_of(partition, position)
        in_flight = self._fetched.get(partition, 0) > times.next_offset
        # While reading is paused nothing is fetched, and the end known is of the past.
        caught_up = behind == 0 and not in_flight and self._go_on.is_set()
        time_ = times.time(self._now(), caught_up)
        if time_ is None:
            return None
        next_offset = position if caught_up else times.next_offset
        return Mark(partition.partition, next_offset, time_, caught_up)

    def _times_of(self, partition: TopicPartition, next_offset: int) -> PartitionTime:
        times = self._times.get(partition)
        if times is None:
            times = PartitionTime(next_offset, self._settings.score.replay_speed)
            self._times[partition] = times
        return times

    async def _commit(self, reader: AIOKafkaConsumer) -> None:
        assigned = reader.assignment()
        offsets = {
            partition: times.next_offset
            for partition, times in self._times.items()
            if partition in assigned and times.next_offset > self._committed.get(partition, 0)
        }
        if not offsets:
            return
        try:
            await reader.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions have moved on; their new owner scores again what was not committed.
            log.warning("commit of news offsets refused: %s", error)
            return
        self._committed |= offsets

    async def _take(self, assigned: set[TopicPartition]) -> None:
        """Note which partitions this process scores from now on, which may be none."""
        log.info("news partitions assigned: %s", sorted(each.partition for each in assigned))
        self._held = set(assigned)
        if self._go_on.is_set():
            self._health.ready(PART)
        else:
            self._health.unready(PART, _PAUSED)

    async def _let_go(self, reader: AIOKafkaConsumer, revoked: set[TopicPartition]) -> None:
        """Finish what is in flight and commit it before partitions go to another process."""
        self._held -= revoked
        try:
            async with asyncio.timeout(_DRAIN_SHARE * self._settings.kafka.session_timeout_seconds):
                await self._idle.wait()
        except TimeoutError:
            log.warning("news partitions revoked with records in flight; they are scored again")
        try:
            await self._commit(reader)
        finally:
            for partition in revoked:
                for known in (self._times, self._fetched, self._committed):
                    known.pop(partition, None)
                metrics.consumer_lag_records.remove("news", str(partition.partition))

    def _now(self) -> int:
        return self._clock.now(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000)
