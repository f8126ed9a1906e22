"""What metrics show of each series: counts of an hour, its state, and no more than the cap."""

import math
from collections.abc import Iterator

import pytest

from monitor.live.records import STATES
from monitor.metrics import REGISTRY
from monitor.records import Scored, Series
from monitor.surge.partition import PartitionWatch
from monitor.surge.rules import Rule
from monitor.watching.series_shown import keep_shown
from monitor.watching.series_shown import show_series as in_steps
from tests.surge.log import BANKING, NEUTRAL, feed, mark, plan, record, rule

ALL = Series("all", "all")
HOUR_LONG = rule("negative_count >= 3", window="2h", alert="Three")
SURGE = rule(type="surge", alert="Surge", window="7d", factor=3, false_alarms="1 per 30d")


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield
    show_series([], 0)


def show_series(watches: list[PartitionWatch], limit: int) -> None:
    assert list(in_steps(watches, limit)) == []


def watch(
    *rules: Rule, log: list[Scored], series: tuple[Series, ...] = (BANKING,)
) -> PartitionWatch:
    found = PartitionWatch(0, plan(*rules, series=series))
    feed(found, log)
    return found


def value(name: str, by: str = "topic", key: str = "banking", **more: str) -> float | None:
    return REGISTRY.get_sample_value(f"newsurge_series_{name}", {"by": by, "key": key} | more)


def state(by: str = "topic", key: str = "banking") -> str:
    (found,) = [each for each in STATES if value("state", by, key, state=each)]
    return found


def test_stories_of_the_last_hour_are_counted_once() -> None:
    log: list[Scored] = [
        mark(0),
        record(1, "long ago", origin=(0, 0)),
        mark(30),
        record(31, "bad", origin=(0, 1)),
        record(31.5, "bad", origin=(0, 2), wording=1),
        record(32, "so-so", NEUTRAL, origin=(0, 3)),
        mark(80),
    ]
    show_series([watch(HOUR_LONG, log=log)], 10)
    assert value("stories") == 2
    assert value("negative_stories") == 1
    assert value("negative_share") == 0.5
    expected = value("expected_negative_stories")
    assert expected is not None
    assert expected > 0


def test_a_share_of_nothing_is_no_number() -> None:
    show_series([watch(HOUR_LONG, log=[mark(0), mark(5)])], 10)
    share = value("negative_share")
    assert share is not None
    assert math.isnan(share)


def stories(count: int) -> list[Scored]:
    return [record(1 + at / 100, f"story {at}", origin=(0, at)) for at in range(count)]


def test_calm_warming_and_silent_are_different_states() -> None:
    few = [mark(0), *stories(2), mark(5)]
    show_series([watch(HOUR_LONG, log=few)], 10)
    assert state() == "calm"
    show_series([watch(HOUR_LONG, SURGE, log=few)], 10)
    assert state() == "warming"
    show_series([watch(HOUR_LONG, log=[*few, mark(90)])], 10)
    assert state() == "silent"


def test_pending_and_firing() -> None:
    many = [mark(0), *stories(3), mark(5)]
    patient = rule("negative_count >= 3", window="2h", alert="Patient", for_="30m")
    show_series([watch(patient, log=many)], 10)
    assert state() == "pending"
    show_series([watch(patient, HOUR_LONG, log=many)], 10)
    assert state() == "firing"


def test_a_silent_feed_is_silent_whatever_its_hour_held_and_a_dead_man_fires_nowhere() -> None:
    absent = rule(type="absent", by="all", window="10m", alert="Silent")
    alive = rule(type="dead_man", by="all", alert="Alive", every="5m")
    log: list[Scored] = [mark(0), record(1, "a", NEUTRAL, origin=(0, 0), series=ALL)]
    show_series([watch(absent, alive, log=[*log, mark(5)], series=(ALL,))], 10)
    assert state("all", "all") == "calm"
    show_series([watch(absent, alive, log=[*log, mark(30)], series=(ALL,))], 10)
    assert state("all", "all") == "silent"


def test_beyond_the_cap_series_are_summed_and_none_is_left_behind() -> None:
    topics = tuple(Series("topic", name) for name in ("a", "b", "c"))
    log: list[Scored] = [mark(0)]
    log += [record(1, each.key, origin=(0, at), series=each) for at, each in enumerate(topics)]
    watched = watch(HOUR_LONG, log=[*log, mark(5)], series=topics)
    show_series([watched], 1)
    assert value("stories", key="a") == 1
    assert value("stories", key="b") is None
    assert value("stories", "other", "other") == 2
    assert value("state", "other", "other", state="calm") == 2
    show_series([watched], 3)
    assert value("stories", key="c") == 1
    assert value("stories", "other", "other") is None
    show_series([], 3)
    assert value("stories", key="a") is None


def test_all_and_topics_come_before_entities() -> None:
    names = (Series("entity", "Aster Bank"), Series("topic", "z"), ALL)
    rules = [rule(by=by, window="1h", alert=f"On{by}") for by in ("all", "topic", "entity")]
    show_series([watch(*rules, log=[mark(0), mark(5)], series=names)], 2)
    assert state("all", "all") == state("topic", "z") == "silent"
    assert value("stories", "entity", "Aster Bank") is None
    assert value("stories", "other", "other") == 0


def test_many_series_take_several_steps_and_change_at_once() -> None:
    names = tuple(Series("topic", f"t{number:04}") for number in range(600))
    watched = watch(HOUR_LONG, log=[mark(0), mark(5)], series=names)
    steps = keep_shown(lambda: [watched], 1)
    next(steps)
    next(steps)
    assert value("stories", key="t0000") is None
    next(steps)
    assert value("stories", key="t0000") == 0
    assert value("state", "other", "other", state="silent") == 599
