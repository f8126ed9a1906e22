"""Taking up a scored partition: from its snapshot, from memory, or from the beginning of its log.

Reads `state` and `alerts`, erases a snapshot that can't be used, and says where to go on.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from monitor import metrics
from monitor.records import decode_alert
from monitor.settings import Settings
from monitor.streams.reading import end_offsets, read_all
from monitor.streams.spec import stream_name
from monitor.streams.writing import Outgoing, write_all
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import Restored, Rounds, erase, restore
from monitor.surge.state import RefusedError
from monitor.watch_plan import scored_partition
from monitor.watching.orphans import Orphans
from monitor.watching.owned import Owned

log = logging.getLogger(__name__)
Latest = dict[bytes, bytes]
"""What lies under each key of `state`."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the partition's log begins now, and what the consumer group has committed."""

    begin: int
    committed: int


async def take_over(
    settings: Settings,
    writer: AIOKafkaProducer,
    plan: WatchPlan,
    partition: TopicPartition,
    found: Found,
    before: Owned | None = None,
) -> Owned:
    """Bring a partition to where its log is to be read on, which is `position`.

    Args:
        settings: the deployment.
        writer: a started producer.
        plan: what is watched in this partition.
        partition: the scored partition.
        found: what the cluster has of it.
        before: what this process kept of it from when it last had it.

    Raises:
        StreamError: when the streams can't be read.
        KafkaError: when what can't be used could not be erased.
    """
    number = partition.partition
    if before is not None and await _is_as_left(settings, number, before, found.committed):
        log.info("scored partition %d came back at offset %d", number, before.position)
        return before
    (log_end,) = (await end_offsets(settings, [partition])).values()
    epoch = time.time_ns() // 1_000_000
    latest, state_end = await _read_state(settings, number)
    restored = await _restore(number, plan, latest, epoch, log_end)
    if restored is None:
        state_end = max(state_end, await _erase(settings, writer, number, latest))
        watch = PartitionWatch(number, plan)
        restored = Restored(watch, Rounds(watch, epoch), found.begin, {})
    known = {event.id for event in restored.watch.firing()}
    alerts_to = dict(restored.alerts)
    orphans = Orphans(plan, restored.withdrawn)
    await _find_alerts(settings, number, known, alerts_to, orphans)
    _tell_position(partition, restored, found, log_end)
    return Owned(
        watch=restored.watch,
        rounds=restored.rounds,
        position=max(restored.as_of, found.begin),
        live_from=found.committed,
        log_end=log_end,
        known=known,
        alerts_from=dict(restored.alerts),
        alerts_to=alerts_to,
        state_end=state_end,
        next_round=time.monotonic() + settings.watch.snapshot_interval_seconds,
        withdrawn=orphans.ends(known, restored.watch.clock.time),
    )


async def _is_as_left(settings: Settings, number: int, left: Owned, committed: int) -> bool:
    """Whether nobody has had the partition since: no commit, and nothing new in `state`."""
    if committed != left.last_committed or left.has_moved:
        return False
    async with aclosing(read_all(settings, "state", [number], {number: left.state_end})) as records:
        async for _ in records:
            return False
    return True


async def _read_state(settings: Settings, number: int) -> tuple[Latest, int]:
    """What lies in the partition, whatever of it was compacted already, and where it ends."""
    latest: Latest = {}
    end = 0
    async with aclosing(read_all(settings, "state", [number])) as found:
        async for record in found:
            end = record.offset + 1
            latest.pop(record.key, None)
            if record.value is not None:
                latest[record.key] = record.value
    return latest, end


async def _restore(
    number: int, plan: WatchPlan, latest: Latest, epoch: int, log_end: int
) -> Restored | None:
    try:
        # In a thread, so that the consumer's heartbeats go on.
        restored = await asyncio.to_thread(
            _restore_uncollected, number, plan, latest.items(), epoch
        )
    except RefusedError as error:
        _tell_refused(number, error.reason, str(error))
        return None
    if restored is not None and restored.as_of > log_end:
        _tell_refused(number, "ahead", f"it is of offset {restored.as_of}, beyond the log's end")
        return None
    return restored


def _restore_uncollected(
    number: int, plan: WatchPlan, latest: Iterable[tuple[bytes, bytes | None]], epoch: int
) -> Restored | None:
    """Restore without the garbage collector, which finds nothing and walks over all there is."""
    gc.disable()
    try:
        return restore(number, plan, latest, epoch)
    finally:
        gc.enable()


def _tell_refused(number: int, reason: str, words: str) -> None:
    log.warning(
        "the snapshot of scored partition %d is not used (%s: %s); its state is rebuilt from the "
        "log",
        number,
        reason,
        words,
    )
    metrics.snapshots_refused_total.labels(reason).inc()


async def _erase(settings: Settings, writer: AIOKafkaProducer, number: int, latest: Latest) -> int:
    """Erase what is left of snapshots, of which newer ones must not find a part.

    Returns the position in `state` after it.
    """
    erased = [Outgoing(number, key, value) for key, value in erase(number, latest.items())]
    ends = await write_all(writer, stream_name(settings, "state"), erased)
    return ends.get(number, 0)


async def _find_alerts(
    settings: Settings,
    number: int,
    known: set[str],
    positions: dict[int, int],
    orphans: Orphans,
) -> None:
    """Add the ids of the partition's alerts from `positions` on, which move to the end."""
    count = settings.streams.partitions.scored
    async with aclosing(read_all(settings, "alerts", start=dict(positions))) as alerts:
        async for record in alerts:
            positions[record.partition] = record.offset + 1
            try:
                event = decode_alert(record.value)
            except msgspec.MsgspecError as error:
                log_unreadable(record, error)
                continue
            if scored_partition(event.series, count) == number:
                known.add(event.id)
                orphans.look(event)


def _tell_position(
    partition: TopicPartition, restored: Restored, found: Found, log_end: int
) -> None:
    number, lost = partition.partition, found.begin - restored.as_of
    if lost > 0:
        tell_lost(number, lost)
    log.info(
        "scored partition %d: goes on at offset %d, %d behind the end",
        number,
        max(restored.as_of, found.begin),
        log_end - max(restored.as_of, found.begin),
    )


def tell_lost(number: int, lost: int) -> None:
    """Tell of records that retention took before they were applied."""
    log.error(
        "scored partition %d: %d records were deleted by retention before they were applied; "
        "windows and baselines lack them (see streams.scored_retention_days)",
        number,
        lost,
    )
    metrics.scored_records_total.labels("expired").inc(lost)


def log_unreadable(record: ConsumerRecord, error: Exception) -> None:
    """Tell of a record that has to be passed over, and where it lies."""
    log.error(
        "record skipped, as it can't be read: %s",
        error,
        extra={"stream": record.topic, "partition": record.partition, "offset": record.offset},
    )
