"""Reading a deployment's streams for one alert: it, its log, its news, its notifications.

Reads without any consumer group's part in it, so that it may run beside the daemon, and writes
nothing. What it all means is found by the pure modules beside it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Iterator
from contextlib import aclosing
from typing import Protocol

import msgspec

from monitor.explaining.choosing import choose, deliveries, sibling, standing
from monitor.explaining.document import Explanation, InNews
from monitor.explaining.reckoning import reckoning, rule_of
from monitor.explaining.recounting import counts, records, reproduction
from monitor.explaining.trace import Trace, rule_then
from monitor.records import (
    AlertEvent,
    Notification,
    Origin,
    decode_alert,
    decode_notification,
    decode_scored,
)
from monitor.scoring.news import InvalidNewsError, decode_news
from monitor.settings import Settings
from monitor.streams.reading import read_all
from monitor.surge.plan import WatchPlan
from monitor.watch_plan import part_of, scored_partition

_GAP = 10_000
"""News records further apart than this are fetched apart."""


class Progress(Protocol):
    """What is told how far the log was read."""

    def __call__(self, done: int, total: int | None) -> None:
        """So many records of the partition's log were read, of about so many."""


async def explain(
    settings: Settings, plan: WatchPlan, wanted: str | None, progress: Progress
) -> Explanation:
    """Explain an alert.

    Args:
        settings: the deployment, with the partition counts that its streams have.
        plan: what it watches now.
        wanted: the alert's id or the beginning of it; None for the latest.
        progress: is told how far the log was read.

    Raises:
        UnknownAlertError: when no alert, or more than one, is meant.
        StreamError: when the streams can't be read.
    """
    known = standing([one async for one in _alerts(settings)])
    chosen = choose(known, wanted)
    event = chosen.event
    count = settings.streams.partitions.scored
    partition = scored_partition(event.series, count)
    own_plan = part_of(plan, partition, count)
    trace = Trace(event, own_plan, partition)
    begins = await _replay(settings, trace, progress)
    traced = trace.traced()
    rule = rule_of(event, own_plan, str(settings.rules))
    told = [member.entry.record for member in traced.members]
    news = await _news(settings, {one.origin: one.item.id for one in told})
    reckoned = reckoning(event, rule_then(event, own_plan), own_plan, traced.tally)
    return Explanation(
        alert=event,
        written=chosen.written,
        sibling=sibling(known, event),
        rule=rule,
        reproduction=reproduction(event, traced, rule, partition, begins),
        recounted=counts(traced.tally),
        reckoning=tuple(reckoned),
        records=records(event, traced, news, begins),
        deliveries=deliveries([one async for one in _notifications(settings)], event.id),
    )


async def _alerts(settings: Settings) -> AsyncGenerator[tuple[AlertEvent, int, int, int], None]:
    async with aclosing(read_all(settings, "alerts")) as found:
        async for record in found:
            try:
                event = decode_alert(record.value or b"")
            except msgspec.MsgspecError:
                continue  # what is no alert has no id to be asked for
            yield event, record.partition, record.offset, record.timestamp


async def _notifications(settings: Settings) -> AsyncGenerator[Notification, None]:
    async with aclosing(read_all(settings, "notifications")) as found:
        async for record in found:
            try:
                yield decode_notification(record.value or b"")
            except msgspec.MsgspecError:
                continue  # NOTIFY passes it over too


async def _replay(settings: Settings, trace: Trace, progress: Progress) -> int | None:
    """Feed the partition's log to the trace. Returns where the log begins, None if nowhere."""
    begins: int | None = None
    offsets = trace.event.offsets
    async with aclosing(read_all(settings, "scored", [trace.partition])) as log:
        async for record in log:
            if begins is None:
                begins = record.offset
            if record.offset % 1000 == 0:
                done = record.offset - begins
                progress(done, max(done, offsets.last - begins) if offsets else None)
            try:
                scored = decode_scored(record.value)
            except msgspec.MsgspecError:
                continue  # WATCH passes it over too, and tells of it
            trace.take(record.offset, scored)
            if trace.done:
                break
    return begins


async def _news(settings: Settings, wanted: dict[Origin, str]) -> dict[Origin, InNews]:
    """Whether the news record of each origin is still there, and is that of the item's id."""
    found: dict[Origin, InNews] = dict.fromkeys(wanted, "gone")
    for partition in {origin.partition for origin in wanted}:
        offsets = sorted(origin.offset for origin in wanted if origin.partition == partition)
        for first, last, run in _runs(offsets):
            async with aclosing(
                read_all(settings, "news", [partition], {partition: first})
            ) as read:
                async for record in read:
                    origin = Origin(partition, record.offset)
                    if record.offset in run:
                        is_it = _id(settings, record.value) == wanted[origin]
                        found[origin] = "there" if is_it else "unlike"
                    if record.offset >= last:
                        break
    return found


def _runs(offsets: Iterable[int]) -> Iterator[tuple[int, int, Collection[int]]]:
    """Offsets, which are sorted, as stretches without large gaps: first, last, and which."""
    run: list[int] = []
    for offset in offsets:
        if run and offset - run[-1] > _GAP:
            yield run[0], run[-1], frozenset(run)
            run = []
        run.append(offset)
    if run:
        yield run[0], run[-1], frozenset(run)


def _id(settings: Settings, value: bytes | None) -> str | None:
    try:
        return decode_news(value or b"", settings.streams.max_record_bytes).id
    except InvalidNewsError:
        return None
