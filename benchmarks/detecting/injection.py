"""Rises put into calm days: whole stories of the series itself, from other weeks, added.

Owns where rises begin and what is added; a detector sees only the sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.detecting.episodes import DAY
from benchmarks.detecting.series import BEGIN, Wire
from benchmarks.detecting.spans import FIRST, LAST, TUNED, calm, pane

_WEEK = 7 * DAY
_WEEKS_AWAY = 26
_LEAD = 35 * DAY


@dataclass(frozen=True)
class Rise:
    """A rise that begins in pane `start` and lasts: `added` negative stories, pane by pane."""

    start: int
    added: NDArray[np.int64]


def rises(wire: Wire, factor: int, number: int, seed: int) -> list[Rise]:
    """Rises to `factor` times a series' own news, at random calm hours of the test span.

    Each adds `factor - 1` whole stretches of the same series, taken at the same hour of other
    weeks whose day is calm too, so that the added news has the series' own rhythm and waves.
    A rise lasts until some sixty stories were expected, five days at least, sixty at most.
    """
    random = np.random.default_rng(seed)
    usual = calm(wire.name, FIRST, LAST)
    tested = np.arange(pane(TUNED) + _LEAD, pane(LAST) - 1)
    daily = wire.negative[pane(TUNED) - BEGIN :].sum() / (pane(LAST) - pane(TUNED)) * DAY
    lasts = round(min(60, max(5, 60 / max(daily, 0.1)))) * DAY
    hours = tested[(tested - BEGIN) % 60 == 0]
    hours = hours[(hours + lasts < pane(LAST)) & usual[hours - BEGIN]]
    starts = np.sort(random.choice(hours, min(number, len(hours)), replace=False))
    return [
        Rise(int(start), _added(wire, int(start), lasts, factor - 1, usual, random))
        for start in starts
    ]


def _added(
    wire: Wire,
    start: int,
    lasts: int,
    times: int,
    usual: NDArray[np.bool_],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    places = [
        start + weeks * _WEEK
        for weeks in range(-_WEEKS_AWAY, _WEEKS_AWAY + 1)
        if weeks
        and start + weeks * _WEEK >= BEGIN
        and start + weeks * _WEEK + lasts < pane(LAST)
        and usual[start + weeks * _WEEK - BEGIN]
    ]
    added = np.zeros(lasts, dtype=np.int64)
    for place in random.choice(places, times, replace=len(places) < times):
        added += wire.negative[place - BEGIN : place - BEGIN + lasts]
    return added
