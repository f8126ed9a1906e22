"""The trade-off of a surge rule: what it would tell with another `factor` or `false_alarms`.

Pure. Each variant has a baseline and a detector of its own, the core's, which take the panes as
they were settled in the play: rules that share a track share what waits to be taught, so variants
on the live track would change what they are compared with. It is reckoned on closed panes, so
that times are those of pane ends and a surge is told up to one pane later than live.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.backtest.sampling import Sample, counted
from monitor.records import Series
from monitor.surge.baseline import Baseline, Counts
from monitor.surge.detector import Detector, settle
from monitor.surge.lifecycle import CALM, NEVER, Action, State, Status, step
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import SurgeRule
from monitor.surge.week import week

DAY = 86_400_000
FACTORS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
FALSE_ALARMS = tuple(days * DAY for days in (3, 7, 14, 30, 90, 365))
Spell = tuple[int, int | None]
"""An alarm: when it fired, and when it resolved or None."""


@dataclass(frozen=True)
class Variant:
    """A surge rule of one of the rule files, with one of its values changed.

    `plan` is the number of the rule file; `false_alarms` is in milliseconds.
    """

    plan: int
    rule: str
    varied: Literal["factor", "false_alarms"]
    factor: float
    false_alarms: int
    is_own: bool


Varied = dict[Variant, dict[Series, list[Spell]]]


def variants_of(plan: int, rule: SurgeRule) -> Iterator[tuple[Variant, SurgeRule]]:
    """A rule's variants, its own values among them, with the rule that each of them is."""
    for factor in sorted({*FACTORS, rule.factor}):
        own = factor == rule.factor
        changed = rule.model_copy(update={"factor": factor})
        yield Variant(plan, rule.alert, "factor", factor, rule.false_alarms, own), changed
    for between in sorted({*FALSE_ALARMS, rule.false_alarms}):
        own = between == rule.false_alarms
        changed = rule.model_copy(update={"false_alarms": between})
        yield Variant(plan, rule.alert, "false_alarms", rule.factor, between, own), changed


def vary(plans: Sequence[WatchPlan], samples: Sequence[Sample], begin: int, end: int) -> Varied:
    """The alarms of every variant of every surge rule on every series.

    Args:
        plans: what is watched, by rule file.
        samples: what the panes held.
        begin: when time begins, in milliseconds.
        end: when it ends.
    """
    found: Varied = {}
    for number, plan in enumerate(plans):
        for rule in plan.rules:
            if not isinstance(rule, SurgeRule):
                continue
            own = [s for s in samples if rule.concerns(s.series) and s.match == counted(rule.match)]
            known: dict[tuple[float, int], dict[Series, list[Spell]]] = {}
            for variant, changed in variants_of(number, rule):
                which = variant.factor, variant.false_alarms
                if which not in known:
                    known[which] = {s.series: _spells(changed, plan, s, begin, end) for s in own}
                found[variant] = known[which]
    return found


def _spells(rule: SurgeRule, plan: WatchPlan, sample: Sample, begin: int, end: int) -> list[Spell]:
    run = _Run(rule, plan, sample.series, begin)
    for pane, negative, stories in zip(sample.panes, sample.negative, sample.stories, strict=True):
        run.take(Counts(pane, negative, stories))
    run.rest(end // plan.statistics.slide)
    return run.spells


class _Run:
    """One rule on one series, pane by pane."""

    def __init__(self, rule: SurgeRule, plan: WatchPlan, series: Series, begin: int) -> None:
        statistics = plan.statistics
        self.spells: list[Spell] = []
        self._rule = rule
        self._slide = statistics.slide
        prior, own_week = statistics.prior, week(rule.timezone, rule.calendar)
        name = str(series)
        tolerated = plan.tolerated(rule)
        self._detector = Detector(rule, prior.of(name), tolerated, self._slide)
        self._baseline = Baseline(prior, name, own_week, self._slide, statistics.learning)
        self._baseline.teach((), begin // self._slide)
        self._waiting: list[Counts] = []
        self._status = CALM
        self._series = series
        self._maintenance = plan.maintenance_of(rule)
        self._last = begin // self._slide

    def take(self, counts: Counts) -> None:
        """Take the next pane that holds a story."""
        self.rest(counts.pane - 1)
        if counts.negative and self._status.state is not State.FIRING:
            finding = self._detector.find(counts, lambda: (), counts.pane, self._baseline)
            self._turn(finding.met, counts.pane, finding.onset)
        elif self._detector.in_episode:
            self._turn(not self._is_calm([counts], counts.pane), counts.pane, 0)
        self._waiting.append(counts)
        through = settle([self._detector], [counts], counts.pane, self._baseline)
        ready = [one for one in self._waiting if one.pane <= through]
        del self._waiting[: len(ready)]
        self._baseline.teach(ready, through)
        self._last = counts.pane

    def rest(self, through: int) -> None:
        """Let the panes up to one pass that hold nothing; a surge may end in them."""
        if not self._detector.in_episode or through <= self._last:
            return
        if not self._is_calm((), through):
            self._status, _ = self._step(True, through)
            return
        first, last = self._last + 1, through
        while first < last:
            middle = (first + last) // 2
            first, last = (first, middle) if self._is_calm((), middle) else (middle + 1, last)
        if first - 1 > self._last:
            self._status, _ = self._step(True, first - 1)
        due = max(first, -(-(self._status.last_met + self._rule.keep_firing_for) // self._slide))
        if due <= through:
            self._turn(False, due, 0)

    def _is_calm(self, counts: Sequence[Counts], pane: int) -> bool:
        return self._detector.is_calm(counts, pane, self._baseline)

    def _step(self, met: bool, pane: int) -> tuple[Status, Action]:
        return step(
            self._status, met, pane * self._slide,
            for_=self._patience(pane), keep_firing_for=self._rule.keep_firing_for,
        )  # fmt: skip

    def _patience(self, pane: int) -> int:
        now = pane * self._slide
        covered = any(window.covers(self._series, now) for window in self._maintenance)
        return NEVER if covered else self._rule.for_

    def _turn(self, met: bool, pane: int, onset: int) -> None:
        self._status, action = self._step(met, pane)
        if action is Action.FIRE:
            self._detector.fire(onset, pane)
            self.spells.append((pane * self._slide, None))
        elif action is Action.RESOLVE:
            self._detector.end(pane)
            self.spells[-1] = self.spells[-1][0], pane * self._slide
