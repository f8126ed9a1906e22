"""News that is published without end while models are exchanged, and who scored what."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import msgspec

from monitor import metrics
from monitor.records import ModelChange, Origin, Scored, ScoredRecord, decode_scored
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from tests.integration.daemons import PATIENCE

# More of them are negative than positive, so that the two models disagree about how many.
WORDS = ("bank collapse", "bank fraud", "oil plunges", "bank gains", "court unchanged")
NEWS_BETWEEN = 150
Item = Callable[[int], bytes]


class Load:
    """News that is published without end, and where each record came to stand.

    `item(number)` is what is published; `origins[number]` is where it stands.
    """

    def __init__(self, item: Item, pause_seconds: float) -> None:
        self.item = item
        self.pause_seconds = pause_seconds
        self.origins: list[Origin] = []
        self.is_over = False

    async def publish(self, settings: Settings) -> None:
        news = stream_name(settings, "news")
        async with started(producer(settings), settings) as client:
            numbers = itertools.count()
            while not self.is_over:
                sent = [
                    await client.send(news, self.item(i), partition=i % 2)
                    for i in itertools.islice(numbers, 10)
                ]
                stands = [await one for one in sent]
                self.origins += [Origin(one.partition, one.offset) for one in stands]
                await asyncio.sleep(self.pause_seconds)

    async def more(self, count: int = NEWS_BETWEEN) -> None:
        """Wait until so many more have been published."""
        goal = len(self.origins) + count
        await until(lambda: len(self.origins) >= goal)


def _item(number: int) -> bytes:
    words = WORDS[number % len(WORDS)]
    title = f"Halden {words}, part {number}"
    return msgspec.json.encode({"title": title, "entities": ["Halden", "Oake"]})


@asynccontextmanager
async def under_load(
    settings: Settings, item: Item = _item, pause_seconds: float = 0.02
) -> AsyncIterator[Load]:
    """Publish for the length of the block: some 400 items a second, unless told otherwise."""
    load = Load(item, pause_seconds)
    task = asyncio.create_task(load.publish(settings))
    try:
        await load.more()
        yield load
    finally:
        load.is_over = True
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


def swaps(outcome: str) -> float:
    return float(metrics.model_swaps_total.labels(outcome)._value.get())


async def log_of(settings: Settings, partition: int) -> list[Scored]:
    """A scored partition, in its order."""
    return [decode_scored(one.value) async for one in read_all(settings, "scored", {partition})]


def models_of(records: list[ScoredRecord]) -> dict[int, list[str]]:
    """For each news partition, which models scored it, in the order of its offsets."""
    ordered = sorted({(one.origin, one.model) for one in records})
    return {
        partition: [model for model, _ in itertools.groupby(model for _, model in of_it)]
        for partition, of_it in itertools.groupby(ordered, lambda one: one[0].partition)
    }


def in_turn(log: list[Scored], first: str) -> Iterator[ModelChange]:
    """The changes in a scored partition, each found before the first record of its model."""
    serving = first
    for record in log:
        if isinstance(record, ModelChange):
            assert record.previous == serving
            serving = record.model
            yield record
        elif isinstance(record, ScoredRecord):
            assert record.model == serving
