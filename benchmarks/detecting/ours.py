"""The production detector, driven over panes: no records, no broker, the same core.

Owns nothing of the statistic; it closes each pane at once, as if nothing were ever late.
"""

from __future__ import annotations

import copy
from typing import Any

from monitor.surge.baseline import DEFAULT_LEARNING, Baseline, Counts
from monitor.surge.detector import Detector, settle
from monitor.surge.prior import Prior
from monitor.surge.rules import SurgeRule
from monitor.surge.week import week

SLIDE = 60_000


def surge_rule(**fields: Any) -> SurgeRule:
    """A surge rule as the benchmark uses it: four weeks to build up, three stories at least."""
    given = {"alert": "Surge", "type": "surge", "by": "topic", "window": "28d", "min_support": 3}
    return SurgeRule.model_validate(given | fields)


class Ours:
    """One rule on one series; `alarms` are the panes in which it fired."""

    def __init__(
        self, rule: SurgeRule, prior: Prior, series: str, timezone: str, calendar: str | None
    ) -> None:
        self.alarms: list[int] = []
        self._detector = Detector(rule, prior.of(series), rule.false_alarms, SLIDE)
        self._baseline = Baseline(prior, series, week(timezone, calendar), SLIDE, DEFAULT_LEARNING)
        self._waiting: list[Counts] = []
        self._weeks = week(timezone, calendar), week(prior.timezone, prior.calendar)

    @property
    def fires(self) -> bool:
        """Whether it fires now."""
        return self._detector.in_episode

    def copy(self) -> Ours:
        """A copy that has raised no alarm yet, to go on from here with other news."""
        # The weeks only remember what the calendar says: both can share them.
        other = copy.deepcopy(self, {id(one): one for one in self._weeks})
        other.alarms = []
        return other

    def step(self, counts: Counts) -> None:
        """Take the next pane that holds a story."""
        detector, baseline = self._detector, self._baseline
        if detector.in_episode and detector.is_calm((), counts.pane - 1, baseline):
            detector.end(counts.pane - 1)
        if counts.negative and not detector.in_episode:
            finding = detector.find(counts, lambda: (), counts.pane, baseline)
            if finding.met:
                detector.fire(finding.onset, counts.pane)
                self.alarms.append(counts.pane)
        self._waiting.append(counts)
        through = settle([detector], [counts], counts.pane, baseline)
        ready = [one for one in self._waiting if one.pane <= through]
        self._waiting = self._waiting[len(ready) :]
        baseline.teach(ready, through)
