"""Replaying a partition's log up to one alert, and what each record of its window then told.

Pure: it is fed the log and drives the core that the daemon runs (`monitor.surge`). It keeps the
records from the beginning of the alert's range on, and of one series only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from monitor.records import AlertEvent, Scored, ScoredRecord
from monitor.surge.following import Following
from monitor.surge.novelty import Told
from monitor.surge.panes import Entry, Tally, pane_of
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import Match, Rule, ThresholdRule, parse_condition


@dataclass(frozen=True, slots=True)
class Member:
    """A record that counted, in which pane, and which story it told when the alert was raised."""

    entry: Entry
    pane: int
    story: Told
    novel: bool


@dataclass(frozen=True)
class Traced:
    """What the log says of an alert.

    `event` is the one that came out under its id, or None. `members` are the records that counted
    since the alert's range began, in and beside its window: what is beside may tell its stories
    again. `not_counted` counts the window's other records by reason; `tally` is what its members
    add up to. `read_to` is the last offset that was fed.
    """

    event: AlertEvent | None
    members: list[Member]
    not_counted: Counter[str]
    tally: Tally
    read_to: int
    first_pane: int
    last_pane: int

    def in_window(self, member: Member) -> bool:
        """Whether a member lies in the alert's window."""
        return self.first_pane <= member.pane <= self.last_pane


