"""Measure the surge statistic: false alarms kept, and rises told, against peers and an oracle.

`python -m benchmarks.detection` prints the tables; `--write` keeps them in docs/DETECTION.md with
the operating curves. The real half needs `../shared/data/series`, which no user has.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.detecting import curves, report, simulated
from benchmarks.detecting.bursts import told
from benchmarks.detecting.contests import Arena
from benchmarks.detecting.real import REQUEST_DAYS, STARTS, contest, injected
from benchmarks.detecting.series import DATA, load, prior_until
from benchmarks.detecting.spans import LAST, TUNED, described

DOCS = Path(__file__).resolve().parent.parent / "docs"
SERIES = (
    "all=all",
    "topic=Macro",
    "topic=Markets",
    "topic=Financials",
    "topic=Company and Product News",
    "topic=Legal and Regulation",
    "topic=Energy and Oil",
    "topic=Currencies",
    "topic=Gold, Metals and Materials",
    "topic=Fed and Central Banks",
    "topic=Dividend",
    "topic=Earnings",
)
CURVED = ("all=all", "topic=Company and Product News", "topic=Currencies")


def real_results(write: bool) -> str:
    """Run the contest on the real wire; its results as Markdown."""
    wires = load()
    prior = prior_until(wires, TUNED)
    outcomes, found = [], {}
    for name in SERIES:
        arena = Arena(wires[name])
        shown = injected(wires[name])
        outcomes += list(contest(arena, prior, shown))
        if write and name in CURVED:
            found[name.partition("=")[2]] = curves.curves(arena, prior, shown[curves.RISE])
        print(f"measured {name}", file=sys.stderr)
    if found:
        curves.picture(found, DOCS / "detection.svg")
    calm = "\n".join(f"* {line}" for line in described())
    return "\n\n".join(
        [
            "### False alarms",
            f"On calm days from {TUNED} to {LAST}, as a multiple of the request, one in "
            f"{REQUEST_DAYS} days for each series; {len(SERIES)} series.",
            report.false_alarms(outcomes),
            "### Delays",
            f"Median hours from the beginning of a rise, {STARTS} rises a cell where calm days "
            "allow. Peers with the level that gives the requested false alarms on the tested span "
            "itself (hindsight), and with the best window of three for each cell.",
            report.delays(outcomes, "hindsight"),
            "The same with the peers' levels tuned on the span before, as one would have to.",
            report.delays(outcomes, "before"),
            "Against each detector with one window for all: median over series, and the worst.",
            report.by_detector(outcomes, "hindsight"),
            "### Known bursts",
            report.bursts(told(wires)),
            "### Days that are not calm",
            calm,
        ]
    )


def main() -> None:
    """Run, print, and with `--write` keep the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep them in docs/DETECTION.md")
    parser.add_argument("--only", choices=("real", "simulated"), help="one half")
    arguments = parser.parse_args()
    begun = time.monotonic()
    parts = []
    if arguments.only != "simulated":
        if DATA.is_dir():
            parts += ["## On a real wire, 2007 to 2009", real_results(arguments.write)]
        else:
            print(f"SKIPPED the real half: there is no {DATA}", file=sys.stderr)
    if arguments.only != "real":
        parts += ["## On simulated news", simulated.markdown(*simulated.run())]
    minutes = (time.monotonic() - begun) / 60
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    parts.append(f"Measured on {datetime.now(UTC):%Y-%m-%d} in {minutes:.0f} minutes ({machine}).")
    text = "\n\n".join(parts)
    print(text)
    if arguments.write:
        page = DOCS / "DETECTION.md"
        head = page.read_text(encoding="utf-8").partition(MARKER)[0]
        page.write_text(f"{head}{MARKER}\n\n{text}\n", encoding="utf-8")


MARKER = "<!-- what follows is written by `python -m benchmarks.detection --write` -->"


if __name__ == "__main__":
    main()
