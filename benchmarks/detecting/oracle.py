"""A detector that is told what no real one knows: the true rate of every pane and its dispersion.

Owns the CUSUM that others are held against, and the simulation of its level. It must not learn
anything from the data that it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counted = NDArray[np.int64]
Rates = NDArray[np.float64]

_CHUNK = 2048
_HIGHEST = 60.0
_STEPS = 24


@dataclass(frozen=True)
class Walk:
    """The cumulated log likelihood ratio, at the panes that held a negative story.

    Between those it only falls, so that nothing is decided there. `before` is where it stood at
    the end of the pane before, `after` at the end of the pane itself.
    """

    panes: Counted
    before: Rates
    after: Rates


def oracle_walk(negative: Counted, expected: Rates, factor: float, dispersion: float) -> Walk:
    """Cumulate the log likelihood ratio of `factor` times the true rate against the true rate.

    A pane holds a negative binomial number of negative stories, of variance
    m + dispersion * m^2 around its mean m (Cameron & Trivedi, Regression Analysis of Count
    Data, 2nd ed., section 3.3), and with r = 1 / dispersion the ratio of a pane that holds n is

        n log(factor) + (n + r) log((r + m) / (r + factor m))

    With no dispersion it is Poisson's: n log(factor) - (factor - 1) m.

    Args:
        negative: negative stories in each pane, of shape (panes,).
        expected: the true mean of each pane, of shape (panes,).
        factor: the rise looked for, above 1.
        dispersion: what the variance has above the mean, over the mean squared.
    """
    held = np.flatnonzero(negative)
    if dispersion:
        worth = 1 / dispersion
        doubt = np.log((worth + expected) / (worth + factor * expected))
        drift, gain = worth * doubt, np.log(factor) + doubt[held]
    else:
        drift, gain = -(factor - 1) * expected, np.full(len(held), np.log(factor))
    jumps = gain * negative[held]
    after = np.cumsum(drift)[held] + np.cumsum(jumps)
    return Walk(held, after - jumps - drift[held], after)


def walk_alarms(walk: Walk, level: float) -> Counted:
    """The panes in which the CUSUM of a walk reaches a level; it begins anew after each."""
    alarms, start = [], 0
    while (crossed := _crossing(walk, start, level)) is not None:
        alarms.append(int(walk.panes[crossed]))
        start = crossed + 1
    return np.array(alarms, dtype=np.int64)


def _crossing(walk: Walk, start: int, level: float) -> int | None:
    """The first place from `start` on at which the CUSUM reaches the level, or None."""
    lowest, chunk = np.inf, _CHUNK
    while start < len(walk.panes):
        part = slice(start, start + chunk)
        floor = np.minimum(lowest, np.minimum.accumulate(walk.before[part]))
        reached = np.flatnonzero(walk.after[part] - floor >= level)
        if len(reached):
            return start + int(reached[0])
        lowest, start, chunk = floor[-1], start + chunk, chunk * 2
    return None


def oracle_alarms(
    negative: Counted, expected: Rates, factor: float, level: float, dispersion: float
) -> Counted:
    """The panes, counted from 0, in which the oracle raises an alarm; see `oracle_walk`.

    Page's CUSUM (Biometrika 41, 1954), which is the quickest for independent counts where the
    rise is the one looked for (Moustakides, Annals of Statistics 14, 1986). It begins anew
    after each alarm; what lies close together is left to the caller to count once.
    """
    return walk_alarms(oracle_walk(negative, expected, factor, dispersion), level)


def oracle_level(
    negative: Counted,
    expected: Rates,
    factor: float,
    dispersion: float,
    between: float,
    episodes: Callable[[Counted], int],
) -> float:
    """The level at which simulated panes without any rise give the requested false alarms.

    Args:
        negative: negative stories in each simulated pane, of many times `between` panes.
        expected: the true mean of each.
        factor: the rise looked for.
        dispersion: as in `oracle_walk`.
        between: the requested panes between two false alarms.
        episodes: how many episodes a row of alarm panes is.
    """
    walk = oracle_walk(negative, expected, factor, dispersion)
    wanted = len(negative) / between
    low, high = 0.0, _HIGHEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        # Very low levels give alarms without end, which are more than wanted in any case.
        if _too_many(walk, middle, wanted) or episodes(walk_alarms(walk, middle)) > wanted:
            low = middle
        else:
            high = middle
    return high


def _too_many(walk: Walk, level: float, wanted: float) -> bool:
    """Whether a single story reaches the level, so that alarms need not be counted."""
    singles = int(np.count_nonzero(walk.after - walk.before >= level))
    return singles > 50 * wanted
