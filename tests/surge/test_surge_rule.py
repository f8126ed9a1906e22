"""The surge rule, end to end: a usual day, then something unusual."""

from typing import Any, ClassVar

import pytest

from monitor.records import Mark, ScoredRecord
from monitor.surge.partition import PartitionWatch
from tests.surge.log import MINUTE, NEUTRAL, feed, mark, plan, record, rule, told


def day_of_news(per_hour: float, hours: float) -> list[ScoredRecord | Mark]:
    """Ordinary news: so many negative stories an hour, as many neutral, marks every minute."""
    log: list[ScoredRecord | Mark] = []
    step = 60 / per_hour
    for number in range(round(per_hour * hours)):
        at = (number + 0.5) * step
        log += [
            record(at, f"usual {number}", origin=(0, 2 * number)),
            record(at, f"calm {number}", NEUTRAL, origin=(0, 2 * number + 1)),
        ]
    log += [mark(at) for at in range(round(hours * 60) + 1)]
    return sorted(log, key=lambda one: one.time if isinstance(one, Mark) else one.event_time)


class TestSurge:
    RULE: ClassVar[dict[str, Any]] = {
        "type": "surge",
        "window": "30m",
        "min_support": 5,
        "min_factor": 2,
    }

    def surge_of(self, *stories: str) -> list[tuple[str, float]]:
        """Fifty items within a minute, after a usual day; what was told."""
        log = day_of_news(per_hour=2, hours=24)
        minute_of = 24 * 60 + 0.5
        log += [
            record(minute_of, story, wording=n, origin=(0, 10_000 + n))
            for n, story in enumerate(stories)
        ]
        log += [mark(24 * 60 + at) for at in range(1, 121)]
        watch = PartitionWatch(0, plan(rule(**self.RULE), lateness=5, horizon=48 * 60))
        return told(feed(watch, log))

    def test_distinct_stories_raise_one_and_the_usual_level_ends_it(self) -> None:
        (_, fired), (state, resolved) = self.surge_of(*(f"new {n}" for n in range(50)))
        assert fired == 24 * 60 + 0.5
        assert (state, resolved) == ("resolved", 24 * 60 + 31)

    def test_one_story_syndicated_fifty_times_raises_none(self) -> None:
        assert self.surge_of(*["the same"] * 50) == []

    def test_the_usual_day_raises_none(self) -> None:
        assert self.surge_of() == []

    def test_an_episode_does_not_teach_until_it_outlasts_max_episode(self) -> None:
        # 30 stories an hour where 2 were usual: first an episode, after three hours the normal
        log = day_of_news(per_hour=2, hours=24)
        for number in range(24 * 30):
            at = 24 * 60 + number * 2
            log += [record(at, f"new {number}", origin=(0, 10_000 + number)), mark(at)]
        quick: dict[str, Any] = {"half_life": 360 * MINUTE, "lateness": 5, "horizon": 48 * 60}
        watch = PartitionWatch(0, plan(rule(**self.RULE, max_episode="3h"), **quick))
        events = feed(watch, log)
        assert [event.state for event in events] == ["firing", "resolved"]
        began, ended = events[0].fired_at, events[1].resolved_at
        assert ended is not None
        assert ended - began > 3 * 60 * MINUTE
        assert events[0].baseline is not None
        assert events[0].baseline.expected_negative == pytest.approx(1, rel=0.2)

    def test_says_what_was_expected_when_it_fires_and_when_it_resolves(self) -> None:
        log = day_of_news(per_hour=2, hours=24)
        log += [record(1440.5, f"new {n}", origin=(0, 10_000 + n)) for n in range(20)]
        log += [mark(1440 + at) for at in range(1, 60)]
        watch = PartitionWatch(0, plan(rule(**self.RULE), lateness=5, horizon=48 * 60))
        fired, resolved = feed(watch, log)
        for event in (fired, resolved):
            assert event.baseline is not None
            assert event.baseline.expected_negative == pytest.approx(1, rel=0.1)
            assert event.factor == pytest.approx(
                event.window.novel_negative / event.baseline.expected_negative
            )
        assert fired.strength is not None
        assert resolved.strength is not None
        assert fired.strength > resolved.strength
