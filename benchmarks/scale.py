"""Does SCORE scale? 1, 2 and 4 processes on the same news, with a model that waits as a GPU does.

`python -m benchmarks.scale --write` needs Java and Maven for a Kafka of its own. It shows the
throughput, that the statistics of closed panes are the same for any number of processes, and that
each run's alerts are what follows from its own log; from the costs that it measures it reckons
what larger rates take, and keeps all of that in docs/SCALING.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import astuple
from pathlib import Path

import aiohttp
import msgspec
import yaml

from benchmarks.corpus import headlines
from benchmarks.daemons import NEWSURGE
from benchmarks.own_kafka import OwnKafka
from benchmarks.scaling.reckoning import Costs
from benchmarks.scaling.report import Run, Statistics, costs_of, report
from monitor.audit.auditing import Audit, audit
from monitor.children import free_port, spawn, stop
from monitor.model.bundle import STARTER, load_bundle
from monitor.model.runtime import load_scorer
from monitor.records import ScoredRecord, decode_scored
from monitor.settings import Settings, load_settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import producer, started
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from monitor.surge.partition import PartitionWatch
from monitor.watch_plan import deployed_plan, part_of

DOCS = Path(__file__).resolve().parent.parent / "docs"
COUNTS = (1, 2, 4)
PARTITIONS = 4
SPACING_MS = 250
REPLAY_SPEED = 120.0
RULES = """\
rules:
  - {alert: Surge, type: surge, by: topic, factor: 2, false_alarms: 1 per 1h, min_support: 5}
  - {alert: Share, type: threshold, by: topic, window: 10m,
     when: negative_share >= 0.4 and negative_count >= 6}
  - {alert: Long, type: threshold, by: all, window: 24h, when: negative_count >= 1000000}
  - {alert: LongTopic, type: threshold, by: topic, window: 24h, when: negative_count >= 1000000}
"""
_TICK = os.sysconf("SC_CLK_TCK")


class Processes:
    """The processes of one run and where they answer."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.ports: list[int] = []
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self, name: str, *command: str) -> None:
        """Start one; `PORT` in the command is where it shall answer, which a file may say too."""
        port = free_port()
        with (self._directory / f"{name}.log").open("wb") as output:
            arguments = [each.replace("PORT", str(port)) for each in command]
            self._processes.append(await spawn(arguments, output))
        self.ports.append(port)

    def cpu_seconds(self) -> list[float]:
        """What each has used so far."""
        return [_cpu_seconds(process.pid) for process in self._processes]

    async def stop(self) -> None:
        """End all."""
        await asyncio.gather(*(stop(process, 30) for process in self._processes))


