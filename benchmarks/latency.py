"""News record in to webhook out, on an idle system (DESIGN 9: p99 below 250 ms on a CPU).

1,000 records, each in a series of its own (an entity of a watchlist), support 1, no grouping,
one after the other. Held against one forward pass and three broker hops, in the same run.
"""

from __future__ import annotations

import asyncio
import csv
import os
import tempfile
import time
from pathlib import Path

import msgspec
import yaml
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from benchmarks.daemons import arguments, broker, daemon, deployment, percentile
from monitor.model.bundle import load_bundle
from monitor.model.runtime import load_scorer
from monitor.receiver import LocalReceiver, receiving
from monitor.settings import Settings
from monitor.streams.clients import consumer, partitions_of, producer, started
from monitor.streams.reading import end_offsets
from monitor.streams.spec import stream_name

RECORDS = 1000
WARM_UP = 20
SECRET = "whsec_" + "bmV3c3VyZ2UtYmVuY2htYXJrLXNlY3JldC0wMTIzNDU="
TITLE = "Harbourline Bank warns of heavier loan losses as depositors leave"


def write_rules(directory: Path, url: str) -> None:
    """A watchlist of a name for each record, and a rule that fires on the first item."""
    with (directory / "watchlist.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "name"])
        writer.writerows([f"E{i}", f"Entity {i}"] for i in range(WARM_UP + RECORDS))
    rule = {
        "alert": "Any",
        "type": "threshold",
        "by": "entity",
        "window": "1h",
        "when": "count >= 1",
    }
    receiver = {"name": "bench", "webhook": {"url": url, "secret_env": "BENCH_SECRET"}}
    rules = {"receivers": [receiver], "rules": [rule]}
    (directory / "alerts.yaml").write_text(yaml.safe_dump(rules))
    os.environ["BENCH_SECRET"] = SECRET


async def one(
    client: AIOKafkaProducer, settings: Settings, receiver: LocalReceiver, number: int
) -> float:
    """Seconds from before the record is sent until its webhook has arrived."""
    item = {"id": f"n{number}", "title": f"{TITLE} ({number})", "entities": [f"E{number}"]}
    seen = len(receiver.accepted)
    began = time.monotonic()
    await client.send_and_wait(stream_name(settings, "news"), msgspec.json.encode(item))
    await receiver.until(lambda told: len(told.accepted) > seen, 10)
    return receiver.accepted[seen].monotonic - began


async def hop(settings: Settings) -> list[float]:
    """Seconds from a send to its being read by a waiting consumer, on this broker."""
    found = []
    partitions = await partitions_of(settings, "dead-letter")
    async with (
        started(producer(settings), settings) as writer,
        started(consumer(settings), settings) as reader,
    ):
        reader.assign(partitions)
        for partition, offset in (await end_offsets(settings, partitions)).items():
            reader.seek(partition, offset)
        for _ in range(200):
            waiting = asyncio.create_task(reader.getone())
            await asyncio.sleep(0.01)
            began = time.monotonic()
            await writer.send(stream_name(settings, "dead-letter"), b"hop", partition=0)
            await waiting
            found.append(time.monotonic() - began)
    return found


def forward_passes(settings: Settings, bundle: Path) -> list[float]:
    """Seconds of single items through the scorer alone."""
    scorer = load_scorer(load_bundle(bundle), settings.model)
    scorer.warm_up()
    found = []
    for _ in range(200):
        began = time.monotonic()
        scorer.infer(scorer.prepare([TITLE]))
        found.append(time.monotonic() - began)
    return found


async def measure(bootstrap_servers: str | None, bundle: Path, directory: Path) -> None:
    """Run the benchmark and print its table."""
    async with broker(bootstrap_servers) as kafka, receiving(SECRET) as receiver:
        write_rules(directory, receiver.url)
        score = {"watchlist": str(directory / "watchlist.csv"), "dimensions": ["entity"]}
        settings = deployment(
            directory, kafka, bundle, score=score, rules=str(directory / "alerts.yaml")
        )
        async with daemon(directory), started(producer(settings), settings) as client:
            for number in range(WARM_UP):
                await one(client, settings, receiver, number)
            latencies = []
            for number in range(WARM_UP, WARM_UP + RECORDS):
                latencies.append(await one(client, settings, receiver, number))
                await asyncio.sleep(0.02)
            hops = await hop(settings)
    passes = await asyncio.to_thread(forward_passes, settings, bundle)
    show(latencies, hops, passes)


def show(latencies: list[float], hops: list[float], passes: list[float]) -> None:
    """Print medians and tails in milliseconds, and the ratio to the limit."""
    table = Table("", "p50 ms", "p99 ms", "max ms", title="News in to webhook out")
    limit = percentile(passes, 0.5) + 3 * percentile(hops, 0.5)
    for name, values in (
        (f"news in to webhook out, {RECORDS} records", latencies),
        ("one broker hop", hops),
        ("one forward pass", passes),
    ):
        figures = (percentile(values, 0.5), percentile(values, 0.99), max(values))
        table.add_row(name, *(f"{figure * 1000:.1f}" for figure in figures))
    console = Console()
    console.print(table)
    console.print(
        f"median / (one forward pass + three broker hops) = "
        f"{percentile(latencies, 0.5) / limit:.2f}"
    )


if __name__ == "__main__":
    options = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(options.bootstrap_servers, options.bundle, Path(name)))
