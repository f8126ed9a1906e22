"""The report of the scaling benchmark as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.scaling.reckoning import HEADROOM, Costs, table
from monitor.audit.auditing import Audit

Statistics = dict[str, dict[int, tuple[int, ...]]]
"""What each closed pane of each series counted."""


@dataclass(frozen=True)
class Run:
    """One run: items a second, CPU seconds of SCORE and WATCH, closed panes, the audit."""

    processes: int
    rate: float
    score_cpu: float
    watch_cpu: float
    statistics: Statistics
    records: int
    record_bytes: float
    news_bytes: float
    audit: Audit


def costs_of(runs: Sequence[Run], items: int, model: float) -> Costs:
    """Costs of one item and record: means over the runs."""
    records = sum(run.records for run in runs)
    return Costs(
        score_item=sum(run.score_cpu for run in runs) / items / len(runs),
        model_item=model,
        records_per_item=records / items / len(runs),
        watch_record=sum(run.watch_cpu for run in runs) / records,
        news_bytes=runs[0].news_bytes,
        scored_bytes=runs[0].record_bytes,
    )


def report(
    runs: Sequence[Run], items: int, wait: float, partitions: int, costs: Costs
) -> Iterator[str]:
    """The report as Markdown."""
    base = runs[0]
    yield "# Scaling"
    yield ""
    yield "What `python -m benchmarks.scale --write` found and reckoned. A process scores the news "
    yield "partitions that the group gives it; nothing is shared between processes but the streams."
    yield ""
    yield f"Run on {datetime.now(UTC):%Y-%m-%d}: {items:,} items on {partitions} news partitions, "
    yield f"on {os.cpu_count()} cores ({platform.machine()}) that all processes "
    yield f"and the Kafka node share. The model waits {wait * 1000:g} ms an item, as for a "
    yield f"device that scores {1 / wait:,.0f} items/s; the rest is as in production."
    yield ""
    yield (
        "| SCORE processes | items/s | times one process | CPU seconds of SCORE "
        "| closed panes equal to those of one process | alerts "
        "| alerts equal to the backtest of the own log |"
    )
    yield "|---|---|---|---|---|---|---|"
    for run in runs:
        panes = sum(len(each) for each in run.statistics.values())
        equal = "yes" if run.statistics == base.statistics else "NO"
        faults = "NO" if run.audit.faults else "yes"
        yield (
            f"| {run.processes} | {run.rate:,.0f} | {run.rate / base.rate:.2f} "
            f"| {run.score_cpu:.1f} | {equal} ({panes:,} panes) "
            f"| {len(run.audit.alerts.ids)} | {faults} |"
        )
    yield ""
    yield "While a pane is open, who comes first decides, so runs of different processes may tell "
    yield "different alerts early; what a pane holds once it is closed is the same."
    yield ""
    yield "## What a rate takes"
    yield ""
    yield "Reckoned from what was measured, in milliseconds of one core of this machine: "
    yield f"{costs.score_item * 1000:.3f} for an item in SCORE without the network, "
    yield f"{costs.model_item * 1000:.3f} for it in the network (starter bundle on the CPU), "
    yield f"{costs.watch_record * 1000:.3f} for a scored record in WATCH under a light load; "
    yield f"{costs.records_per_item:.2f} scored records an item of {costs.scored_bytes:.0f} bytes, "
    yield f"and {costs.news_bytes:.0f} bytes a news record before compression. Processes are asked "
    yield f"for {HEADROOM:.0%} of what they can do. A process is bound by one core, but for the "
    yield "network."
    yield ""
    yield from table(costs)
    yield ""
    yield "A watchlist adds a record for each name that an item is about. All news of `all` is one "
    yield "series, so one WATCH process applies a record of each item whatever their number: the "
    yield "rate of `python -m benchmarks.watch` bounds the deployment's, or leave `all` out of "
    yield "`score.dimensions`. Partitions can't be added later: choose for the rate that you may "
    yield "come to."
