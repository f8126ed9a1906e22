"""SCORE end to end through Kafka against its bare scorer (DESIGN 9: at least 0.9 of its rate).

The same texts go through the daemon (role SCORE alone, from a full `news` stream to the last
scored record) and through the scorer alone, in turn, several times in one run.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import aiohttp
import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import headlines
from benchmarks.daemons import arguments, broker, daemon, deployment, percentile
from monitor.model.bundle import load_bundle
from monitor.model.runtime import load_scorer
from monitor.records import ScoredRecord, decode_scored
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import producer, started
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from monitor.streams.writing import Outgoing, write_all

ROUNDS = 3


async def fill(settings: Settings, texts: list[str]) -> None:
    """Create the streams and put the texts into `news`."""
    await ensure_streams(settings)
    count = settings.streams.partitions.news
    records = [
        Outgoing(i % count, None, msgspec.json.encode({"id": f"n{i}", "title": text}))
        for i, text in enumerate(texts)
    ]
    async with started(producer(settings, max_batch_size=262_144), settings) as client:
        await write_all(client, stream_name(settings, "news"), records)


async def through_the_daemon(settings: Settings, directory: Path, texts: list[str]) -> float:
    """Items a second, from the daemon's being ready to its last scored record."""
    await fill(settings, texts)
    async with daemon(directory, "--roles", "score"):
        began = time.time_ns() // 1_000_000
        await scored(settings, len(texts))
    return len(texts) / (await ended(settings, len(texts)) - began) * 1000


async def scored(settings: Settings, count: int) -> None:
    """Wait until the daemon says that it has scored so many, asking seldom so as not to disturb."""
    line = 'newsurge_news_records_total{outcome="scored"} '
    url = f"http://127.0.0.1:{settings.http.port}/metrics"
    async with aiohttp.ClientSession() as client:
        while True:
            async with client.get(url) as response:
                text = await response.text()
            if line in text and float(text.split(line)[1].split()[0]) >= count:
                break
            await asyncio.sleep(1)
    await asyncio.sleep(settings.score.mark_interval_seconds * 2)


async def ended(settings: Settings, count: int) -> int:
    """When the last item's scored record was written, in milliseconds: its Kafka timestamp."""
    items: set[str] = set()
    last = 0
    async with aclosing(read_all(settings, "scored")) as records:
        async for record in records:
            one = decode_scored(record.value)
            if isinstance(one, ScoredRecord):
                items.add(one.item.id)
                last = max(last, record.timestamp)
    if len(items) != count:
        raise SystemExit(f"{len(items)} of {count} items were scored")
    return last


def alone(settings: Settings, bundle: Path, texts: list[str]) -> float:
    """Items a second of the scorer alone, tokenising included, in chunks of the same size."""
    scorer = load_scorer(load_bundle(bundle), settings.model)
    scorer.warm_up()
    size = settings.score.chunk_records
    began = time.perf_counter()
    for first in range(0, len(texts), size):
        scorer.infer(scorer.prepare(texts[first : first + size]))
    return len(texts) / (time.perf_counter() - began)


async def measure(bootstrap_servers: str | None, bundle: Path, records: int) -> None:
    """Run the benchmark and print its table."""
    texts = headlines(records, random.Random(7))
    ours, bare = [], []
    for _ in range(ROUNDS):
        async with broker(bootstrap_servers) as kafka:
            with tempfile.TemporaryDirectory() as name:
                settings = deployment(Path(name), kafka, bundle)
                ours.append(await through_the_daemon(settings, Path(name), texts))
        bare.append(await asyncio.to_thread(alone, settings, bundle, texts))
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    table = Table("", "min", "median", "max", title=f"SCORE, {records} items, {ROUNDS} rounds")
    for what, values, form in (
        ("end to end through Kafka, items/s", ours, ".0f"),
        ("bare scorer, items/s", bare, ".0f"),
        ("ratio, round by round", ratios, ".2f"),
    ):
        figures = (min(values), percentile(values, 0.5), max(values))
        table.add_row(what, *(format(figure, form) for figure in figures))
    Console().print(table)


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    options = parser.parse_args()
    asyncio.run(measure(options.bootstrap_servers, options.bundle, options.records))
