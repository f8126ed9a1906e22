"""A restart of WATCH with snapshots, a million scored records behind (DESIGN 9: below 15 s).

A partition of 2,000 names, the topics and `all`, with surge rules on each, has lived through some
history. Its snapshot is taken and restored, then the log goes on. What is measured are CPU seconds
of one process, in memory; the time for a million records is reckoned from the rate. The limit is
to decode the same bytes.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from benchmarks.watch import decode_alone, decode_and_apply, marks_in
from benchmarks.watch_log import scored_log, topics
from monitor.rules.file import default_rules, load_rules
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import Rounds, restore
from monitor.surge.rules import SurgeRule
from monitor.watch_plan import watch_plan

BEHIND = 1_000_000
BAR_SECONDS = 15.0
NAMES = tuple(f"E{number:04}" for number in range(2000))


def plan() -> WatchPlan:
    """The shipped rules, and a surge rule on every name."""
    settings = Settings()
    shipped = load_rules(default_rules(), settings.watch.slide_seconds, settings.score.dimensions)
    on_names = SurgeRule.model_validate({"alert": "Name", "type": "surge", "by": "entity"})
    rules = shipped.model_copy(update={"rules": (*shipped.rules, on_names)})
    return watch_plan(settings, rules, topics(), Watchlist({name: name for name in NAMES}))


def snapshot(watch: PartitionWatch, offset: int) -> tuple[float, dict[bytes, bytes | None]]:
    """Seconds to make a whole snapshot, and what it writes."""
    began = time.process_time()
    rounds = Rounds(watch)
    rounds.begin(offset)
    records = dict(rounds.step(offset, len(NAMES) * 2))
    return time.process_time() - began, records


def restored(of: WatchPlan, state: Iterable[tuple[bytes, bytes | None]]) -> PartitionWatch:
    """The partition again, as a takeover restores it."""
    gc.disable()
    try:
        found = restore(0, of, state)
    finally:
        gc.enable()
    if found is None:
        raise SystemExit("the snapshot has no commit")
    return found.watch


def measure(history: int, behind: int, per_second: float, table: Table) -> None:
    """Measure one density of news and add it to the table."""
    of, log = plan(), scored_log(history + behind, per_second, entities=NAMES)
    cut = len(log) * history // (history + behind)
    watch = PartitionWatch(0, of)
    decode_and_apply(log[:cut], watch)
    writing, state = snapshot(watch, cut)
    del watch
    gc.collect()
    began = time.process_time()
    again = restored(of, state.items())
    restoring = time.process_time() - began
    rest = log[cut:]
    scored = len(rest) - marks_in(rest)
    applying = decode_and_apply(rest, again, cut)[0] / scored * BEHIND
    alone = decode_alone(rest) / scored * BEHIND
    size = sum(len(value or b"") for value in state.values())
    table.add_row(
        f"{per_second:g}",
        f"{writing:.1f} s",
        f"{size / 1e6:.0f} MB",
        f"{restoring:.1f} s",
        f"{applying:.1f} s",
        f"{restoring + applying:.1f} s",
        f"{alone:.1f} s",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=int, default=100_000, help="scored records before")
    parser.add_argument("--behind", type=int, default=100_000, help="scored records measured")
    options = parser.parse_args()
    columns = ("items/s of log time", "snapshot", "size", "restore", "1 M records", "both")
    table = Table(*columns, "decoding alone", title=f"Restart, bar {BAR_SECONDS:.0f} s")
    for per_second in (5.0, 100.0):
        measure(options.history, options.behind, per_second, table)
    Console().print(table)


if __name__ == "__main__":
    main()
