"""The laws of time in the log, each by its name, over SCORE's and WATCH's pure halves together.

A `World` is a deployment without streams: news partitions whose records SCORE resolves and marks
by its own clock, and a WATCH that knows of time only what the marks say.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from monitor.records import AlertEvent, Mark, Scored
from monitor.scoring.log_time import PartitionTime, resolve_times
from monitor.scoring.steady_clock import SteadyClock
from monitor.surge.partition import PartitionWatch
from monitor.surge.rules import Rule
from tests.surge.log import MINUTE, minute, minutes, plan, record, rule

THREE = rule("negative_count >= 3", alert="Three", window="5m")
SILENT = rule(type="absent", alert="Silent", window="10m")


class World:
    """SCORE and WATCH on `partitions` news partitions, led by a wall clock in minutes."""

    def __init__(self, *rules: Rule, partitions: int = 1, begin: float = 0) -> None:
        self.watch = PartitionWatch(0, plan(*rules, news_partitions=partitions))
        self.events: list[AlertEvent] = []
        self.wall = begin
        self._clock = SteadyClock()
        self._elapsed = 0.0
        self._times = [PartitionTime(0) for _ in range(partitions)]
        self._next_offset = [0] * partitions
        self._offset = 0
        self._now()

    def pass_time(self, by: float, *, wall: float | None = None) -> None:
        """Let real time pass; `wall` is what the wall clock makes of it."""
        self._elapsed += by
        self.wall += by if wall is None else wall

    def news(
        self,
        story: str,
        *,
        stamped: float | None = None,
        published: float | None = None,
        partition: int = 0,
    ) -> None:
        """A record whose Kafka timestamp is `stamped` (now, by default) is scored."""
        kafka = self._now() if stamped is None else minute(stamped)
        self._now()
        self._clock.heard(kafka)
        now = self._now()
        event_time, ingest_time = resolve_times(
            None if published is None else minute(published), kafka, now
        )
        offset = self._next_offset[partition]
        self._next_offset[partition] += 1
        scored = record(
            minutes(event_time), story, origin=(partition, offset), arrives=minutes(ingest_time)
        )
        self._apply(scored)
        self._times[partition].written(offset, ingest_time, now)

    def mark(self, partitions: Iterable[int] = (0,), *, caught_up: bool = True) -> None:
        """SCORE marks these partitions."""
        for partition in partitions:
            time = self._times[partition].time(self._now(), caught_up)
            if time is not None:
                self._apply(Mark(partition, self._next_offset[partition], time, caught_up))

    @property
    def clock(self) -> float | None:
        """The log's clock, in minutes."""
        time = self.watch.clock.time
        return None if time is None else minutes(time)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Each event's rule and state."""
        return [(event.rule, event.state) for event in self.events]

    def _now(self) -> int:
        return self._clock.now(minute(self.wall), round(self._elapsed * MINUTE))

    def _apply(self, entry: Scored) -> None:
        self.events += self.watch.apply(self._offset, entry)
        self._offset += 1


@pytest.mark.parametrize("stamped", [9_999_999, -1_000, -29_999_999])
@pytest.mark.parametrize("published", [None, 9_999_999, -9_999_999])
def test_bad_stamps_do_not_move_the_clock(stamped: float, published: float | None) -> None:
    world = World(THREE)
    world.mark()
    world.pass_time(1)
    world.news("a story from nowhen", stamped=stamped, published=published)
    world.mark()
    assert world.clock == 1
    world.pass_time(1)
    world.mark()
    assert world.clock == 2


def test_a_backlog_holds_time() -> None:
    """An hour's backlog is read in a second, and is judged as it was when it came."""
    world = World(THREE, begin=60)
    for at in (10, 11, 12, 30):
        world.news(f"story of minute {at}", stamped=at)
        world.mark(caught_up=False)
        assert world.clock == at
    assert world.told == [("Three", "firing"), ("Three", "resolved")]
    fired, resolved = world.events
    assert (minutes(fired.fired_at), minutes(resolved.resolved_at or 0)) == (12, 15)


def test_marks_pass_the_time_on_a_quiet_night() -> None:
    world = World(THREE, SILENT)
    world.mark()
    for story in ("one", "two", "three"):
        world.news(f"story {story}")
    for _ in range(12):
        world.pass_time(1)
        world.mark()
    assert world.told == [("Three", "firing"), ("Three", "resolved"), ("Silent", "firing")]


def test_a_stalled_news_partition_lets_go() -> None:
    world = World(THREE, partitions=2)
    world.mark([0, 1])
    for _ in range(20):
        world.pass_time(0.2)
        world.mark([0])
    assert world.clock == 0
    for _ in range(20):
        world.pass_time(0.2)
        world.mark([0])
    assert world.watch.clock.stalled == (1,)
    assert world.clock == pytest.approx(8)


def test_late_is_counted_and_changes_no_closed_pane() -> None:
    world = World(THREE)
    world.mark()
    world.news("in time")
    for _ in range(10):
        world.pass_time(1)
        world.mark()
    world.news("by far too late", published=1)
    assert world.watch.outcomes == {"counted": 1, "late": 1}


@pytest.mark.parametrize("hours", [0.0, 1.0, -1.0, 24.0])
def test_clock_steps_do_not_matter(hours: float) -> None:
    """SCORE's machine has its clock set while news comes: nothing closes early or is late."""
    world = World(THREE, begin=5)
    world.mark()
    broker = 5.0
    for number in range(12):
        world.pass_time(1, wall=1 + (hours * 60 if number == 4 else 0))
        broker += 1
        world.news(f"story {number}", stamped=broker, published=broker - 0.5)
        world.mark()
    assert world.watch.outcomes == {"counted": 12}
    assert world.clock == pytest.approx(17, abs=1)
    assert world.told == [("Three", "firing")]


def test_after_a_night_asleep_time_comes_with_the_news() -> None:
    """The machine slept: its steady clock did not run, but the broker bears the wall clock out."""
    world = World(THREE, begin=5)
    world.mark()
    world.pass_time(1, wall=480)
    world.news("the morning's first", stamped=485)
    world.mark()
    assert world.clock == 485


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "UTC"])
def test_daylight_saving_does_not_matter(zone: str) -> None:
    """The same hours of news tell the same alert in the night the clocks change as in any other."""
    told = []
    for night in ("2026-03-08", "2026-03-15", "2026-10-25", "2026-11-01"):
        begin = minutes_of(night)
        surge = rule(
            type="surge", alert="Surge", timezone=zone, false_alarms="1 per 1d", min_support=3
        )
        world = World(surge, THREE, begin=begin)
        for number in range(480):
            world.pass_time(1)
            if number % 60 == 7 or 300 <= number < 310:
                world.news(f"story {number} of {night}")
            world.mark()
        told.append(
            [(one.rule, one.state, round(minutes(one.fired_at) - begin)) for one in world.events]
        )
    assert told[0]
    assert all(each == told[0] for each in told)


def minutes_of(day: str) -> float:
    """Midnight UTC of a day, in the minutes of these tests."""
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return minutes(round(moment.timestamp() * 1000))
