"""WATCH's core against reading and decoding its records alone (DESIGN 9: at least 100,000/s).

One process, one partition, the rules that newsurge ships. With `--through-broker` the records
are read by a consumer, as WATCH does; otherwise they lie in memory. Everything is measured in one
run, in turn; each one's best round counts. In memory the time is this process' CPU time, so that
other work on the machine counts for less; through a broker it is the wall clock's.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import pstats
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.daemons import arguments, broker, deployment
from benchmarks.watch_log import ENTITIES, NEWS_PARTITIONS, scored_log, topics
from monitor.records import AlertEvent, Mark, decode_scored, encode
from monitor.rules.file import RuleFile, default_rules, load_rules
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import consumer, producer, started
from monitor.streams.spec import stream_name
from monitor.streams.writing import Outgoing, write_all
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import Rule, ThresholdRule
from monitor.watch_plan import watch_plan

BAR = 100_000
_AT_ONCE = 1000


def shipped_plan(settings: Settings) -> WatchPlan:
    """What WATCH watches with the shipped rules and a watchlist of a few hundred names."""
    rules = load_rules(default_rules(), settings.watch.slide_seconds, settings.score.dimensions)
    return _plan(settings, rules)


def window_plan(settings: Settings, window: str) -> WatchPlan:
    """One threshold rule on every topic, over a window of that length."""
    content = {"alert": "Window", "type": "threshold", "by": "topic", "window": window}
    rule: Rule = ThresholdRule.model_validate({**content, "when": "negative_share >= 0.99"})
    return _plan(settings, RuleFile(rules=(rule,)))


def _plan(settings: Settings, rules: RuleFile) -> WatchPlan:
    return watch_plan(settings, rules, topics(), Watchlist({name: name for name in ENTITIES}))


def decode_alone(log: Sequence[bytes]) -> float:
    """Seconds to decode every record."""
    began = time.process_time()
    for value in log:
        decode_scored(value)
    return time.process_time() - began


def decode_and_apply(
    log: Sequence[bytes], watch: PartitionWatch, first: int = 0
) -> tuple[float, list[AlertEvent]]:
    """Seconds to decode and apply every record, and the events that they caused."""
    events: list[AlertEvent] = []
    began = time.process_time()
    for offset, value in enumerate(log, first):
        events += watch.apply(offset, decode_scored(value))
    return time.process_time() - began, events


def marks_in(log: Sequence[bytes]) -> int:
    """How many of the records are marks."""
    return sum(isinstance(decode_scored(value), Mark) for value in log)


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Print where the time went, if that is wanted."""
    if not wanted:
        yield
        return
    profile = cProfile.Profile()
    with profile:
        yield
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def in_memory(settings: Settings, log: Sequence[bytes], rounds: int) -> None:
    """Print the rate of decoding alone, and of decoding and applying."""
    scored = len(log) - marks_in(log)
    alone = min(decode_alone(log) for _ in range(rounds))
    whole, events = _best(lambda: PartitionWatch(0, shipped_plan(settings)), log, rounds)
    table = Table("", "records/s", "us a record", title=f"{scored} scored records in memory")
    for what, seconds in (
        ("decoding alone (the limit)", alone),
        ("decoding and WATCH's core, shipped rules", whole),
        ("the core's part", whole - alone),
    ):
        table.add_row(what, f"{scored / seconds:,.0f}", f"{seconds / scored * 1e6:.2f}")
    Console().print(table)
    print(f"core and decoding / decoding alone: {alone / whole:.2f}; {len(events)} alert events")
    print(f"bar: {BAR:,}/s; reached: {scored / whole:,.0f}/s")


def _best(
    begin: Callable[[], PartitionWatch], log: Sequence[bytes], rounds: int
) -> tuple[float, list[AlertEvent]]:
    results = []
    for _ in range(rounds):
        gc.collect()
        results.append(decode_and_apply(log, begin()))
    return min(results, key=lambda one: one[0])


