"""Numbers, times and delays in words, the same in the terminal and in the report."""

from __future__ import annotations

import datetime as dt

_LONG_DAYS = 10_000


def moment(time: int) -> str:
    """A time (milliseconds) in UTC, to the second."""
    return f"{dt.datetime.fromtimestamp(time / 1000, dt.UTC):%Y-%m-%d %H:%M:%S}"


def strength(days: float | None) -> str:
    """A return period: chance alone brings as much once in so long."""
    if days is None:
        return ""
    if days < _LONG_DAYS:
        return f"1 in {days:,.0f} d"
    years = days / 365.25
    return f"1 in {years:,.0f} y" if years < 1_000_000 else "1 in over 1,000,000 y"


def delay(seconds: float | None) -> str:
    """A delay, in the unit that suits it."""
    if seconds is None:
        return ""
    for unit, size in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < 100 * size:
            return f"{seconds / size:.0f} {unit}" if size < 3600 else f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return "" if value is None else f"{value:.0%}"
