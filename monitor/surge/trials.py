"""How many negative stories it takes for a surge rule to fire on a series: asked of the live core.

Pure. A trial feeds a partition weeks of news as the prior has them, and then so many negative
stories; whether the rule fires is what the partition says, and nothing is reckoned here.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from monitor.records import Mark, NewsItem, Origin, ScoredRecord, Sentiment, Series
from monitor.surge.baseline import Baseline
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import SurgeRule
from monitor.surge.series_state import StoredSeries, all_parts, series_state
from monitor.surge.week import HOUR, week

HISTORY_HOURS = 21 * 24
MOST = 5_000
"""More stories than that are not tried."""
_CALM_STORIES = 0.95
"""When so many were expected and none came, a run of one story is over, whatever the factor."""
_JUST_BELOW = 1 - 1e-6
_NEGATIVE, _CALM = Sentiment(1.0, 0.0, 0.0), Sentiment(0.0, 1.0, 0.0)


class _Story(NamedTuple):
    time: int
    negative: bool


class Trial:
    """One rule on one series of which the last weeks were as usual, until a moment.

    Args:
        plan: the deployment, with its prior.
        rule: the rule; how long it must hold is left out.
        series: the series.
        start: when the usual ends, in milliseconds; a whole hour.
    """

    def __init__(self, plan: WatchPlan, rule: SurgeRule, series: Series, start: int) -> None:
        self._rule = rule.model_copy(update={"for_": 0})
        self._plan = replace(plan, rules=(self._rule,), series=(series,), news_partitions=1)
        self._series = series
        self._start = start
        slide, prior = plan.statistics.slide, plan.statistics.prior
        own = week(rule.timezone, rule.calendar)
        self._usual = Baseline(prior, str(series), own, slide, plan.statistics.learning)
        self._told = 0
        watch = PartitionWatch(0, self._plan)
        calm_since = self._calm_since(start)
        usual = self._calm_and_negative(start - HISTORY_HOURS * HOUR, start)
        before = (one for one in usual if not one.negative or one.time < calm_since)
        for _ in self._feed(watch, before):
            pass
        watch.apply(self._told, Mark(0, 0, start, caught_up=True))
        self._state = watch.state(0)
        self._stored = [
            StoredSeries(series_state(each, 0, 0, 0), all_parts(each))
            for each in watch.followings()
        ]

    @property
    def daily(self) -> float:
        """The negative stories a day that the prior expects, as a mean over the week."""
        return self._usual.rate * 24

    def fires(self, stories: int, within: int) -> bool:
        """Whether so many negative stories, evenly within so many milliseconds, fire.

        What is not negative goes on as usual meanwhile.
        """
        watch = PartitionWatch(0, self._plan)
        watch.restore(self._state, self._stored)
        end = self._start + within
        bad = (
            _Story(self._start + within * (n + 1) // (stories + 1), negative=True)
            for n in range(stories)
        )
        calm = (each for each in self._calm_and_negative(self._start, end) if not each.negative)
        return any(self._feed(watch, heapq.merge(bad, calm)))

    def fewest(self, within: int) -> int | None:
        """The number that fires while one fewer does not; None where it is above `MOST`."""
        too_few, enough = 0, 1
        while not self.fires(enough, within):
            too_few, enough = enough, enough * 2
            if too_few >= MOST:
                return None
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            if self.fires(middle, within):
                enough = middle
            else:
                too_few = middle
        return enough

    def _calm_since(self, start: int) -> int:
        """From when on no negative story may come, so that none builds up to a surge at `start`."""
        panes, hour, expected = HOUR // self._plan.statistics.slide, start // HOUR, 0.0
        while expected < _CALM_STORIES:
            hour -= 1
            expected += self._usual.expected(hour * panes + 1, (hour + 1) * panes)
        return hour * HOUR

    def _calm_and_negative(self, first: int, last: int) -> Iterator[_Story]:
        """The usual news of whole hours, evenly within each."""
        return heapq.merge(self._of_a_kind(first, last, 1.0, True), self._others(first, last))

    def _others(self, first: int, last: int) -> Iterator[_Story]:
        share = self._usual.share
        return self._of_a_kind(first, last, (1 - share) / share, False)

    def _of_a_kind(self, first: int, last: int, times: float, negative: bool) -> Iterator[_Story]:
        """The usual stories of a kind, in such a phase that the next is due as the hours end.

        So what came last builds up no more, even where stories are days apart.
        """
        panes = HOUR // self._plan.statistics.slide
        expected = [
            times * self._usual.expected(hour * panes + 1, (hour + 1) * panes)
            for hour in range(first // HOUR, last // HOUR)
        ]
        due = _JUST_BELOW - sum(expected) % 1
        for hour, more in enumerate(expected, first // HOUR):
            due += more
            count = max(0, int(due))
            due -= count
            for n in range(count):
                yield _Story(hour * HOUR + HOUR * (n + 1) // (count + 1), negative)

    def _feed(self, watch: PartitionWatch, stories: Iterable[_Story]) -> Iterator[bool]:
        """Whether each story makes the rule fire; time passes with the stories."""
        for story in stories:
            watch.apply(self._told, Mark(0, 0, story.time, caught_up=True))
            events = watch.apply(self._told + 1, self._record(story))
            self._told += 2
            yield any(event.state == "firing" for event in events)

    def _record(self, story: _Story) -> ScoredRecord:
        number, match = str(self._told), self._rule.match
        sentiment = _NEGATIVE if story.negative else _CALM
        return ScoredRecord(
            by=self._series.by,
            key=self._series.key,
            item=NewsItem(
                id=number,
                title=number,
                source=match.source[0] if match.source else None,
                language=match.language[0] if match.language else None,
            ),
            event_time=story.time,
            ingest_time=story.time,
            topic=self._series.key,
            topic_probability=1.0,
            sentiment=sentiment,
            score=sentiment.score,
            signature=hashlib.sha512(number.encode()).digest(),
            model="",
            origin=Origin(0, self._told),
        )
