"""`newsurge backtest` on scored records against decoding them alone (issue: 100,000 records/s).

Writes a seeded log (`benchmarks.watch_log`) as JSONL, then plays it with the shipped rules: in one
process and in several, with the trade-off curve and without, with one rule file and two. Wall
clock; the limit is one process that decodes every record from memory.
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
from monitor.rules_file import default_rules
from monitor.settings import Settings


def measure(records: int, per_second: float, rounds: int) -> None:
    """Print the rates."""
    log = scored_log(records, per_second)
    with tempfile.TemporaryDirectory() as name:
        history, other = Path(name) / "scored.jsonl", Path(name) / "other.yaml"
        history.write_bytes(b"\n".join(log) + b"\n")
        other.write_text(default_rules().read_text("utf-8").replace("factor: 3", "factor: 2"))
        table = Table(
            "",
            "records/s",
            title=f"{records:,} scored records, {history.stat().st_size / 1e6:.0f} MB",
        )
        best = min(_decoding(log) for _ in range(rounds))
        table.add_row("decoding alone (the limit of one process)", f"{records / best:,.0f}")
        cores = os.cpu_count() or 1
        found: list[Backtest] = []
        for what, rules, processes, curve in (
            ("one process, no curve", (default_rules(),), 1, False),
            (f"{cores} processes, no curve", (default_rules(),), cores, False),
            (f"{cores} processes, curve", (default_rules(),), cores, True),
            (
                f"{cores} processes, two rule files, no curve",
                (default_rules(), other),
                cores,
                False,
            ),
        ):
            options = Options(rules, Path(name), with_curve=curve, processes=processes)
            seconds = []
            for _ in range(rounds):
                began = time.perf_counter()
                found.append(backtest_files([history], Settings(), options))
                seconds.append(time.perf_counter() - began)
            table.add_row(what, f"{records / min(seconds):,.0f}")
        Console().print(table)
        same = all(each.outcomes[0].alerts == found[0].outcomes[0].alerts for each in found)
        print(f"alerts: {len(found[0].outcomes[0].alerts)}; the same in every run: {same}")


def _decoding(log: list[bytes]) -> float:
    began = time.perf_counter()
    for value in log:
        decode_scored(value)
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--per-second", type=float, default=100, help="news items, in log time")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    measure(given.records, given.per_second, given.rounds)
