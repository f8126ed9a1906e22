"""WATCH's mind: one scored partition, record by record, to alert events.

Pure: the log is the only input and its marks are the only time, so that the same log gives the
same alerts live, after a restart, in a replay and in a backtest.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from monitor.records import (
    AlertEvent,
    Mark,
    ModelChange,
    Retraction,
    Scored,
    ScoredRecord,
    Series,
)
from monitor.surge.applied import Applied
from monitor.surge.clock import Clock
from monitor.surge.detector import Detector
from monitor.surge.evidence import withdrawal
from monitor.surge.following import REFRESH_PANES, Following, Watched
from monitor.surge.lifecycle import State
from monitor.surge.plan import WatchPlan, by_track
from monitor.surge.rules import Rule, SurgeRule
from monitor.surge.scales import Scales
from monitor.surge.series_state import (
    StoredSeries,
    fired_events,
    restore_following,
    track_name,
)
from monitor.surge.state import (
    PartitionState,
    RefusedError,
    TrackName,
    statistics_digest,
)
from monitor.surge.track import Taken

_PARTS = 24
"""Each quiet following is caught up with after so many times `REFRESH_PANES`."""


Outcome = Taken | Literal["restored", "unwatched", "repeated_origin"]


class PartitionWatch:
    """The state of one scored partition.

    `outcomes` counts what became of its scored records: `counted`, `late`, `repeated_id`,
    `repeated_origin`, or `unwatched` where no rule is about the series. `since` tells by its hash
    since which offset a rule has been in force here: 0 for those there from the beginning.

    Args:
        partition: its number.
        plan: what is watched in it.
        only: the one series to follow, as when one alert is looked into; all when absent. What
            becomes of a series doesn't depend on the others.
    """

    def __init__(self, partition: int, plan: WatchPlan, only: Series | None = None) -> None:
        self.partition = partition
        self.clock = Clock(plan.news_partitions, plan.idle_timeout)
        self.outcomes: Counter[str] = Counter()
        self._only = only
        self.plan = plan
        self.since = {plan.hash_of(rule): 0 for rule in plan.rules}
        self._slide = plan.statistics.slide
        self._applied = Applied()
        self._scales = Scales()
        self._boundary: int | None = None
        self._followings: dict[Series, list[Following]] = {}
        self._awake: list[Following] = []
        self._part = 0
        for series in plan.series:
            self._follow(series)

    def apply(self, offset: int, record: Scored) -> list[AlertEvent]:
        """Take the record at `offset`, the next of the partition.

        Returns the alert events that it causes, in order.
        """
        match record:
            case ScoredRecord():
                return self._take(offset, record)
            case Mark():
                if self.clock.mark(record.news_partition, record.time, record.caught_up):
                    return self._pass_boundaries()
            case Retraction():
                self._retract(offset, record)
            case ModelChange():
                if self._scales.learn(record):
                    for following in self.followings():
                        following.heed()
        return []

    def firing(self) -> list[AlertEvent]:
        """The alerts that fire now, each as it was when it began."""
        return [watched.fired for _, watched in self._watched() if watched.fired is not None]

    def states(self) -> Iterator[tuple[str, Series, State]]:
        """Each rule on each series, and where it stands."""
        for following, watched in self._watched():
            yield watched.rule.alert, following.series, watched.status.state

    def _watched(self) -> Iterator[tuple[Following, Watched]]:
        for following in self.followings():
            for watched in following.watched:
                yield following, watched

    def followings(self) -> Iterator[Following]:
        """Every series that is followed, under each of its tracks."""
        return (following for each in self._followings.values() for following in each)

    def state(self, as_of: int) -> PartitionState:
        """What it holds beside its series, before the record at `as_of`."""
        return PartitionState(
            as_of=as_of,
            statistics=statistics_digest(self.plan.statistics),
            news_partitions=self.plan.news_partitions,
            idle_timeout=self.plan.idle_timeout,
            time=self.clock.time,
            boundary=self._boundary,
            sources=self.clock.sources(),
            applied=self._applied.state(),
            scales=dict(self._scales.known),
            rules=dict(self.since),
        )

    def restore(self, state: PartitionState, stored: Iterable[StoredSeries]) -> list[AlertEvent]:
        """Bring a new watch to a state; a track of which none is stored starts warming.

        The next record to apply is that at `state.as_of`; a series that was stored later passes
        over what it holds already. An entity that is not in the plan is off the watchlist, and
        followed no more.

        Returns the ends of the alerts that fired and that no rule stands for any more.

        Raises:
            RefusedError: when the state is not one to go on from.
        """
        check_partition(state, self.plan)
        self.clock.restore(state.time, state.sources)
        self._boundary = state.boundary
        self._applied.restore(state.applied)
        self._scales.known.update(state.scales)
        if state.rules is not None:
            self.since = {each: state.rules.get(each, state.as_of) for each in self.since}
        by_name = {each.core.name: each for each in stored}
        found = [name.series for name in by_name if name.by != "entity"]
        for series in dict.fromkeys([*self.plan.series, *found]):
            for following in self._follow(series, by_name):
                kept = by_name.get(track_name(following))
                if kept is not None:
                    restore_following(following, kept)
        self._awake = []
        for following in self.followings():
            following.awake = False
            if not following.is_quiet:
                self._rouse(following)
        firing = {event.id for event in self.firing()}
        fired = (event for each in by_name.values() for event in fired_events(each))
        return [withdrawal(event, self.clock.time) for event in fired if event.id not in firing]

    def _follow(self, series: Series, stored: Collection[TrackName] = ()) -> list[Following]:
        is_followed = self._only in (None, series)
        concerned = [rule for rule in self.plan.rules if is_followed and rule.concerns(series)]
        followings = [self._following(series, rules) for rules in by_track(concerned)]
        if self._boundary is not None:
            for following in followings:
                if track_name(following) in stored:
                    continue
                following.start(self._boundary, self._closing(self._boundary))
        self._followings[series] = followings
        for following in followings:
            self._wake(following)
        return followings

    def _wake(self, following: Following) -> None:
        """Have a following pass every boundary from now on, until it is quiet."""
        if not following.awake:
            following.awake = True
            self._awake.append(following)

    def catch_up(self) -> None:
        """Have every following pass all boundaries so far, as for who looks into them."""
        if self._boundary is not None:
            for following in self.followings():
                following.catch_up(self._boundary, self._closing(self._boundary))

    def _following(self, series: Series, rules: list[Rule]) -> Following:
        timezone, calendar = next((rule.week for rule in rules if rule.week), ("UTC", None))
        return Following(
            partition=self.partition,
            series=series,
            match=rules[0].match,
            statistics=self.plan.statistics,
            watched=[self._watched_rule(series, rule) for rule in rules],
            timezone=timezone,
            calendar=calendar,
            scales=self._scales,
        )

    def _watched_rule(self, series: Series, rule: Rule) -> Watched:
        detector = None
        if isinstance(rule, SurgeRule):
            belief = self.plan.statistics.prior.of(str(series))
            detector = Detector(rule, belief, self.plan.tolerated(rule), self._slide)
        return Watched(
            rule,
            self.plan.hash_of(rule),
            rule.window // self._slide,
            detector,
            self.plan.maintenance_of(rule),
        )

    def _take(self, offset: int, record: ScoredRecord) -> list[AlertEvent]:
        series = record.series
        if not self._applied.take(record.origin, series):
            self.outcomes["repeated_origin"] += 1
            return []
        followings = self._followings.get(series)
        if followings is None:
            followings = self._follow(series)
        events: list[AlertEvent] = []
        outcome: Outcome = "unwatched"
        for following in followings:
            if offset < following.as_of:
                outcome = "restored"
            elif following.takes(record):
                if not following.awake:
                    self._rouse(following)
                outcome, caused = following.add(offset, record, self.clock.time)
                events += caused
        self.outcomes[outcome] += 1
        return events

    def _retract(self, offset: int, retraction: Retraction) -> None:
        if self._applied.take(retraction.origin, None):
            for following in self.followings():
                if offset >= following.as_of:
                    following.retract(retraction.retracts, retraction.time)

    def _pass_boundaries(self) -> list[AlertEvent]:
        last = (self.clock.time or 0) // self._slide
        first = last if self._boundary is None else self._boundary + 1
        self._boundary = last
        events: list[AlertEvent] = []
        for boundary in range(first, last + 1):
            if not self._awake:
                break  # however far the clock leaps
            events += self._pass(boundary, is_last=boundary == last)
        if self._closing(last) // REFRESH_PANES > self._closing(first - 1) // REFRESH_PANES:
            self._tend_the_quiet(last)
        return events

    def _pass(self, boundary: int, *, is_last: bool) -> list[AlertEvent]:
        events: list[AlertEvent] = []
        closing = self._closing(boundary)
        for following in self._awake:
            if following.passed is None or boundary > following.passed:
                events += following.pass_boundary(boundary, closing, is_last=is_last)
            following.awake = not following.is_quiet
        self._awake = [each for each in self._awake if each.awake]
        return events

    def _tend_the_quiet(self, boundary: int) -> None:
        """Catch up with the next part of the quiet, so that none lags, or keeps what expired."""
        closing = self._closing(boundary)
        for following in itertools.islice(self.followings(), self._part, None, _PARTS):
            following.catch_up(boundary, closing)
        self._part = (self._part + 1) % _PARTS

    def _rouse(self, following: Following) -> None:
        if self._boundary is not None:
            following.catch_up(self._boundary, self._closing(self._boundary))
        self._wake(following)

    def _closing(self, boundary: int) -> int:
        """The last pane that is closed once the clock has crossed the end of pane `boundary`."""
        lateness = self.plan.statistics.allowed_lateness
        return (boundary * self._slide - lateness) // self._slide


def check_partition(state: PartitionState, plan: WatchPlan) -> None:
    """Check that a partition's state was taken under this plan's choices.

    Raises:
        RefusedError: when it was not.
    """
    if state.statistics != statistics_digest(plan.statistics):
        raise RefusedError("statistics", "it was taken under other statistics settings")
    if (state.news_partitions, state.idle_timeout) != (plan.news_partitions, plan.idle_timeout):
        raise RefusedError("clock", "it was taken under another idle_timeout or of other news")
