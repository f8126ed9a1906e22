"""A series under one set of matchers, and the rules that look at it.

Pure. Feeds the track, evaluates each rule early and on time, and turns transitions into events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from monitor.records import AlertEvent, ScoredRecord, Series
from monitor.surge.conditions import Verdict, judge
from monitor.surge.evidence import Transition, alert_event
from monitor.surge.lifecycle import CALM, Action, State, Status, step, step_early
from monitor.surge.rules import Match, Rule, SurgeRule
from monitor.surge.track import Statistics, Taken, Track


@dataclass(slots=True)
class Watched:
    """One rule on one series; `fired` is the event of its present alert, if it fires."""

    rule: Rule
    rule_hash: str
    length: int
    status: Status = CALM
    fired: AlertEvent | None = None


@dataclass(slots=True)
class Following:
    """A track, what may feed it, and the rules on it.

    `partition` is the partition of `scored` that the series lives in.
    """

    partition: int
    series: Series
    match: Match
    statistics: Statistics
    watched: list[Watched]
    track: Track = field(init=False)
    model: str = ""
    _early: list[Watched] = field(init=False)

    def __post_init__(self) -> None:
        self.track = Track(self.statistics, {one.length for one in self.watched})
        self._early = [one for one in self.watched if one.rule.tells_early]

    def takes(self, record: ScoredRecord) -> bool:
        """Whether a record of the series passes the matchers on source and language."""
        source, language = self.match.source, self.match.language
        return (not source or record.item.source in source) and (
            not language or record.item.language in language
        )

    def add(
        self, offset: int, record: ScoredRecord, clock: int | None
    ) -> tuple[Taken, list[AlertEvent]]:
        """Take a record and evaluate the rules early, on the window that ends in the newest pane.

        The time of an early transition is the clock, or the record's event time where the
        clock, which waits for marks, is behind it.
        """
        self.model = record.model
        taken = self.track.add(record, offset)
        events: list[AlertEvent] = []
        if taken is Taken.COUNTED:
            now = record.event_time if clock is None else max(clock, record.event_time)
            for watched in self._early:
                if watched.status.state is not State.FIRING:
                    events += self._evaluate(watched, now, "early")
        return taken, events

    def pass_boundary(self, boundary: int, closing: int) -> list[AlertEvent]:
        """Cross the end of pane `boundary`: close the panes up to `closing`, evaluate on time."""
        now = boundary * self.statistics.slide
        self.track.close(closing, teach=not self._in_episode(now))
        self.track.roll(on_time=boundary, early=boundary + 1)
        events: list[AlertEvent] = []
        for watched in self.watched:
            events += self._evaluate(watched, now, "on time")
        return events

    def _evaluate(
        self, watched: Watched, now: int, when: Literal["early", "on time"]
    ) -> list[AlertEvent]:
        windows = self.track.early if when == "early" else self.track.on_time
        window = windows[watched.length]
        rule, before = watched.rule, watched.status
        firing = before.state is State.FIRING
        slide = self.statistics.slide
        verdict = judge(rule, window.tally, self.track, firing, now)
        if when == "early":
            after, action = step_early(before, verdict.met, now, for_=rule.for_)
        else:
            after, action = step(
                before, verdict.met, now, for_=rule.for_, keep_firing_for=rule.keep_firing_for
            )
        watched.status = after
        if action is Action.NONE:
            return []
        transition = self._transition(watched, before, action, now, verdict)
        event = alert_event(transition, self.track, window, self.partition, slide)
        watched.fired = event if action is Action.FIRE else None
        return [event]

    def _transition(
        self, watched: Watched, before: Status, action: Action, now: int, verdict: Verdict
    ) -> Transition:
        fires = action is Action.FIRE
        return Transition(
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

    def _in_episode(self, now: int) -> bool:
        """Whether a surge fires here that has not outlasted its `max_episode`."""
        return any(
            isinstance(one.rule, SurgeRule)
            and one.status.state is State.FIRING
            and now - one.status.started_at < one.rule.max_episode
            for one in self.watched
        )
