"""The contest on simulated news, of which everything is known.

Owns what is measured there. The prior is fitted on other simulated days of the same world; of
the truth ours is told nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.detecting.episodes import episodes
from benchmarks.detecting.oracle import oracle_alarms, oracle_level
from benchmarks.detecting.ours import SLIDE, Ours, surge_rule
from benchmarks.detecting.report import hours, ratio, table
from benchmarks.detecting.worlds import (
    PANES_A_DAY,
    SHARE,
    WORLDS,
    News,
    World,
    draw,
    expected,
    history,
)
from monitor.surge.fit import fit_prior
from monitor.surge.prior import Prior

RATES = (0.5, 2.0, 10.0, 30.0, 150.0)
REQUESTS = (7, 30, 90)
RISES = (2, 3, 5)
CHANNELS = ("share", "either", "both")
STARTS = 100
_NAME = "topic=simulated"
_WANTED = 80
_MOST_STORIES = 60_000
_FITTED_STORIES = 5_000
_SEED = 4


@dataclass(frozen=True)
class Kept:
    """Realised false alarms of one rule in one world, as a multiple of the request."""

    world: str
    per_day: float
    on: str
    factor: float
    request_days: int
    alarms: int
    realised: float

    @property
    def error(self) -> float:
        """The standard error of `realised`."""
        return self.realised / sqrt(max(1, self.alarms))


@dataclass(frozen=True)
class Delay:
    """Median delays at a rise in hours, and Lorden's floor: log of the tolerated over KL rate."""

    world: str
    per_day: float
    rise: int
    ours: float
    designed: float
    oracle: float
    floor: float


def fitted(world: World, per_day: float, rng: np.random.Generator) -> Prior:
    """The prior of a world, from two series of a history of its own."""
    days = round(min(1000, max(120, _FITTED_STORIES / per_day)))
    histories = {name: history(world, per_day, days, rng) for name in (_NAME, "topic=other")}
    return fit_prior(histories, SLIDE, world.name)


def kept(world: World, per_day: float, prior: Prior, rng: np.random.Generator) -> Iterator[Kept]:
    """False alarms for each request, on days without any rise."""
    for request in REQUESTS:
        for on in ("volume", *(CHANNELS if request == REQUESTS[1] and per_day == RATES[2] else ())):
            factor = 2.0 if on == "volume" else 3.0
            days = round(min(_WANTED * request, _MOST_STORIES / per_day))
            rule = surge_rule(factor=factor, on=on, false_alarms=f"1 per {request}d")
            ours = Ours(rule, prior, _NAME, "UTC", None)
            # Volume looks at nothing but the negative stories.
            share = None if on == "volume" else SHARE
            for counts in draw(world, per_day, days, rng, share).counts():
                ours.step(counts)
            alarms = len(episodes(ours.alarms))
            yield Kept(world.name, per_day, on, factor, request, alarms, alarms * request / days)


