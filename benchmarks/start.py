"""Start to ready, model warm, with an embedded broker (DESIGN 9: below 3 s).

Held against reading the weights alone.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.daemons import arguments, daemon, deployment, percentile
from monitor.rules.file import default_rules

RUNS = 5


def read_times(bundle: Path) -> list[float]:
    """Seconds to read all files of the bundle, several times."""
    reads = []
    for _ in range(RUNS):
        began = time.perf_counter()
        for file in bundle.iterdir():
            file.read_bytes()
        reads.append(time.perf_counter() - began)
    return reads


async def measure(bundle: Path) -> None:
    """Run the benchmark and print its table."""
    starts = []
    for _ in range(RUNS + 1):
        with tempfile.TemporaryDirectory() as name:
            deployment(Path(name), {}, bundle, rules=str(default_rules()))
            async with daemon(Path(name), "--embedded") as running:
                starts.append(running.start_seconds)
    reads = await asyncio.to_thread(read_times, bundle)
    table = Table("", "min s", "median s", "max s", title="Start to ready")
    for what, values in (
        ("newsurge run --embedded, broker and warm model included", starts[1:]),
        ("reading the bundle's files", reads),
    ):
        figures = (min(values), percentile(values, 0.5), max(values))
        table.add_row(what, *(f"{figure:.2f}" for figure in figures))
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(measure(arguments(__doc__).parse_args().bundle))
