"""What a series' own past leads one to expect: a Gamma-Poisson baseline with forgetting.

Pure. The unit of exposure is one pane. Only closed panes teach it.

The rate of negative stories in a pane has a Gamma(a, b) posterior; a window of m panes then
holds a negative binomial count with r = a and success probability b / (b + m) (Gelman et al.,
Bayesian Data Analysis, 3rd ed., section 2.6). Forgetting discounts a and b alike at each pane
(West & Harrison, Bayesian Forecasting and Dynamic Models, 2nd ed., section 10.8: power
discounting), so that the past weighs less the longer ago it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a series that has no past: `stories` negatives in `panes` panes."""

    stories: float
    panes: float


WEAK_PRIOR = Prior(stories=1.0, panes=60.0)
"""One negative story in the first hour (of panes of a minute), soon outweighed by what is seen."""


class Baseline:
    """The running baseline of one track.

    Args:
        prior: the belief before any data; it never fades.
        half_life: panes after which a pane's weight is halved.
        warm_up: panes (weighted) from which the baseline is trusted.
    """

    def __init__(self, prior: Prior, half_life: float, warm_up: float) -> None:
        self._prior = prior
        self._decay = 0.5 ** (1.0 / half_life)
        self._warm_up = warm_up
        self._stories = 0.0
        self._panes = 0.0

    def learn(self, negative_stories: int) -> None:
        """Take one closed pane's number of negative stories; zero is data too."""
        self._stories = self._stories * self._decay + negative_stories
        self._panes = self._panes * self._decay + 1.0

    @property
    def observed_panes(self) -> float:
        """The weight of what has been learnt, in panes."""
        return self._panes

    @property
    def trusted(self) -> bool:
        """Whether enough has been learnt; until then the series is warming up."""
        return self._panes >= self._warm_up

    def expected(self, panes: int) -> float:
        """The expected number of negative stories in a window of that many panes."""
        return panes * self._shape / self._exposure

    def tail(self, panes: int, count: int) -> float:
        """The probability of `count` or more negative stories in a window of that many panes."""
        return negative_binomial_tail(self._shape, self._exposure / (self._exposure + panes), count)

    @property
    def _shape(self) -> float:
        return self._prior.stories + self._stories

    @property
    def _exposure(self) -> float:
        return self._prior.panes + self._panes


def negative_binomial_tail(r: float, p: float, count: int) -> float:
    """P(N >= count) for N negative binomial: r successes (real, > 0), success probability p.

    P(N = k) = Gamma(k + r) / (k! Gamma(r)) p^r (1 - p)^k (Johnson, Kemp & Kotz, Univariate
    Discrete Distributions, 3rd ed., section 5.1). Sums away from the mean, so that terms only
    shrink and a small tail keeps its relative precision.
    """
    if count <= 0:
        return 1.0
    q = 1.0 - p
    if count > r * q / p:
        mass, tail, k = _negative_binomial_mass(r, p, count), 0.0, count
        while mass > tail * 1e-12:
            tail += mass
            mass *= (k + r) / (k + 1) * q
            k += 1
        return min(tail, 1.0)
    mass = below = _negative_binomial_mass(r, p, count - 1)
    k = count - 1
    while k > 0 and mass > below * 1e-12:
        mass *= k / ((k - 1 + r) * q)
        below += mass
        k -= 1
    return max(0.0, 1.0 - below)


def _negative_binomial_mass(r: float, p: float, k: int) -> float:
    log_mass = math.lgamma(k + r) - math.lgamma(k + 1) - math.lgamma(r)
    return math.exp(log_mass + r * math.log(p) + k * math.log1p(-p))
