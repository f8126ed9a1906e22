"""Builders for the core below records: panes as timelines, and baselines of a known level.

A timeline has one character for each pane of a minute: a digit is so many negative stories, a
dot none.
"""

from collections.abc import Iterable
from typing import Any

from monitor.surge.baseline import DEFAULT_LEARNING, Baseline, Counts
from monitor.surge.detector import Detector, Finding
from monitor.surge.prior import FLAT, Prior, SeriesPrior
from monitor.surge.rules import SurgeRule
from monitor.surge.week import week

MINUTE = 60_000
WELL_KNOWN = 1e7
"""As many stories make a level certain: gamma-Poisson tends to Poisson."""


def panes(timeline: str, first: int = 1, calm: int = 0) -> list[Counts]:
    """The panes of a timeline that hold a story, with so many calm stories in every pane."""
    stories = ((0 if one == "." else int(one), calm) for one in timeline)
    return held(stories, first)


def held(stories: Iterable[tuple[int, int]], first: int = 1) -> list[Counts]:
    """Panes of so many (negative, calm) stories each, for those that hold one."""
    return [
        Counts(pane, negative, negative + calm)
        for pane, (negative, calm) in enumerate(stories, first)
        if negative + calm
    ]


def usual(per_hour: float, share: float = 0.25, worth: float = WELL_KNOWN) -> Prior:
    """A flat prior: negative stories an hour and their share, each worth so many stories."""
    return Prior("a test", SeriesPrior(per_hour, worth / per_hour, share, worth))


def baseline(
    per_hour: float, share: float = 0.25, worth: float = WELL_KNOWN, prior: Prior | None = None
) -> Baseline:
    """A baseline that has learnt nothing yet beyond its prior."""
    prior = prior or usual(per_hour, share, worth)
    return Baseline(prior, "a series", week("UTC", None), MINUTE, DEFAULT_LEARNING)


def detector(**fields: Any) -> Detector:
    """A detector of a rule, by default 1 false alarm per 30d, with ideal tails."""
    named = {"alert": "Surge", "type": "surge", "by": "topic"}
    rule = SurgeRule.model_validate(named | fields)
    return Detector(rule, FLAT.unknown, rule.tolerated(1), MINUTE)


def ask(one: Detector, newest: Counts, usual: Baseline) -> Finding:
    """What a detector finds where every pane before the newest is settled."""
    return one.find(newest, lambda: (), 0, usual)
