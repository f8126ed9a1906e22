"""From measured costs of one item to processes and partitions for a rate. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

HEADROOM = 0.6
"""How much of what it can do a process is asked to do: the rest is for bursts and catching up."""
RATES = (10, 100, 1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Costs:
    """What was measured, in seconds of one core where not said otherwise.

    Attributes:
        score_item: an item in SCORE without the network.
        model_item: an item in the network on this CPU.
        records_per_item: scored records that an item leads to.
        watch_record: a scored record in WATCH.
        news_bytes: a news record.
        scored_bytes: a scored record.
    """

    score_item: float
    model_item: float
    records_per_item: float
    watch_record: float
    news_bytes: float
    scored_bytes: float


@dataclass(frozen=True)
class Plan:
    """What a rate takes."""

    rate: int
    score_cores: float
    score_processes_gpu: int
    watch_processes: int
    news_partitions: int
    scored_partitions: int
    megabytes: float


def plan(rate: int, costs: Costs) -> Plan:
    """Processes and partitions for so many items a second.

    A process without a network of its own (its device waits elsewhere) is bound by one core, as
    Python is. Twice as many partitions as processes leave room to grow, in powers of two.
    """
    gpu = math.ceil(rate * costs.score_item / HEADROOM)
    watch = math.ceil(rate * costs.records_per_item * costs.watch_record / HEADROOM)
    return Plan(
        rate=rate,
        score_cores=rate * (costs.score_item + costs.model_item) / HEADROOM,
        score_processes_gpu=gpu,
        watch_processes=watch,
        news_partitions=_partitions(gpu),
        scored_partitions=_partitions(watch),
        megabytes=rate
        * (costs.news_bytes + costs.records_per_item * costs.scored_bytes)
        / 1_000_000,
    )


def _partitions(processes: int) -> int:
    return max(4, int(2 ** math.ceil(math.log2(2 * processes))))


def table(costs: Costs) -> Iterator[str]:
    """The plans for `RATES` as a Markdown table."""
    yield (
        "| items/s | CPU cores for SCORE, model on CPU | SCORE processes, model on a device "
        "| WATCH processes | `news` partitions | `scored` partitions | written to Kafka |"
    )
    yield "|---|---|---|---|---|---|---|"
    for each in (plan(rate, costs) for rate in RATES):
        yield (
            f"| {each.rate:,} | {each.score_cores:,.1f} | {each.score_processes_gpu} "
            f"| {each.watch_processes} | {each.news_partitions} | {each.scored_partitions} "
            f"| {each.megabytes:,.2f} MB/s |"
        )