@dataclass
class Trace:
    """Feed it the partition's log in order until `done`; then ask for `traced`.

    Args:
        event: the alert as it was written.
        plan: what is watched in the partition.
        partition: which.
    """

    event: AlertEvent
    plan: WatchPlan
    partition: int
    done: bool = field(init=False, default=False)
    _seen: dict[int, tuple[ScoredRecord, str]] = field(init=False, default_factory=dict)
    _following: Following | None = field(init=False, default=None)
    _found: AlertEvent | None = field(init=False, default=None)
    _read_to: int = field(init=False, default=-1)

    def __post_init__(self) -> None:
        event, plan = self.event, self.plan
        self._slide = plan.statistics.slide
        self.rule = rule_then(event, plan)
        self._stand_in = self.rule is None
        if self.rule is None:
            self.rule = _stand_in(event, plan)
            self.plan = replace(plan, rules=(self.rule,))
        self._watch = PartitionWatch(self.partition, self.plan, only=event.series)
        window = event.window
        self._last_pane = window.end // self._slide
        length = max(1, round(window.length_seconds * 1000) // self._slide)
        self._first_pane = self._last_pane - length + 1
        self._now = event.fired_at if event.resolved_at is None else event.resolved_at
        self._from = event.offsets.first if event.offsets else None
        self._to = event.offsets.last if event.offsets else -1

    def take(self, offset: int, record: Scored) -> None:
        """Take the next record of the log."""
        if self._from is not None and offset >= self._from:
            self._listen()
        before = self._watch.outcomes.copy() if self._is_of_window(record) else None
        events = self._watch.apply(offset, record)
        self._read_to = offset
        if before is not None and isinstance(record, ScoredRecord):
            (outcome, *_) = [*(self._watch.outcomes - before), "repeated_id"]
            self._seen[offset] = record, outcome
        self._found = next((one for one in events if one.id == self.event.id), None)
        self.done = self._found is not None or self._is_past(offset, record)

    def traced(self) -> Traced:
        """What the log says, once `done` or at its end."""
        # Where the event did not come out, the log was read on: what came later is no part of it.
        last = self._to if self._found is None else self._read_to
        members = [one for one in self._members() if one.entry.offset <= last]
        tally = Tally()
        not_counted = Counter(self._reasons({member.entry.offset for member in members}))
        traced = Traced(
            self._found, members, not_counted, tally, self._read_to,
            self._first_pane, self._last_pane,
        )  # fmt: skip
        for one in members:
            if traced.in_window(one):
                entry = one.entry
                tally.count(entry.negative, entry.score, one.novel, entry.weight)
        return traced

    def _listen(self) -> None:
        if self._following is None:
            self._following = next(self._followings(), None)
        if self._following is not None and self._following.track.telling.settlings is None:
            self._following.track.telling.settlings = []

    def _followings(self) -> Iterator[Following]:
        for following in self._watch.followings():
            names = {watched.rule.alert for watched in following.watched}
            if self.rule and following.series == self.event.series and self.rule.alert in names:
                yield following

    def _is_of_window(self, record: Scored) -> bool:
        if not isinstance(record, ScoredRecord) or record.series != self.event.series:
            return False
        return self._first_pane <= pane_of(record.event_time, self._slide) <= self._last_pane

    def _is_past(self, offset: int, record: Scored) -> bool:
        """Whether the moment of the alert is over, so that it can't come any more.

        For a stand-in it is over as soon as it has come, since no event will tell.
        """
        now = self._watch.clock.time or 0
        if self._stand_in:
            if isinstance(record, ScoredRecord) and record.series == self.event.series:
                now = max(now, record.event_time)
            return offset >= self._to and now >= self._now
        return offset > self._to and now > self._now + self._slide

    def _members(self) -> Iterator[Member]:
        """The records since the alert's range began, with what each told at that moment.

        One record may make time cross several boundaries: what was settled at a later one than
        the alert's was still open then.
        """
        self._listen()
        if self._following is None:
            return
        track = self._following.track
        lateness = self.plan.statistics.allowed_lateness
        closed = min(track.closed or 0, (self._now - lateness) // self._slide)
        for entry, pane, story, novel in track.telling.settlings or ():
            if pane <= closed:
                yield Member(entry, pane, story, novel)
            elif entry.story is not None:
                yield Member(entry, pane, _as_of(entry.story, closed), entry.novel)
        for number, held in track.panes.items():
            for entry in held.entries:
                if entry.story is not None:
                    yield Member(entry, number, _as_of(entry.story, closed), entry.novel)

    def _reasons(self, counted: set[int]) -> Iterator[str]:
        retracted = self._following.track.telling.retracted if self._following else {}
        for offset, (record, outcome) in self._seen.items():
            if offset in counted:
                continue
            if self._following is not None and not self._following.takes(record):
                yield "other_matchers"
            elif outcome in ("late", "repeated_origin"):
                yield outcome
            else:
                yield "withdrawn" if record.item.id in retracted else "repeated_id"


def rule_then(event: AlertEvent, plan: WatchPlan) -> Rule | None:
    """The rule that the plan has of the alert's name and meaning, or None."""
    for rule in plan.rules:
        if rule.alert == event.rule and plan.hash_of(rule) == event.rule_hash:
            return rule
    return None


def rule_now(event: AlertEvent, plan: WatchPlan) -> Rule | None:
    """The rule that the plan has of the alert's name, whatever it means; or None."""
    return next((rule for rule in plan.rules if rule.alert == event.rule), None)


def _stand_in(event: AlertEvent, plan: WatchPlan) -> Rule:
    """A rule that looks at the same window of the same series, where the alert's own is gone.

    What it matched beside the series is taken from the rule that has its name now.
    """
    namesake = rule_now(event, plan)
    match = Match() if namesake is None else namesake.match
    slide = plan.statistics.slide
    length = max(slide, round(event.window.length_seconds * 1000) // slide * slide)
    return ThresholdRule.model_construct(
        alert=event.rule,
        type="threshold",
        by=event.series.by,
        match=match.model_copy(update={"key": (event.series.key,)}),
        window=length,
        when=parse_condition("count >= 1"),
        min_support=1,
    )


def _as_of(story: Told, closed: int) -> Told:
    """The story that one told while open was known to be when the panes to `closed` were."""
    if story.settled_as is not None and story.pane <= closed:
        return story.settled_as
    return story