def delays(world: World, per_day: float, prior: Prior, rng: np.random.Generator) -> Iterator[Delay]:
    """Delays at each rise, at one false alarm in 30 days."""
    request = 30
    lasts = round(min(120, max(6, 80 / per_day)))
    for rise in RISES:
        between = max(3, lasts // 4)
        days = 40 + STARTS * between + lasts
        news = draw(world, per_day, days, rng)
        starts = [
            (40 + number * between) * PANES_A_DAY + 1 + int(rng.integers(0, PANES_A_DAY))
            for number in range(STARTS)
        ]
        added = [_rise(world, per_day * (rise - 1), start, lasts, rng) for start in starts]
        medians = {factor: _ours(prior, factor, news, starts, added, lasts) for factor in {2, rise}}
        floor = log(max(1.0, request * per_day)) / (rise * log(rise) - rise + 1) / per_day * 24
        yield Delay(
            world.name,
            per_day,
            rise,
            ours=medians[2],
            designed=medians[rise],
            oracle=_oracle(world, per_day, rise, news, starts, added, lasts, request, rng),
            floor=floor,
        )


def _rise(world: World, per_day: float, start: int, lasts: int, rng: np.random.Generator) -> News:
    """What is added from a pane on, for so many days."""
    more = draw(world, per_day, lasts + 1, rng, first_day=(start - 1) // PANES_A_DAY)
    return more.between(start, start + lasts * PANES_A_DAY - 1)


def _ours(
    prior: Prior, factor: int, news: News, starts: list[int], added: list[News], lasts: int
) -> float:
    ours = Ours(surge_rule(factor=factor), prior, _NAME, "UTC", None)
    waiting, found = list(zip(starts, added, strict=True)), []
    for counts in news.counts():
        while waiting and waiting[0][0] <= counts.pane:
            start, more = waiting.pop(0)
            if ours.fires:
                continue
            other = ours.copy()
            for risen in news.between(start, start + lasts * PANES_A_DAY).plus(more).counts():
                other.step(risen)
                if other.alarms:
                    break
            found.append((other.alarms[0] - start) / 60 if other.alarms else float("inf"))
        ours.step(counts)
    return float(np.median(found))


def _oracle(
    world: World,
    per_day: float,
    rise: int,
    news: News,
    starts: list[int],
    added: list[News],
    lasts: int,
    request: int,
    rng: np.random.Generator,
) -> float:
    quiet_days = round(min(60 * request, 60_000 / per_day))
    quiet = draw(world, per_day, quiet_days, rng).dense(1, quiet_days * PANES_A_DAY)
    truth = expected(world, per_day, 1, len(quiet))
    level = oracle_level(
        quiet, truth, rise, world.dispersion, request * PANES_A_DAY, lambda a: len(episodes(a))
    )
    lead, found = 20 * PANES_A_DAY, []
    for start, more in zip(starts, added, strict=True):
        panes = lead + lasts * PANES_A_DAY
        around = news.between(start - lead, start - lead + panes)
        seen = around.plus(more).dense(start - lead, panes)
        rates = expected(world, per_day, start - lead, panes)
        alarms = oracle_alarms(seen, rates, rise, level, world.dispersion)
        after = alarms[alarms >= lead]
        found.append((int(after[0]) - lead) / 60 if len(after) else float("inf"))
    return float(np.median(found))


def run(rates: tuple[float, ...] = RATES) -> tuple[list[Kept], list[Delay]]:
    """Everything, world by world."""
    rng = np.random.default_rng(_SEED)
    promises: list[Kept] = []
    found: list[Delay] = []
    for world in WORLDS:
        for per_day in rates:
            prior = fitted(world, per_day, rng)
            promises += kept(world, per_day, prior, rng)
            found += delays(world, per_day, prior, rng)
    return promises, found


def markdown(promises: list[Kept], found: list[Delay]) -> str:
    """The results as Markdown."""
    kept_rows = [
        [
            one.world,
            f"{one.per_day:g}",
            one.on,
            f"{one.factor:g}",
            f"1 per {one.request_days}d",
            str(one.alarms),
            f"{one.realised:.2f} ± {one.error:.2f}",
        ]
        for one in promises
    ]
    delay_rows = [
        [
            one.world,
            f"{one.per_day:g}",
            f"x{one.rise}",
            hours(one.ours),
            hours(one.designed),
            hours(one.oracle),
            hours(one.floor),
            ratio(one.ours / one.oracle),
            ratio(one.designed / one.oracle),
        ]
        for one in found
    ]
    return "\n\n".join(
        [
            "### False alarms",
            table(
                [
                    "world",
                    "stories a day",
                    "on",
                    "factor",
                    "request",
                    "alarms",
                    "realised ÷ request",
                ],
                kept_rows,
            ),
            "### Delays",
            f"Median hours, {STARTS} rises a cell, one false alarm in 30 days. The floor is "
            "Lorden's: the logarithm of the stories expected between false alarms, over the "
            "divergence of a story's arrival at the risen rate; an illustration, as it holds for "
            "many stories.",
            table(
                [
                    "world",
                    "stories a day",
                    "rise",
                    "ours, factor 2",
                    "ours, factor = rise",
                    "oracle",
                    "floor",
                    "÷ oracle",
                    "designed ÷ oracle",
                ],
                delay_rows,
            ),
        ]
    )


if __name__ == "__main__":
    Console().print(Markdown(markdown(*run())))