async def measured(count: int, texts: Sequence[str], wait: float, address: str) -> Run:
    """Score the texts with so many processes."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        settings = configure(directory, address, count)
        await ensure_streams(settings)
        score, watch = Processes(directory), Processes(directory)
        try:
            for number in range(count):
                await score.start(
                    f"score-{number}", sys.executable, "-m", "benchmarks.scaling.worker",
                    str(directory / "settings.yaml"), str(wait), "PORT",
                )  # fmt: skip
            await watch.start(
                "watch", NEWSURGE, "run", "--settings", str(directory / "settings.yaml"),
                "--roles", "watch", "--set", "http.port=PORT",
            )  # fmt: skip
            await _spread(score.ports, PARTITIONS // count)
            before = score.cpu_seconds(), watch.cpu_seconds()
            await publish(settings, texts)
            await _scored(score.ports, len(texts))
            after = score.cpu_seconds(), watch.cpu_seconds()
            found = await _settled(settings)
        finally:
            await asyncio.gather(score.stop(), watch.stop())
        return await _run(settings, count, len(texts), before, after, found)


def configure(directory: Path, address: str, count: int) -> Settings:
    """Settings of the run, in a file for every process."""
    content = {
        "kafka": {"bootstrap_servers": address, "session_timeout_seconds": 6},
        "streams": {
            "prefix": f"scale{count}.",
            "partitions": {"news": PARTITIONS, "scored": PARTITIONS, "alerts": 1},
        },
        "score": {"replay_speed": REPLAY_SPEED},
        "rules": str(directory / "alerts.yaml"),
        "log_level": "warning",
    }
    (directory / "alerts.yaml").write_text(RULES)
    (directory / "settings.yaml").write_text(yaml.safe_dump(content))
    return load_settings(directory / "settings.yaml")


async def publish(settings: Settings, texts: Sequence[str]) -> None:
    """Put the texts into `news`, a quarter of a second of log time apart."""
    begin = 1_750_000_000_000
    async with started(producer(settings, linger_ms=5), settings) as client:
        sends = [
            await client.send(
                stream_name(settings, "news"),
                msgspec.json.encode({"id": f"n{number}", "title": text}),
                partition=number % PARTITIONS,
                timestamp_ms=begin + number * SPACING_MS,
            )
            for number, text in enumerate(texts)
        ]
        await asyncio.gather(*sends)


async def _spread(ports: Sequence[int], each: int) -> None:
    """Wait until every process has its part of the news partitions."""
    line = 'newsurge_consumer_lag_records{partition="'
    async with asyncio.timeout(120):
        while True:
            pages = await _metrics(ports)
            if all(_ready(page) and page.count(line) == each for page in pages):
                return
            await asyncio.sleep(0.5)


def _ready(page: str) -> bool:
    return "newsurge_ready 1.0" in page


async def _scored(ports: Sequence[int], count: int) -> None:
    line = 'newsurge_news_records_total{outcome="scored"} '
    async with asyncio.timeout(600):
        while True:
            pages = [page for page in await _metrics(ports) if line in page]
            if sum(float(page.split(line)[1].split()[0]) for page in pages) >= count:
                return
            await asyncio.sleep(0.5)


async def _metrics(ports: Sequence[int]) -> list[str]:
    async with aiohttp.ClientSession() as client:
        pages = []
        for port in ports:
            page = ""
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get(f"http://127.0.0.1:{port}/metrics") as response:
                    page = await response.text()
            pages.append(page)
        return pages


async def _settled(settings: Settings) -> Audit:
    """The audit, once WATCH has come to the end."""
    plan = deployed_plan(settings)
    async with asyncio.timeout(120):
        while True:
            found = await audit(settings, plan)
            if not found.faults and not found.news.pending:
                return found
            await asyncio.sleep(1)


async def _run(
    settings: Settings,
    count: int,
    items: int,
    before: tuple[list[float], list[float]],
    after: tuple[list[float], list[float]],
    found: Audit,
) -> Run:
    plan = deployed_plan(settings)
    watches = {
        each: PartitionWatch(each, part_of(plan, each, PARTITIONS)) for each in range(PARTITIONS)
    }
    stamps: list[int] = []
    size = 0
    async with aclosing(read_all(settings, "scored")) as records:
        async for record in records:
            scored = decode_scored(record.value)
            watches[record.partition].apply(record.offset, scored)
            if isinstance(scored, ScoredRecord):
                stamps.append(record.timestamp)
                size += len(record.value) + len(record.key or b"")
    news = [len(one.value) async for one in read_all(settings, "news")]
    return Run(
        processes=count,
        rate=items / (max(stamps) - min(stamps)) * 1000,
        score_cpu=sum(after[0]) - sum(before[0]),
        watch_cpu=sum(after[1]) - sum(before[1]),
        statistics=_statistics(watches.values()),
        records=len(stamps),
        record_bytes=size / len(stamps),
        news_bytes=sum(news) / len(news),
        audit=found,
    )


def _statistics(watches: Iterable[PartitionWatch]) -> Statistics:
    """What each closed pane of each series counted."""
    return {
        str(following.series): {
            number: astuple(pane.tally)
            for number, pane in following.track.panes.items()
            if number <= (following.track.closed or 0)
        }
        for watch in watches
        for following in watch.followings()
    }


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def model_seconds(texts: Sequence[str]) -> float:
    """CPU seconds of one item in the network on this machine."""
    bundle = load_bundle(STARTER)
    scorer = load_scorer(bundle, Settings().model)
    scorer.warm_up()
    prepared = scorer.prepare(texts)
    began = time.process_time()
    scorer.infer(prepared)
    return (time.process_time() - began) / len(texts)


async def measure(items: int, wait: float) -> tuple[list[Run], Costs]:
    """All runs, one after the other."""
    texts = headlines(items, random.Random(11))
    with tempfile.TemporaryDirectory() as name:
        kafka = OwnKafka(Path(name))
        address = await kafka.start()
        try:
            runs = [await measured(count, texts, wait, address) for count in COUNTS]
        finally:
            await kafka.stop()
    return runs, costs_of(runs, items, model_seconds(texts[:2000]))


def main() -> int:
    """Run it, print the report, and tell whether all of it is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=12_000)
    parser.add_argument("--wait-ms", type=float, default=3.0, help="the model's, for an item")
    parser.add_argument("--write", action="store_true", help="keep the report in docs/SCALING.md")
    options = parser.parse_args()
    runs, costs = asyncio.run(measure(options.items, options.wait_ms / 1000))
    lines = report(runs, options.items, options.wait_ms / 1000, PARTITIONS, costs)
    text = "\n".join(line.rstrip() for line in lines)
    print(text)
    if options.write:
        (DOCS / "SCALING.md").write_text(text + "\n")
    is_same = all(run.statistics == runs[0].statistics for run in runs)
    return 0 if is_same and not any(run.audit.faults for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
