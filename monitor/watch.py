"""The WATCH role: scored records in, alert events out.

Feeds each scored partition's log to its `PartitionWatch`, writes the events to `alerts`, and
commits only what it has written. It decides nothing: what fires is in `monitor.surge`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from monitor import metrics
from monitor.health import Health
from monitor.records import AlertEvent, decode_alert, decode_scored, encode
from monitor.scoring.writer import series_key
from monitor.settings import Settings
from monitor.streams.clients import consumer, producer, started, subscribe
from monitor.streams.reading import lag, read_all
from monitor.streams.rebalance import Rebalance
from monitor.streams.spec import group_name, partition_for, stream_name
from monitor.surge.lifecycle import State
from monitor.surge.partition import PartitionWatch, WatchPlan

log = logging.getLogger(__name__)
PART = "watch"
_POLL_MS = 200
_RECORDS_AT_ONCE = 1000
_COMMIT_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class _Owned:
    """A scored partition of this process.

    `live_from` is the offset up to which its alerts had been written before this process had
    it; below it the state is rebuilt in silence. Snapshots will shorten that.
    """

    state: PartitionWatch
    live_from: int
    position: int = 0
    committed: int = 0
    rebuilt: bool = False


class Watch:
    """The WATCH role of one process."""

    def __init__(self, settings: Settings, plan: WatchPlan, health: Health) -> None:
        self._settings = settings
        self._plan = plan
        self._health = health
        self._alerts = stream_name(settings, "alerts")
        self._owned: dict[TopicPartition, _Owned] = {}
        self._known: set[str] = set()
        self._applying = asyncio.Lock()
        health.expect(PART)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set, then commit and return."""
        group = group_name(self._settings, "watch")
        self._forget(set(self._owned))
        async with (
            started(producer(self._settings), self._settings) as writer,
            started(consumer(self._settings, group), self._settings) as reader,
        ):
            listener = Rebalance(partial(self._take, reader), partial(self._let_go, reader))
            await subscribe(self._settings, reader, "scored", listener)
            next_commit = time.monotonic() + _COMMIT_SECONDS
            while not stop.is_set():
                listener.check()
                self._health.turned(PART, group, len(self._owned))
                batches = await reader.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_AT_ONCE)
                # A rebalance during one partition's records makes the others' out of date.
                fetched = [(self._owned.get(each), records) for each, records in batches.items()]
                for owned, records in fetched:
                    async with self._applying:
                        if owned is not None and owned in self._owned.values():
                            await self._apply(writer, owned, records)
                if time.monotonic() >= next_commit:
                    await self._commit(reader)
                    await self._show(reader)
                    next_commit = time.monotonic() + _COMMIT_SECONDS
            await self._commit(reader)

    async def _take(self, reader: AIOKafkaConsumer, assigned: set[TopicPartition]) -> None:
        """Begin each assigned partition anew, from the beginning of its log."""
        async with aclosing(read_all(self._settings, "alerts")) as alerts:
            async for record in alerts:
                self._remember(record)
        begins = await reader.beginning_offsets(list(assigned))
        for partition in assigned:
            committed = await reader.committed(partition)
            state = PartitionWatch(partition.partition, self._plan_for(partition.partition))
            self._owned[partition] = _Owned(state, committed or 0)
            reader.seek(partition, begins[partition])
        log.info("scored partitions assigned: %s", sorted(each.partition for each in assigned))
        self._health.ready(PART)

    async def _let_go(self, reader: AIOKafkaConsumer, revoked: set[TopicPartition]) -> None:
        """Finish the records in hand, commit, and forget partitions that go to another process."""
        async with self._applying:
            try:
                await self._commit(reader)
            finally:
                self._forget(revoked)

    def _forget(self, partitions: set[TopicPartition]) -> None:
        for partition in partitions:
            if self._owned.pop(partition, None) is not None:
                number = str(partition.partition)
                metrics.clock_timestamp_seconds.remove(number)
                metrics.stalled_news_partitions.remove(number)

    def _plan_for(self, partition: int) -> WatchPlan:
        count = self._settings.streams.partitions.scored
        own = [s for s in self._plan.series if partition_for(series_key(s), count) == partition]
        return replace(self._plan, series=tuple(own))

    def _remember(self, record: ConsumerRecord) -> None:
        try:
            self._known.add(decode_alert(record.value).id)
        except msgspec.MsgspecError as error:
            _log_unreadable(record, error)

    async def _apply(
        self, writer: AIOKafkaProducer, owned: _Owned, records: list[ConsumerRecord]
    ) -> None:
        state = owned.state
        for record in records:
            if not owned.rebuilt and record.offset >= owned.live_from:
                owned.rebuilt = True
                await self._write(writer, state, state.firing())
            try:
                events = state.apply(record.offset, decode_scored(record.value))
            except msgspec.MsgspecError as error:
                _log_unreadable(record, error)
                state.outcomes["unreadable"] += 1
                continue
            if events and owned.rebuilt:
                await self._write(writer, state, events)
        owned.position = records[-1].offset + 1

    async def _write(
        self, writer: AIOKafkaProducer, state: PartitionWatch, events: list[AlertEvent]
    ) -> None:
        """Write those events that `alerts` does not hold yet."""
        headers = [("caught-up", b"1" if state.clock.caught_up else b"0")]
        new = [event for event in events if event.id not in self._known]
        sent = [
            await writer.send(
                self._alerts,
                encode(event),
                key=f"{event.rule}/{event.series}".encode(),
                headers=headers,
            )
            for event in new
        ]
        await asyncio.gather(*sent)
        for event in new:
            self._known.add(event.id)
            metrics.alert_transitions_total.labels(event.rule, event.state).inc()
            log.info("alert %s %s on %s", event.rule, event.state, event.series)

    async def _commit(self, reader: AIOKafkaConsumer) -> None:
        assigned = reader.assignment()
        offsets = {
            partition: owned.position
            for partition, owned in self._owned.items()
            if partition in assigned
            and owned.rebuilt
            and owned.position > max(owned.committed, owned.live_from)
        }
        if not offsets:
            return
        try:
            await reader.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions have moved on; their new owner finds in `alerts` what was written.
            log.warning("commit of scored offsets refused: %s", error)
            return
        for partition, position in offsets.items():
            self._owned[partition].committed = position

    async def _show(self, reader: AIOKafkaConsumer) -> None:
        """Bring the metrics up to date."""
        firing = {rule.alert: 0 for rule in self._plan.rules}
        for partition, owned in self._owned.items():
            clock, number = owned.state.clock, str(partition.partition)
            metrics.clock_timestamp_seconds.labels(number).set((clock.time or 0) / 1000)
            metrics.stalled_news_partitions.labels(number).set(len(clock.stalled))
            for outcome, count in owned.state.outcomes.items():
                metrics.scored_records_total.labels(outcome).inc(count)
            owned.state.outcomes.clear()
            for rule, _, state in owned.state.states():
                firing[rule] += state is State.FIRING
        for rule, count in firing.items():
            metrics.alerts_firing.labels(rule).set(count)
        for partition, behind in (await lag(reader)).items():
            metrics.consumer_lag_records.labels("scored", str(partition.partition)).set(behind)


def _log_unreadable(record: ConsumerRecord, error: Exception) -> None:
    log.error(
        "record skipped, as it can't be read: %s",
        error,
        extra={"stream": record.topic, "partition": record.partition, "offset": record.offset},
    )
