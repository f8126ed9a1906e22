"""`newsurge backtest` on scored records against decoding them alone (issue: 100,000 records/s).

Writes a seeded log (`benchmarks.watch_log`) as JSONL, then plays it with the shipped rules: in one
process and in several, with the trade-off curve and without, with one rule file and two. Wall clock
and CPU time of all processes together; the limit is one process that decodes every record from
memory. The longest of several processes ends the run, so the wall clock says what a user waits.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.watch_log import scored_log
from monitor.backtest.result import Backtest
from monitor.backtest.running import Options, backtest_files
from monitor.records import decode_scored
from monitor.rules.file import default_rules
from monitor.settings import Settings


def measure(records: int, per_second: float) -> None:
    """Print the rates."""
    log = scored_log(records, per_second)
    own, cores = default_rules(), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        history, other = Path(name) / "scored.jsonl", Path(name) / "other.yaml"
        history.write_bytes(b"\n".join(log) + b"\n")
        other.write_text(own.read_text("utf-8").replace("factor: 3", "factor: 2"), "utf-8")
        size = history.stat().st_size / 1e6
        table = Table("", "records/s", "us of CPU a record")
        table.title = f"{records:,} scored records, {size:.0f} MB"
        began = _now()
        for value in log:
            decode_scored(value)
        _add(table, "decoding alone (the limit of one process)", records, began)
        found: list[Backtest] = []
        for what, rules, processes, curve in (
            ("one process, no curve", (own,), 1, False),
            (f"{cores} processes, no curve", (own,), cores, False),
            (f"{cores} processes, curve", (own,), cores, True),
            (f"{cores} processes, two rule files, no curve", (own, other), cores, False),
        ):
            options = Options(rules, Path(name), with_curve=curve, processes=processes)
            began = _now()
            found.append(backtest_files([history], Settings(), options))
            _add(table, what, records, began)
    Console().print(table)
    alerts = [each.outcomes[0].alerts for each in found]
    print(f"{len(alerts[0])} alert events; the same in every run: {alerts.count(alerts[0])} of 4")


def _now() -> tuple[float, float]:
    times = os.times()
    cpu = times.user + times.system + times.children_user + times.children_system
    return time.perf_counter(), cpu


def _add(table: Table, what: str, records: int, began: tuple[float, float]) -> None:
    wall, cpu = (now - then for now, then in zip(_now(), began, strict=True))
    table.add_row(what, f"{records / wall:,.0f}", f"{cpu / records * 1e6:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--per-second", type=float, default=0.5, help="news items, in log time")
    given = parser.parse_args()
    measure(given.records, given.per_second)
