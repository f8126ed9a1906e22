"""The WATCH role: scored records in, alert events out, snapshots beside.

Feeds each scored partition's log to its `PartitionWatch`, writes the events to `alerts` and the
snapshots to `state`, and commits only what it has written. It decides nothing: what fires is in
`monitor.surge`, and where a partition is taken up in `monitor.watching`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from monitor import metrics
from monitor.health import Health
from monitor.records import AlertEvent, decode_scored, encode
from monitor.settings import Settings
from monitor.streams.clients import consumer, producer, started, subscribe
from monitor.streams.reading import lag
from monitor.streams.rebalance import Rebalance
from monitor.streams.spec import group_name, stream_name
from monitor.streams.writing import Outgoing, write_all
from monitor.surge.plan import WatchPlan
from monitor.watch_plan import part_of
from monitor.watching import showing
from monitor.watching.owned import Owned
from monitor.watching.series_shown import keep_shown
from monitor.watching.series_told import SeriesTold, TellSeries
from monitor.watching.takeover import Found, log_unreadable, take_over, tell_lost

log = logging.getLogger(__name__)
PART = "watch"
_POLL_MS = 200
_RECORDS_AT_ONCE = 1000
_COMMIT_SECONDS = 0.5
_SERIES_AT_ONCE = 10
"""How many series a snapshot takes between two polls: it must not hold up the log."""
_STATE_BATCH_BYTES = 262_144


class Watch:
    """The WATCH role of one process.

    A partition that is assigned is paused until it has been taken over. One that is revoked is
    kept until the next assignment, which may bring it back. `plan` is what is watched. `tell` takes
    what series look like, for the live page; it must neither wait nor fail.
    """

    def __init__(
        self, settings: Settings, plan: WatchPlan, health: Health, tell: TellSeries
    ) -> None:
        self._settings = settings
        self.plan = plan
        self._health = health
        self._alerts = stream_name(settings, "alerts")
        self._state = stream_name(settings, "state")
        self._owned: dict[TopicPartition, Owned] = {}
        self._left: dict[TopicPartition, Owned] = {}
        self._coming: dict[TopicPartition, asyncio.Task[None]] = {}
        self._applying = asyncio.Lock()
        self._adopting = False
        self._series_shown = keep_shown(
            lambda: [owned.watch for owned in self._owned.values()],
            settings.watch.max_series_metrics,
            SeriesTold(tell, lambda number: any(number == each.partition for each in self._owned)),
        )
        health.expect(PART)

    def adopt(self, plan: WatchPlan) -> None:
        """Watch by another plan from the next records on; its statistics must be the same."""
        before, after = ({rule.alert for rule in each.rules} for each in (self.plan, plan))
        showing.forget_rules(before - after)
        self.plan, self._adopting = plan, True

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set, then commit and return.

        Raises:
            StreamError: when no broker can be reached, or a stream can't be read.
            KafkaError: when the broker fails for longer than its client retries.
        """
        for partition in self._owned:
            showing.forget(partition.partition)
        self._owned, self._left, self._coming = {}, {}, {}
        group = group_name(self._settings, "watch")
        async with (
            started(
                producer(self._settings, max_batch_size=_STATE_BATCH_BYTES), self._settings
            ) as writer,
            started(consumer(self._settings, group), self._settings) as reader,
            asyncio.TaskGroup() as takeovers,
        ):
            take = partial(self._take, reader, writer, takeovers)
            listener = Rebalance(take, partial(self._let_go, reader))
            await subscribe(self._settings, reader, "scored", listener)
            next_commit = time.monotonic() + _COMMIT_SECONDS
            while not stop.is_set():
                listener.check()
                self._health.turned(PART, group, len(reader.assignment()))
                if self._adopting:
                    await self._adopt(reader, writer, takeovers)
                wait = 0 if self._snapshot_under_way else _POLL_MS
                batches = await reader.getmany(timeout_ms=wait, max_records=_RECORDS_AT_ONCE)
                await self._apply_all(writer, batches)
                await self._snapshot(writer)
                if time.monotonic() >= next_commit:
                    await self._commit(reader)
                    await self._show(reader)
                    next_commit = time.monotonic() + _COMMIT_SECONDS
            for task in self._coming.values():
                task.cancel()
            await self._commit(reader)

    async def _take(
        self,
        reader: AIOKafkaConsumer,
        writer: AIOKafkaProducer,
        takeovers: asyncio.TaskGroup,
        assigned: set[TopicPartition],
    ) -> None:
        """Begin to take over each assigned partition; the group must not wait for it."""
        log.info("scored partitions assigned: %s", sorted(each.partition for each in assigned))
        reader.pause(*assigned)
        left, self._left = self._left, {}
        for partition in assigned:
            work = self._take_over(reader, writer, partition, left.get(partition))
            self._coming[partition] = takeovers.create_task(work)
        self._tell_readiness()

    async def _take_over(
        self,
        reader: AIOKafkaConsumer,
        writer: AIOKafkaProducer,
        partition: TopicPartition,
        before: Owned | None,
    ) -> None:
        begins = await reader.beginning_offsets([partition])
        found = Found(begins[partition], await reader.committed(partition) or 0)
        plan = self._part_of(partition)
        owned = await take_over(self._settings, writer, plan, partition, found, before)
        if owned.withdrawn:
            await self._write(writer, owned, owned.withdrawn)
        reader.seek(partition, owned.position)
        reader.resume(partition)
        self._owned[partition] = owned
        del self._coming[partition]
        self._tell_readiness()

    async def _adopt(
        self, reader: AIOKafkaConsumer, writer: AIOKafkaProducer, takeovers: asyncio.TaskGroup
    ) -> None:
        """Bring each partition under the plan, those that are not under way yet as a restart does.

        What is being taken over meanwhile is looked at when it has come.
        """
        async with self._applying:
            self._adopting = bool(self._coming)
            self._left.clear()
            for partition, owned in list(self._owned.items()):
                plan = self._part_of(partition)
                if owned.watch.plan == plan:
                    continue
                await self._commit(reader)
                if owned.is_past:
                    # In a thread, so that the consumer's heartbeats go on.
                    withdrawn = await asyncio.to_thread(owned.adopt, plan)
                    if withdrawn:
                        await self._write(writer, owned, withdrawn)
                    log.info("scored partition %d goes on by the new rules", partition.partition)
                elif partition in self._owned:
                    del self._owned[partition]
                    await self._take(reader, writer, takeovers, {partition})

    def _part_of(self, partition: TopicPartition) -> WatchPlan:
        count = self._settings.streams.partitions.scored
        return part_of(self.plan, partition.partition, count)

    def _tell_readiness(self) -> None:
        if self._coming:
            numbers = sorted(each.partition for each in self._coming)
            self._health.unready(PART, f"taking over scored partitions {numbers}")
        else:
            self._health.ready(PART)

    async def _let_go(self, reader: AIOKafkaConsumer, revoked: set[TopicPartition]) -> None:
        """Finish the records in hand and commit, before partitions go to another process."""
        for partition in revoked & self._coming.keys():
            self._coming.pop(partition).cancel()
        async with self._applying:
            try:
                await self._commit(reader)
            finally:
                for partition in revoked:
                    if partition in self._owned:
                        self._left[partition] = self._owned.pop(partition)
                    showing.forget(partition.partition)

    async def _apply_all(
        self, writer: AIOKafkaProducer, batches: dict[TopicPartition, list[ConsumerRecord]]
    ) -> None:
        # A rebalance during one partition's records makes the others' out of date.
        fetched = [(self._owned.get(each), records) for each, records in batches.items()]
        for owned, records in fetched:
            async with self._applying:
                if owned is not None and owned in self._owned.values():
                    await self._apply(writer, owned, records)

    async def _apply(
        self, writer: AIOKafkaProducer, owned: Owned, records: list[ConsumerRecord]
    ) -> None:
        for record in records:
            if record.offset > owned.position:
                tell_lost(record.partition, record.offset - owned.position)
            try:
                scored = decode_scored(record.value)
            except msgspec.MsgspecError as error:
                log_unreadable(record, error)
                owned.skip(record.offset)
                continue
            events = owned.apply(record.offset, scored)
            if events:
                await self._write(writer, owned, events)

    async def _write(
        self, writer: AIOKafkaProducer, owned: Owned, events: list[AlertEvent]
    ) -> None:
        headers = [("caught-up", b"1" if owned.watch.clock.caught_up else b"0")]
        sent = [
            await writer.send(
                self._alerts,
                encode(event),
                key=f"{event.rule}/{event.series}".encode(),
                headers=headers,
            )
            for event in events
        ]
        acknowledged = await asyncio.gather(*sent)
        owned.written((one.partition, one.offset) for one in acknowledged)
        for event in events:
            metrics.alert_transitions_total.labels(event.rule, event.state).inc()
            log.info("alert %s %s on %s", event.rule, event.state, event.series)
            if event.unrendered:
                metrics.unrendered_total.labels(event.rule).inc(len(event.unrendered))
                names = ", ".join(event.unrendered)
                log.warning("alert %s of %s: not rendered: %s", event.id, event.rule, names)

    @property
    def _snapshot_under_way(self) -> bool:
        return any(owned.rounds.under_way for owned in self._owned.values())

    async def _snapshot(self, writer: AIOKafkaProducer) -> None:
        """Write a piece of each snapshot that is due or under way."""
        async with self._applying:
            for partition, owned in list(self._owned.items()):  # a takeover may end meanwhile
                number = partition.partition
                interval = self._settings.watch.snapshot_interval_seconds
                records = owned.snapshot(_SERIES_AT_ONCE, time.monotonic(), interval)
                if not records:
                    continue
                outgoing = [Outgoing(number, record.key, record.value) for record in records]
                ends = await write_all(writer, self._state, outgoing)
                owned.state_end = ends[number]
                if not owned.rounds.under_way:
                    metrics.snapshot_timestamp_seconds.labels(str(number)).set_to_current_time()

    async def _commit(self, reader: AIOKafkaConsumer) -> None:
        assigned = reader.assignment()
        moved = [
            (partition, owned, owned.position)
            for partition, owned in self._owned.items()
            if partition in assigned and owned.has_moved
        ]
        if not moved:
            return
        try:
            await reader.commit({partition: position for partition, _, position in moved})
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions have moved on; their new owner finds in `alerts` what was written.
            log.warning("commit of scored offsets refused: %s", error)
            return
        # A partition may have been let go of meanwhile, and been committed further.
        for _, owned, position in moved:
            owned.committed = max(owned.committed, position)

    async def _show(self, reader: AIOKafkaConsumer) -> None:
        """Bring the metrics up to date."""
        owned = {each.partition: one for each, one in self._owned.items()}
        showing.show(owned, (rule.alert for rule in self.plan.rules))
        next(self._series_shown)
        for partition, behind in (await lag(reader)).items():
            # While a group forms anew, the client has its old partitions still.
            if partition in self._owned or partition in self._coming:
                number = str(partition.partition)
                metrics.consumer_lag_records.labels("scored", number).set(behind)
