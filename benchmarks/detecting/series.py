"""The scored wire series as arrays of a minute, and the prior fitted on a part of them.

Owns reading `../shared/data/series`; nothing of it enters the project.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.detecting.spans import FIRST, LAST, pane, unusual
from monitor.model.bundle import STARTER
from monitor.surge.baseline import Counts
from monitor.surge.fit import History, fit_prior
from monitor.surge.prior import Prior

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "series"
BEGIN = pane(FIRST)
TIMEZONE, CALENDAR = "America/New_York", "NYSE"
SLIDE = 60_000
_THRESHOLD = 0.5


@dataclass(frozen=True)
class Wire:
    """One series: new negative stories and all new stories of each pane from `BEGIN` on."""

    name: str
    negative: NDArray[np.int64]
    stories: NDArray[np.int64]

    def counts(self, first: int, last: int) -> list[Counts]:
        """The panes from `first` to `last` (counted from 1970, both included) with a story."""
        part = slice(first - BEGIN, last + 1 - BEGIN)
        negative, stories = self.negative[part], self.stories[part]
        held = np.flatnonzero(stories)
        rows = zip(
            (held + first).tolist(), negative[held].tolist(), stories[held].tolist(), strict=True
        )
        return [Counts(*row) for row in rows]


def load() -> dict[str, Wire]:
    """The series of every topic and of all news, by name; a near-duplicate counts once a year."""
    topics = json.loads((STARTER / "meta.json").read_text())["topics"]
    years = []
    for year in (2007, 2008, 2009):
        table = pd.read_parquet(DATA / f"wire_{year}.parquet")
        table["story"] += (year - 2000) * 10_000_000
        years.append(table)
    rows = pd.concat(years)
    wires = {}
    for number, key in [(None, "all"), *enumerate(topics)]:
        own = rows if number is None else rows[rows["topic"] == number]
        own = own[~own.duplicated("story")]
        at = own["minute"].to_numpy() + 1 - BEGIN
        held = (at >= 0) & (at < pane(LAST) - BEGIN)
        bad = (own["negative"].to_numpy() >= _THRESHOLD)[held]
        size = pane(LAST) - BEGIN
        name = "all=all" if number is None else f"topic={key}"
        wires[name] = Wire(
            name,
            np.bincount(at[held], weights=bad, minlength=size).astype(np.int64),
            np.bincount(at[held], minlength=size).astype(np.int64),
        )
    return wires


def prior_until(wires: Mapping[str, Wire], until: str) -> Prior:
    """The prior that `newsurge baseline fit` gives on everything before a day."""
    last = pane(until) - 1
    histories = {
        name: History(wire.counts(BEGIN, last), BEGIN, last, unusual(name))
        for name, wire in wires.items()
    }
    return fit_prior(histories, SLIDE, f"the wire until {until}", TIMEZONE, CALENDAR)
