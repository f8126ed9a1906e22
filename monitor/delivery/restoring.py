"""What an earlier owner of a partition kept back for a silence, read from `alerts` again.

Owns the reading. What becomes of it is for `holding` to say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import aclosing

import msgspec
from aiokafka import TopicPartition

from monitor.delivery.grouping import Item
from monitor.records import AlertPlace, Outcome, decode_alert
from monitor.settings import Settings
from monitor.streams.reading import read_all

_log = logging.getLogger(__name__)


async def kept_back(
    settings: Settings, outcomes: Iterable[Outcome], positions: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[Item]]:
    """The alerts of each partition that stand before its position and are kept back.

    What stands at or behind it is read anyway. An alert that retention has taken is told of in
    the log, and left.

    Args:
        settings: the deployment.
        outcomes: what is kept back from one receiver.
        positions: where reading goes on, by partition of `alerts`.

    Raises:
        StreamError: when the stream can't be read.
    """
    found: dict[TopicPartition, list[Item]] = {each: [] for each in positions}
    by_partition = {each.partition: each for each in positions}
    wanted = {
        outcome.place: outcome
        for outcome in outcomes
        if outcome.place is not None
        and outcome.place.partition in by_partition
        and outcome.place.offset < positions[by_partition[outcome.place.partition]]
    }
    for partition in sorted({place.partition for place in wanted}):
        items = await _read(settings, {p: o for p, o in wanted.items() if p.partition == partition})
        found[by_partition[partition]] = items
    return found


async def _read(settings: Settings, wanted: dict[AlertPlace, Outcome]) -> list[Item]:
    """The alerts at some places of one partition, in order."""
    items: list[Item] = []
    now = asyncio.get_running_loop().time()
    offsets = {place.offset for place in wanted}
    (partition,) = {place.partition for place in wanted}
    start = {partition: min(offsets)}
    async with aclosing(read_all(settings, "alerts", [partition], start)) as records:
        async for record in records:
            place = AlertPlace(partition, record.offset)
            if place in wanted:
                try:
                    alert = decode_alert(record.value or b"")
                except msgspec.MsgspecError:
                    continue  # It was readable once, or it would not have been kept back.
                offsets.discard(record.offset)
                headers = record.headers
                caught_up = ("caught-up", b"0") not in headers
                items.append(Item(alert, place, now, caught_up, wanted[place].silence))
            if record.offset >= max(place.offset for place in wanted):
                break
    for offset in sorted(offsets):
        outcome = wanted[AlertPlace(partition, offset)]
        which = {"receiver": outcome.receiver, "partition": partition, "offset": offset}
        _log.warning(
            "the alert at partition %(partition)d offset %(offset)d was kept back from receiver "
            "%(receiver)s by a silence and is gone from the stream; it is not told any more",
            which,
            extra=which,
        )
    return items