def independence(settings: Settings, log: Sequence[bytes], rounds: int) -> None:
    """Print what a record costs by length of window, and by how much lies behind it."""
    table = Table("", "us a record", title="Cost of a record, decoding included")
    scored = len(log) - marks_in(log)
    for window in ("5m", "7d"):
        plan = window_plan(settings, window)
        seconds, _ = _best(lambda plan=plan: PartitionWatch(0, plan), log, rounds)  # type: ignore[misc]  # a default binds it
        table.add_row(f"a window of {window}", f"{seconds / scored * 1e6:.2f}")
    watch, tenth = PartitionWatch(0, shipped_plan(settings)), len(log) // 11
    for part in range(11):
        piece = log[part * tenth : (part + 1) * tenth]
        seconds, _ = decode_and_apply(piece, watch, part * tenth)
        if part in (0, 10):
            count = len(piece) - marks_in(piece)
            behind = part * tenth * scored // len(log)
            table.add_row(f"{behind:,} records behind it", f"{seconds / count * 1e6:.2f}")
    Console().print(table)


async def through_broker(settings: Settings, log: Sequence[bytes]) -> None:
    """Print the rates with the records read from a broker by a consumer."""
    await ensure_streams(settings)
    stream = stream_name(settings, "scored")
    async with started(producer(settings, max_batch_size=262_144), settings) as writer:
        await write_all(writer, stream, [Outgoing(0, None, value) for value in log])
    scored = len(log) - marks_in(log)
    partition = TopicPartition(stream, 0)
    table = Table("", "records/s", title=f"{scored} scored records through a broker")
    rates = []
    for what, watch in (
        ("reading and decoding alone (the limit)", None),
        ("reading, decoding and WATCH's core", PartitionWatch(0, shipped_plan(settings))),
    ):
        async with started(consumer(settings), settings) as reader:
            reader.assign([partition])
            reader.seek(partition, 0)
            began = time.perf_counter()
            async for offset, value in _read(reader, len(log)):
                record = decode_scored(value)
                if watch is not None:
                    watch.apply(offset, record)
            rates.append(scored / (time.perf_counter() - began))
        table.add_row(what, f"{rates[-1]:,.0f}")
    Console().print(table)
    print(f"with the core / without: {rates[1] / rates[0]:.2f}")


async def _read(reader: AIOKafkaConsumer, count: int) -> AsyncIterator[tuple[int, bytes]]:
    while count > 0:
        for records in (await reader.getmany(timeout_ms=200, max_records=_AT_ONCE)).values():
            for record in records:
                yield record.offset, record.value
            count -= len(records)


async def measure(options: argparse.Namespace) -> None:
    """Run what was asked for."""
    log = scored_log(options.records, options.per_second)
    with tempfile.TemporaryDirectory() as name:
        if options.through_broker:
            async with broker(options.bootstrap_servers) as kafka:
                settings = deployment(Path(name), kafka, options.bundle)
                with profiled(options.profile):
                    await through_broker(settings, log)
            return
        settings = deployment(Path(name), {"bootstrap_servers": "none:1"}, options.bundle)
        if settings.streams.partitions.news != NEWS_PARTITIONS:
            raise SystemExit(f"the log has marks of {NEWS_PARTITIONS} news partitions")
        if options.events:
            _, events = decode_and_apply(log, PartitionWatch(0, shipped_plan(settings)))
            options.events.write_bytes(b"\n".join(map(encode, events)))
            return
        with profiled(options.profile):
            in_memory(settings, log, 1 if options.profile else options.rounds)
        if not options.profile:
            independence(settings, log, options.rounds)


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--per-second", type=float, default=100, help="news items, in log time")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="print the 25 costliest functions")
    parser.add_argument("--through-broker", action="store_true")
    parser.add_argument("--events", type=Path, help="only write the alert events to this file")
    asyncio.run(measure(parser.parse_args()))
