"""A series under one set of matchers, and the rules that look at it.

Pure. Feeds the track, evaluates each rule early and on time, and turns transitions into events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from monitor.records import AlertEvent, ScoredRecord, Series
from monitor.surge.conditions import (
    ALWAYS,
    UNMET,
    Verdict,
    is_met_by_nothing,
    judge,
    surge_verdict,
)
from monitor.surge.detector import Detector, settle
from monitor.surge.evidence import Transition, alert_event
from monitor.surge.lifecycle import CALM, NEVER, Action, State, Status, beat, step, step_early
from monitor.surge.maintenance import Maintenance
from monitor.surge.panes import Window
from monitor.surge.rules import DeadManRule, Match, Rule, SurgeRule
from monitor.surge.scales import Scales
from monitor.surge.track import Statistics, Taken, Track
from monitor.surge.week import week

REFRESH_PANES = 60
"""After so many panes without a story, what waits to be taught is looked at again."""
When = Literal["early", "on time"]


@dataclass(slots=True)
class Watched:
    """One rule on one series; `fired` is the event of its present alert, if it fires.

    `detector` is there on surge rules only.
    """

    rule: Rule
    rule_hash: str
    length: int
    detector: Detector | None = None
    maintenance: tuple[Maintenance, ...] = ()
    status: Status = CALM
    fired: AlertEvent | None = None

    def patience(self, series: Series, now: int) -> int:
        """For how long the condition must hold before it fires: in maintenance, never enough."""
        if any(window.covers(series, now) for window in self.maintenance):
            return NEVER
        return self.rule.for_


@dataclass(slots=True)
class Following:
    """A track, what may feed it, and the rules on it.

    `partition` is the partition of `scored` that the series lives in; `timezone` and `calendar`
    are those of the rules, which share them. What lies before the offset `as_of` is in its state
    already; `changed` tells that it is not as it was when that was last set to False. `passed` is
    the last pane boundary that it has passed, and `awake` is for its owner to tell whether it
    passes every one (see `is_quiet`).
    """

    partition: int
    series: Series
    match: Match
    statistics: Statistics
    watched: list[Watched]
    timezone: str = "UTC"
    calendar: str | None = None
    track: Track = field(init=False)
    model: str = ""
    as_of: int = 0
    changed: bool = True
    passed: int | None = None
    awake: bool = False
    scales: Scales = field(default_factory=Scales)
    _takes_all: bool = field(init=False)
    _is_restless: bool = field(init=False)
    _weights: dict[str, int] = field(init=False, default_factory=dict)
    _early: list[Watched] = field(init=False)
    _detectors: list[Detector] = field(init=False)

    def __post_init__(self) -> None:
        self.track = Track(
            self.statistics,
            lengths={one.length for one in self.watched if one.detector is None},
            keep=max(one.length for one in self.watched),
            series=self.series,
            own_week=week(self.timezone, self.calendar),
        )
        self._takes_all = not (self.match.source or self.match.language)
        self._is_restless = any(is_met_by_nothing(one.rule) for one in self.watched)
        self._early = [one for one in self.watched if one.rule.tells_early]
        self._detectors = [one.detector for one in self.watched if one.detector is not None]

    def takes(self, record: ScoredRecord) -> bool:
        """Whether a record of the series passes the matchers on source and language."""
        if self._takes_all:
            return True
        source, language = self.match.source, self.match.language
        return (not source or record.item.source in source) and (
            not language or record.item.language in language
        )

    def add(
        self, offset: int, record: ScoredRecord, clock: int | None
    ) -> tuple[Taken, list[AlertEvent]]:
        """Take a record and evaluate the rules early, on what ends in the newest pane.

        The time of an early transition is the clock, or the record's event time where the
        clock, which waits for marks, is behind it.
        """
        self.model = record.model
        self.changed = True
        added = self.track.add(record, offset, self._weight(record.model))
        events: list[AlertEvent] = []
        if added.taken == "counted":
            now = record.event_time if clock is None else max(clock, record.event_time)
            for watched in self._early:
                # Nothing but a new negative story brings a surge nearer.
                may_turn = added.negative_story or watched.detector is None
                if may_turn and watched.status.state is not State.FIRING:
                    events += self._evaluate(watched, now, "early")
        return added.taken, events

    def start(self, boundary: int, closed: int) -> None:
        """Begin in the middle of the log: pane `boundary` has ended, `closed` is closed."""
        self.passed = boundary
        self.track.start(boundary, closed)

    @property
    def is_quiet(self) -> bool:
        """Whether boundaries do nothing until a record comes, but for those that teach.

        Those teach the same whenever they are passed, so all of them may be caught up with then.
        """
        return (
            not self._is_restless
            and self.passed is not None
            and self.track.is_still
            and all(watched.status.state is State.INACTIVE for watched in self.watched)
        )

    def catch_up(self, boundary: int, closing: int) -> None:
        """Pass what was not passed while it was quiet, up to pane `boundary`; see `is_quiet`."""
        if self.passed is None or self.passed >= boundary:
            return
        self.changed = True
        first = closing - (boundary - self.passed) + 1
        self.passed = boundary
        for teaching in self._teachings(first, closing):
            self.track.teach(settle(self._detectors, (), teaching, self.track.baseline))
        # Rules that are new since it fell quiet may have windows that hold something: panes are
        # let go of when these have left them.
        self.track.roll(on_time=boundary, early=boundary + 1)
        self.track.close(closing)

    def _teachings(self, first: int, last: int) -> Iterator[int]:
        """The closings from `first` to `last` that teach; of those that only let rest, the last."""
        first += -first % REFRESH_PANES
        last -= last % REFRESH_PANES
        rests = max(first, self.track.rests_after + 1)
        yield from range(first, min(last + 1, rests + -rests % REFRESH_PANES), REFRESH_PANES)
        if first <= last and rests <= last:
            yield last

    def heed(self) -> None:
        """Heed that the scales have changed."""
        self._weights.clear()

    def pass_boundary(
        self, boundary: int, closing: int, *, is_last: bool = True
    ) -> list[AlertEvent]:
        """Cross the end of pane `boundary`: close the panes up to `closing`, evaluate on time.

        `is_last` tells whether the clock has come no further: a dead man is told once a leap.
        """
        self.changed = True
        self.passed = boundary
        now = boundary * self.statistics.slide
        closed = self.track.close(closing)
        if closed or closing % REFRESH_PANES == 0:
            self.track.teach(settle(self._detectors, closed, closing, self.track.baseline))
        self.track.roll(on_time=boundary, early=boundary + 1)
        events: list[AlertEvent] = []
        for watched in self.watched:
            if isinstance(watched.rule, DeadManRule):
                events += self._beat(watched, watched.rule, now) if is_last else ()
            # Only a record can start a surge, and each is looked at when it comes.
            elif watched.detector is None or watched.status.state is not State.INACTIVE:
                events += self._evaluate(watched, now, "on time")
        return events

    def retract(self, item_id: str, now: int) -> None:
        """Take an item out, as another withdraws it at the time `now`."""
        self.changed = True
        self.track.retract(item_id, now)

    def _weight(self, model: str) -> int:
        weight = self._weights.get(model)
        if weight is None:
            weight = self._weights[model] = self.scales.weight(self.series, model)
        return weight

    def _beat(self, watched: Watched, rule: DeadManRule, now: int) -> list[AlertEvent]:
        watched.status, action = beat(watched.status, now, rule.every)
        if action is Action.NONE:
            return []
        watched.fired = None
        window = self.track.on_time[watched.length]
        return [self._event(watched, watched.status, action, now, ALWAYS, window)]

    def _evaluate(self, watched: Watched, now: int, when: When) -> list[AlertEvent]:
        rule, before, head = watched.rule, watched.status, 0
        if isinstance(rule, SurgeRule):
            head = self._head(now, when)
            verdict = self._surge(watched, head)
        else:
            windows = self.track.early if when == "early" else self.track.on_time
            window = windows[watched.length]
            verdict = judge(rule, window.tally, self.track, now)
        if not verdict.met and before.state is State.INACTIVE:
            return []
        for_ = watched.patience(self.series, now)
        if when == "early":
            after, action = step_early(before, verdict.met, now, for_=for_)
        else:
            after, action = step(
                before, verdict.met, now, for_=for_, keep_firing_for=rule.keep_firing_for
            )
        watched.status = after
        if action is Action.NONE:
            return []
        if watched.detector is not None:
            window = self._turn(watched.detector, action, verdict, head)
        return [self._event(watched, before, action, now, verdict, window)]

    def _head(self, now: int, when: When) -> int:
        """The newest pane that an evaluation counts."""
        newest = self.track.newest
        return newest if when == "early" and newest is not None else now // self.statistics.slide

    def _surge(self, watched: Watched, head: int) -> Verdict:
        track, detector = self.track, watched.detector
        if detector is None:
            return UNMET
        if detector.in_episode:
            if not detector.is_calm(track.open_counts(head), head, track.baseline):
                return Verdict(met=True)
            # What lies further back than the rule's window is not kept.
            onset = max(detector.onset or head, head - watched.length + 1)
            return surge_verdict(False, onset, head, track, None)
        finding = detector.find(
            track.counts(head), lambda: track.open_counts(head - 1), track.revision, track.baseline
        )
        if not finding.met:
            return UNMET
        return surge_verdict(True, finding.onset, head, track, finding.hours)

    def _turn(self, detector: Detector, action: Action, verdict: Verdict, head: int) -> Window:
        """Tell the detector of a transition; the window that shows what it rests on."""
        onset = verdict.onset or head
        if action is Action.FIRE:
            detector.fire(onset, head)
        else:
            detector.end(head)
        return Window.over(onset, head, self.track.panes)

    def _event(
        self,
        watched: Watched,
        before: Status,
        action: Action,
        now: int,
        verdict: Verdict,
        window: Window,
    ) -> AlertEvent:
        fires = action is Action.FIRE
        transition = Transition(
            rule=watched.rule,
            rule_hash=watched.rule_hash,
            series=self.series,
            state="firing" if fires else "resolved",
            started_at=(watched.status if fires else before).started_at,
            fired_at=watched.fired.fired_at if watched.fired else now,
            now=now,
            verdict=verdict,
            model=self.model,
        )
        event = alert_event(transition, self.track, window, self.partition, self.statistics.slide)
        watched.fired = event if fires else None
        return event
