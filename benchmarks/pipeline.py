"""SCORE end to end through Kafka against its bare scorer (DESIGN 9: at least 0.9 of its rate).

The same texts go through the daemon (role SCORE alone, from a full `news` stream to the last
scored record) and through the scorer alone, in turn, several times in one run.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import headlines
from benchmarks.daemons import arguments, broker, daemon, deployment, percentile
from monitor.model.bundle import load_bundle
from monitor.model.scorer import load_scorer
from monitor.records import Mark, decode_scored
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import consumer, partitions_of, producer, started
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
    """Items a second, from the daemon's being ready to the mark that ends the last partition."""
    await fill(settings, texts)
    wanted = {p: len(range(p, len(texts), settings.streams.partitions.news))
              for p in range(settings.streams.partitions.news)}  # fmt: skip
    partitions = await partitions_of(settings, "scored")
    async with started(consumer(settings), settings) as reader:
        reader.assign(partitions[:1])
        async with daemon(directory, "--roles", "score"):
            began = time.time_ns() / 1e6
            async for record in reader:
                scored = decode_scored(record.value)
                if isinstance(scored, Mark) and scored.next_offset >= wanted.get(
                    scored.news_partition, 0
                ):
                    wanted.pop(scored.news_partition, None)
                if not wanted:
                    return float(len(texts) / (record.timestamp - began) * 1000)
    raise SystemExit("the scored stream ended")


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
