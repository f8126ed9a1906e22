"""What dashboards and generic anomaly detectors do: a statistic at every five minutes.

Owns the peers' statistics; a level is tuned elsewhere, the same way for each. Arrays hold a
value for each step of `STEP` panes. Nothing here looks ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import drift as river_drift

drift: Any = river_drift  # it has no types
STEP = 5
"""Panes of a minute between two evaluations."""
HOURS = (1, 4, 24)
"""The windows, and half-lives, in hours, of which each peer is given its best."""
_AN_HOUR = 60 // STEP
_TRAILING = 7 * 24 * _AN_HOUR
_LEVEL = 28 * 24 * _AN_HOUR
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Peer:
    """A detector: its statistic from the counts of each step and the profile of the week there."""

    name: str
    kind: str
    statistic: Callable[[Values, Values], Values]


def all_peers() -> Iterator[Peer]:
    """Every peer with each of its windows."""
    for hours in HOURS:
        width = hours * _AN_HOUR
        yield Peer(f"static, {hours} h", "static threshold", _bind(_static, width))
        yield Peer(f"z-score, {hours} h", "rolling z-score", _bind(_zscore, width))
        yield Peer(f"EWMA, {hours} h", "EWMA", _bind(_ewma, width))
        yield Peer(f"seasonal z, {hours} h", "z-score, adjusted", _bind(_seasonal_zscore, width))
        yield Peer(f"seasonal EWMA, {hours} h", "EWMA, adjusted", _bind(_seasonal_ewma, width))


def _bind(
    function: Callable[[Values, Values, int], Values], width: int
) -> Callable[[Values, Values], Values]:
    return lambda counts, profile: function(counts, profile, width)


def trailing_sum(values: Values, width: int) -> Values:
    """The sum of the last `width` values, the present one included."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    first = np.maximum(0, np.arange(1, len(values) + 1) - width)
    return total[1:] - total[first]


def _ewm(values: Values, half_life: int) -> Values:
    """The exponentially weighted sum, by blocks so that no weight overflows."""
    decay = 0.5 ** (1 / half_life)
    out = np.empty_like(values)
    block, carried = 16 * half_life, 0.0
    powers = decay ** np.arange(block)
    for start in range(0, len(values), block):
        part = values[start : start + block]
        own = powers[: len(part)]
        out[start : start + block] = own * (np.cumsum(part / own) + carried * decay)
        carried = out[start + len(part) - 1]
    return out


def _moments(values: Values, width: int) -> tuple[Values, Values]:
    number = np.minimum(np.arange(1, len(values) + 1), width)
    mean = trailing_sum(values, width) / number
    square = trailing_sum(values**2, width) / number
    return mean, np.sqrt(np.maximum(square - mean**2, 1e-9))


def _static(counts: Values, profile: Values, width: int) -> Values:
    del profile
    return trailing_sum(counts, width)


def _zscore(counts: Values, profile: Values, width: int) -> Values:
    del profile
    window = trailing_sum(counts, width)
    mean, deviation = _moments(window, _TRAILING)
    return (window - mean) / deviation


def _ewma(counts: Values, profile: Values, width: int) -> Values:
    del profile
    smooth = _ewm(counts, width)
    mean, deviation = _moments(smooth, _TRAILING)
    return (smooth - mean) / deviation


def _expected(counts: Values, profile: Values) -> Values:
    """The usual count of each step: the trailing level of four weeks times the profile."""
    return profile * trailing_sum(counts, _LEVEL) / np.maximum(trailing_sum(profile, _LEVEL), 1e-9)


def _seasonal_zscore(counts: Values, profile: Values, width: int) -> Values:
    window = trailing_sum(counts, width)
    usual = trailing_sum(_expected(counts, profile), width)
    return (window - usual) / np.sqrt(np.maximum(usual, 0.05))


def _seasonal_ewma(counts: Values, profile: Values, width: int) -> Values:
    smooth, usual = _ewm(counts, width), _ewm(_expected(counts, profile), width)
    return (smooth - usual) / np.sqrt(np.maximum(usual, 0.05))


def page_hinkley(hourly: Values, level: float, usual: float) -> list[int]:
    """The hours in which river's Page-Hinkley test tells a rise, given the usual hourly count.

    It tolerates half a doubling, as a CUSUM for twice the usual would.
    """
    test = drift.PageHinkley(
        min_instances=24,
        delta=usual / 2,
        threshold=level * max(usual, 1e-3),
        alpha=0.9999,
        mode="up",
    )
    return _hours(test, hourly)


def adwin(hourly: Values, level: float, usual: float) -> list[int]:
    """The hours in which river's ADWIN tells a change upwards; `level` is -ln of its delta."""
    del usual
    test = drift.ADWIN(delta=float(np.exp(-level)), clock=1)
    alarms, before = [], 0.0
    for hour, count in enumerate(hourly):
        test.update(float(count))
        if test.drift_detected and test.estimation > before:
            alarms.append(hour)
        before = test.estimation
    return alarms


def _hours(test: Any, hourly: Values) -> list[int]:
    alarms = []
    for hour, count in enumerate(hourly):
        test.update(float(count))
        if test.drift_detected:
            alarms.append(hour)
    return alarms
