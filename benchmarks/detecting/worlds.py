"""Simulated news: panes of a minute of which everything is known.

Owns the ways in which simulated stories arrive. It must not know of any detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.detecting.oracle import Counted, Rates
from monitor.surge.baseline import Counts
from monitor.surge.fit import History
from monitor.surge.week import HOURS_OF_WEEK, week

PANES_A_DAY = 1440
PANES_AN_HOUR = 60
SHARE = 0.3
"""The share of negative stories."""
WAVE_HOURS = 6


@dataclass(frozen=True)
class World:
    """How news arrives.

    `dispersion` is what the variance of a pane has above its mean, over the mean squared;
    `waves` the variance of a slow modulation of mean 1, constant over `WAVE_HOURS` hours.
    """

    name: str
    dispersion: float = 0.0
    waves: float = 0.0
    weekly: bool = False


FLAT = World("independent, even")
BURSTS = World("bursts, weekly rhythm", dispersion=1.0, weekly=True)
WAVES = World("waves, weekly rhythm", waves=0.1, weekly=True)
WORLDS = (FLAT, BURSTS, WAVES)


@dataclass(frozen=True)
class News:
    """What panes held, for those that held a story: arrays of equal length, panes rising."""

    panes: Counted
    negative: Counted
    stories: Counted

    def counts(self) -> list[Counts]:
        """As the core takes them."""
        rows = zip(self.panes.tolist(), self.negative.tolist(), self.stories.tolist(), strict=True)
        return [Counts(*row) for row in rows]

    def between(self, first: int, last: int) -> News:
        """The panes from `first` to `last`, both included."""
        part = slice(*np.searchsorted(self.panes, [first, last + 1]))
        return News(self.panes[part], self.negative[part], self.stories[part])

    def plus(self, more: News) -> News:
        """Both together."""
        panes = np.union1d(self.panes, more.panes)
        negative, stories = np.zeros_like(panes), np.zeros_like(panes)
        for one in (self, more):
            at = np.searchsorted(panes, one.panes)
            negative[at] += one.negative
            stories[at] += one.stories
        return News(panes, negative, stories)

    def dense(self, first: int, panes: int) -> Counted:
        """Negative stories in each of so many panes from `first` on."""
        held = self.between(first, first + panes - 1)
        found = np.zeros(panes, dtype=np.int64)
        found[held.panes - first] = held.negative
        return found


def draw(
    world: World,
    per_day: float,
    days: int,
    rng: np.random.Generator,
    share: float | None = None,
    first_day: int = 0,
) -> News:
    """Draw the news of some days; pane 1 is the first minute of 1970.

    Args:
        world: how news arrives.
        per_day: negative stories a day, as a mean over the week.
        days: how many days.
        rng: where chance comes from.
        share: the share of negative stories; without it only those are drawn.
        first_day: days since 1970-01-01 at which to begin.
    """
    mean = _rhythm(world, first_day, days) * per_day / 24 / (share or 1)
    if world.waves:
        blocks = -(-len(mean) // WAVE_HOURS)
        waves = rng.gamma(1 / world.waves, world.waves, blocks)
        mean = mean * np.repeat(waves, WAVE_HOURS)[: len(mean)]
    hours, sizes = _arrivals(mean, world.dispersion, rng)
    minutes = rng.integers(1, PANES_AN_HOUR + 1, len(hours))
    panes = first_day * PANES_A_DAY + hours * PANES_AN_HOUR + minutes
    found, where = np.unique(panes, return_inverse=True)
    stories = np.bincount(where, weights=sizes, minlength=len(found)).astype(np.int64)
    return News(found, stories if share is None else rng.binomial(stories, share), stories)


def _arrivals(mean: Rates, dispersion: float, rng: np.random.Generator) -> tuple[Counted, Counted]:
    """The hours of all arrivals, from 0, and how many stories come at once in each.

    A negative binomial pane is a Poisson number of bursts whose sizes have a logarithmic
    distribution (Quenouille, Biometrics 5, 1949); a burst falls into one pane.
    """
    if not dispersion:
        hours = np.repeat(np.arange(len(mean)), rng.poisson(mean))
        return hours, np.ones_like(hours)
    pane = dispersion * mean / PANES_AN_HOUR
    bursts = rng.poisson(PANES_AN_HOUR / dispersion * np.log1p(pane))
    hours = np.repeat(np.arange(len(mean)), bursts)
    return hours, rng.logseries((pane / (1 + pane))[hours])


def expected(world: World, per_day: float, first_pane: int, panes: int) -> Rates:
    """The true mean of each pane, which the rhythm gives and the waves do not change."""
    day = (first_pane - 1) // PANES_A_DAY
    days = (first_pane + panes - 2) // PANES_A_DAY - day + 1
    every = np.repeat(_rhythm(world, day, days) * per_day / PANES_A_DAY, PANES_AN_HOUR)
    skip = first_pane - 1 - day * PANES_A_DAY
    return every[skip : skip + panes]


def _rhythm(world: World, first_day: int, days: int) -> Rates:
    """The rate in each hour of some days, as a multiple of the week's mean."""
    if not world.weekly:
        return np.ones(days * 24)
    shape = np.array([_usual(hour // 24, hour % 24) for hour in range(HOURS_OF_WEEK)])
    start = week("UTC", None).hour_of(first_day * 24)
    return np.resize(np.roll(shape / shape.mean(), -start), days * 24)


def _usual(day: int, hour: int) -> float:
    """A newsroom's week: busy in office hours, quiet at night and at the weekend."""
    working = np.exp(-(((hour - 13.5) / 4.5) ** 2))
    return float(0.25 + (2.0 if day < 5 else 0.3) * working)


def history(world: World, per_day: float, days: int, rng: np.random.Generator) -> History:
    """A history to fit a prior on."""
    return History(draw(world, per_day, days, rng, SHARE).counts(), 1, days * PANES_A_DAY)
