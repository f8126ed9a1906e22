"""Likelihood ratios of a rise against the usual, and how seldom chance alone drives them so high.

Pure arithmetic, one function a formula. Times are counted in what is usual: a *return period*
is the mean number of expected negative stories (for volume) or of stories (for share) between
two excursions of a CUSUM statistic that reach a given height.

The statistic is the CUSUM of log likelihood ratios (Page, Continuous inspection schemes,
Biometrika 41, 1954), which Lorden (Annals of Mathematical Statistics 42, 1971) and Moustakides
(Annals of Statistics 14, 1986) show to be the quickest for a given mean time between false
alarms when the rise is the one it was designed for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import lgamma, log, log1p

_MOST = 1e12
"""Return periods are cut here; nothing is decided beyond it."""


def rate_ratio(count: float, expected: float, shape: float, factor: float) -> float:
    """Log likelihood ratio of `factor` times the usual rate against the usual one.

    Both are negative binomial: the usual rate is not known but has a Gamma posterior of that
    `shape` around it (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6). It tends to
    `count * log(factor) - (factor - 1) * expected` as the shape grows.

    Args:
        count: negative stories seen.
        expected: negative stories expected at the usual rate in the same time.
        shape: how many stories the knowledge of the usual rate is worth.
        factor: the rise looked for, above 1.
    """
    doubt = log1p((1 - factor) * expected / (shape + factor * expected))
    return count * log(factor) + (shape + count) * doubt


def share_ratio(
    negative: float, stories: int, share: float, concentration: float, factor: float
) -> float:
    """Log likelihood ratio of `factor` times the usual odds of a negative story.

    Both are beta-binomial, of the same concentration (Johnson, Kemp & Kotz, Univariate Discrete
    Distributions, 3rd ed., section 6.2.2).

    Args:
        negative: negative stories among those seen.
        stories: stories seen.
        share: the usual share of negative ones, between 0 and 1.
        concentration: how many stories the knowledge of the usual share is worth.
        factor: the rise of the odds looked for, above 1.
    """
    risen = raised_share(share, factor)
    return _beta_binomial(negative, stories, risen, concentration) - _beta_binomial(
        negative, stories, share, concentration
    )


def raised_share(share: float, factor: float) -> float:
    """The share whose odds are `factor` times those of the given share."""
    return factor * share / (1 - share + factor * share)


def _beta_binomial(negative: float, stories: int, share: float, concentration: float) -> float:
    """The log probability of a sequence with so many negatives."""
    a, b = share * concentration, (1 - share) * concentration
    return (
        lgamma(a + negative)
        - lgamma(a)
        + lgamma(b + stories - negative)
        - lgamma(b)
        + lgamma(concentration)
        - lgamma(concentration + stories)
    )


@dataclass(frozen=True, slots=True)
class Tail:
    """How the return periods of one statistic grow with its height.

    Independent Poisson arrivals have `slope` 1 and `scale` 1. News comes in waves, which
    makes high excursions commoner: a fitted tail has a lower slope (see `monitor.surge.fit`).
    The statistic's excursions keep an exponential tail then, with an exponent below 1
    (Asmussen & Albrecher, Ruin Probabilities, 2nd ed., sections IV.5 and VI.1).
    """

    slope: float = 1.0
    scale: float = 1.0


IDEAL = Tail()


def rate_period(height: float, factor: float, tail: Tail = IDEAL) -> float:
    """Expected stories between excursions of `rate_ratio`'s CUSUM to `height`.

    For Poisson arrivals in units of the expected, with I0 = factor - 1 - log factor (the drift
    when all is usual) and I1 = factor log factor - factor + 1 (when it has risen):

        (e^height - 1) I1 / I0^2 - height / I0

    From the Cramer-Lundberg constant I0 / I1 of the overshoot, which is exact as the walk goes
    down continuously (Asmussen & Albrecher, section IV.5; Siegmund, Sequential Analysis, 1985,
    section II.6 for the form with finite height).
    """
    usual = factor - 1 - log(factor)
    risen = factor * log(factor) - factor + 1
    return _period(height, usual, risen / usual**2, tail)


def share_period(height: float, share: float, factor: float, tail: Tail = IDEAL) -> float:
    """Stories between excursions of `share_ratio`'s CUSUM to `height`.

    As `rate_period`, with the two divergences between Bernoulli variables per story. The walk
    goes down in steps of log((1 - share) / (1 - raised)) here; what is lost below zero by the
    last of them lengthens the time between excursions by about its exponential.
    """
    raised = raised_share(share, factor)
    up, down = log(raised / share), log((1 - share) / (1 - raised))
    usual = (1 - share) * down - share * up
    risen = raised * up - (1 - raised) * down
    return _period(height, usual, risen / usual**2 * math.exp(down), tail)


def _period(height: float, drift: float, constant: float, tail: Tail) -> float:
    x = tail.slope * height
    if x > 40:
        return _MOST
    return min(_MOST, max(0.0, tail.scale * (math.expm1(x) * constant - x / drift)))
