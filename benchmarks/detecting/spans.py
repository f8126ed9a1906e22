"""Which days of 2007 to 2009 were not calm, by public history and the calendar alone.

Owns the list that decides where false alarms are counted and rises are injected. No detector and
no series had a say in it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.detecting.episodes import DAY

CRISES = (
    ("2007-02-26", "2007-03-20", "Shanghai falls 9 %, subprime lenders fail"),
    ("2007-07-20", "2007-09-10", "funds of hedge funds frozen, interbank markets seize"),
    ("2007-10-25", "2007-11-30", "write-downs at the largest banks, chief executives leave"),
    ("2008-01-10", "2008-02-01", "world-wide sell-off, emergency cut of rates on the 22nd"),
    ("2008-03-08", "2008-03-25", "Bear Stearns"),
    ("2008-06-25", "2008-07-20", "IndyMac, rescue plan for the mortgage agencies"),
    ("2008-09-01", "2009-03-20", "Lehman Brothers to the lows of March"),
)
SEASONS = (("01-08", "02-22"), ("04-08", "05-15"), ("07-08", "08-15"), ("10-08", "11-15"))
"""Results seasons, month and day, each year."""
SEASONAL = frozenset({"Earnings", "Financials", "Analyst Update", "Stock Movement"})
"""Classes that results seasons touch most."""
YEAR_ENDS = (
    ("2006-12-22", "2007-01-03"),
    ("2007-12-22", "2008-01-03"),
    ("2008-12-20", "2009-01-05"),
)
FIRST, TUNED, LAST = "2007-01-01", "2008-05-01", "2009-12-20"
"""The series begin; levels are tuned and the prior is fitted before `TUNED`, tested from it on
to `LAST`."""


def pane(day: str) -> int:
    """The pane of a minute that begins at midnight UTC of a day, counted from 1970."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) // 60 + 1


def unusual(series: str) -> list[tuple[int, int]]:
    """The ranges of panes, both ends included, that are not calm for a series; merged, rising."""
    ranges = [(first, last) for first, last, _ in CRISES] + list(YEAR_ENDS)
    if series.partition("=")[2] in SEASONAL:
        ranges += [(f"{year}-{a}", f"{year}-{b}") for year in range(2007, 2010) for a, b in SEASONS]
    merged: list[tuple[int, int]] = []
    for first, last in sorted((pane(a), pane(b) + DAY - 1) for a, b in ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def calm(series: str, first: str, last: str) -> NDArray[np.bool_]:
    """Whether each pane from the day `first` to before the day `last` is calm for a series."""
    begin = pane(first)
    mask = np.ones(pane(last) - begin, dtype=np.bool_)
    for a, b in unusual(series):
        mask[max(0, a - begin) : max(0, b + 1 - begin)] = False
    return mask


def described() -> list[str]:
    """The list in words, a line for each range."""
    lines = [f"{first} to {last}: {event}" for first, last, event in CRISES]
    lines += [f"{first} to {last}: year end" for first, last in YEAR_ENDS]
    seasons = ", ".join(f"{a} to {b}" for a, b in SEASONS)
    return [*lines, f"results seasons ({seasons}) for {', '.join(sorted(SEASONAL))}"]


def day_of(number: int) -> date:
    """The day that a pane lies in."""
    return date(1970, 1, 1) + timedelta(minutes=number - 1)
