"""What there is to see of one series: its last hour against its own past, and the state it is in.

Owns the one calculation that gauges and the live page both rest on. It only reads: a quiet series
is not caught up with for it, so that its end of warming up may be told late, at its next record or
after a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.live.records import SPARKS, RuleView, SeriesState, SeriesView
from monitor.surge.following import Following, Watched
from monitor.surge.lifecycle import State
from monitor.surge.panes import Tally, pane_of
from monitor.surge.rules import AbsentRule, DeadManRule

_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A series at the time `clock` (milliseconds) of its log.

    Counts are of the panes from `first` to `head`, and `tallies` what each held that held
    anything, in order. `usual_share` is None until the baseline is trusted.
    """

    followings: Sequence[Following]
    clock: int
    state: SeriesState
    stories: int
    negative: int
    expected: float
    usual_share: float | None
    first: int
    head: int
    tallies: tuple[tuple[int, Tally], ...]

    @property
    def partition(self) -> int:
        """The partition of `scored` that the series lives in."""
        return self.followings[0].partition

    def view(self, at: int) -> SeriesView:
        """As the live page is told of it at `at`, the wall clock in milliseconds."""
        panes = self.head - self.first + 1
        per_spark = -(-panes // SPARKS)
        sparks = -(-panes // per_spark)
        oldest = self.head - sparks * per_spark + 1
        stories, negative = [0] * sparks, [0] * sparks
        for number, tally in self.tallies:
            spark = (number - oldest) // per_spark
            stories[spark] += tally.novel_count
            negative[spark] += tally.novel_negative
        series = self.followings[0].series
        return SeriesView(
            by=series.by,
            key=series.key,
            at=at,
            clock=self.clock,
            partition=self.partition,
            state=self.state,
            story_count=self.stories,
            negative_count=self.negative,
            expected_negative=self.expected,
            usual_share=self.usual_share,
            spark_seconds=per_spark * self.followings[0].statistics.slide / 1000,
            stories=tuple(stories),
            negative=tuple(negative),
            rules=tuple(
                RuleView(each.rule.alert, each.rule.severity, each.status.state.value)
                for each in _watched(self.followings)
            ),
        )


def look(followings: Sequence[Following], now: int) -> Seen:
    """One series at the time `now`.

    Counts are of the track without matchers, where there is one; they go back an hour, or as far
    as the longest window of its rules.
    """
    following = next(
        (one for one in followings if not (one.match.source or one.match.language)), followings[0]
    )
    track, slide = following.track, following.statistics.slide
    head = pane_of(now, slide)
    first = head - min(max(_HOUR // slide, 1), track.keep) + 1
    tallies = tuple((number, track.panes[number].tally) for number in track.held(first, head))
    stories = sum(tally.novel_count for _, tally in tallies)
    return Seen(
        followings=followings,
        clock=now,
        state=_state(followings, stories),
        stories=stories,
        negative=sum(tally.novel_negative for _, tally in tallies),
        expected=track.baseline.expected(first, head),
        usual_share=track.baseline.share if track.baseline.trusted else None,
        first=first,
        head=head,
        tallies=tallies,
    )


def _watched(followings: Sequence[Following]) -> list[Watched]:
    """The rules that stand somehow with the series; a dead man's beats say nothing of it."""
    watched = [each for following in followings for each in following.watched]
    return [each for each in watched if not isinstance(each.rule, DeadManRule)]


def _state(followings: Sequence[Following], stories: int) -> SeriesState:
    watched = _watched(followings)
    absent = [each.status.state for each in watched if isinstance(each.rule, AbsentRule)]
    states = [each.status.state for each in watched if not isinstance(each.rule, AbsentRule)]
    if State.FIRING in states:
        return "firing"
    if State.PENDING in states:
        return "pending"
    if State.FIRING in absent:
        return "silent"
    if any(map(_is_warming, followings)):
        return "warming"
    return "calm" if stories else "silent"


def _is_warming(following: Following) -> bool:
    has_surge_rule = any(each.detector is not None for each in following.watched)
    return has_surge_rule and not following.track.baseline.trusted
