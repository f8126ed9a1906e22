"""A model that finds more, or less, negative news than the one before rings no bell by that."""

from itertools import count

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.records import AlertEvent, ModelChange, Scored, Series
from monitor.surge.partition import PartitionWatch
from monitor.surge.scales import WHOLE, Scales
from tests.surge.log import BANKING, NEUTRAL, mark, plan, record, rule

OIL, ACME, ALL = Series("topic", "oil"), Series("entity", "ACME"), Series("all", "all")
SUPPORT = 4
SURGE = rule(type="surge", alert="Surge", window="7d", false_alarms="1 per 1d", min_support=SUPPORT)
HALF_HOURS = 60


def change(previous: str, model: str, all_: float = 1.0, **topics: float) -> ModelChange:
    return ModelChange(previous, model, topics, entities=all_, all=all_, items=500)


class TestScales:
    def test_a_model_that_nobody_told_of_counts_whole(self) -> None:
        assert Scales().weight(BANKING, "new") == WHOLE

    def test_each_series_goes_by_its_own_ratio(self) -> None:
        scales = Scales()
        assert scales.learn(ModelChange("a", "b", {"banking": 4.0}, entities=0.5, all=2.0, items=9))
        weights = [scales.weight(each, "b") for each in (BANKING, OIL, ACME, ALL)]
        assert weights == [WHOLE // 4, WHOLE // 2, WHOLE * 2, WHOLE // 2]
        assert scales.weight(BANKING, "a") == WHOLE

    def test_changes_follow_one_another(self) -> None:
        scales = Scales()
        scales.learn(change("a", "b", 2.0, banking=4.0))
        scales.learn(change("b", "c", 2.0, oil=3.0))
        assert scales.weight(ALL, "c") == WHOLE // 4
        assert scales.weight(BANKING, "c") == WHOLE // 8
        assert scales.weight(OIL, "c") == pytest.approx(WHOLE / 6, abs=1)

    def test_the_first_word_on_a_model_holds(self) -> None:
        scales = Scales()
        assert scales.learn(change("a", "b", 2.0))
        assert not scales.learn(change("a", "b", 3.0))
        assert not scales.learn(change("b", "a", 0.9))
        assert (scales.weight(ALL, "b"), scales.weight(ALL, "a")) == (WHOLE // 2, WHOLE)


def day_of_news(share: int, told: ModelChange | None) -> list[Scored]:
    """An even day of two stories each half hour, half of them negative, that model `a` judges.

    Then `b` takes over, which finds all of them negative and, with `share` 1, every second.
    """
    log: list[Scored] = [mark(0)]
    offsets = count()
    for half_hour in range(HALF_HOURS * 2):
        is_new = half_hour >= HALF_HOURS
        if half_hour == HALF_HOURS and told is not None:
            log.append(told)
        for number in range(4):
            at = half_hour * 30 + number * 7 + 0.5
            bad = number % 2 == 0 or (is_new and share == 2)
            one = record(at, f"{half_hour} {number}", origin=(0, next(offsets)))
            one = one if bad else msgspec.structs.replace(one, sentiment=NEUTRAL)
            log.append(msgspec.structs.replace(one, model="b" if is_new else "a"))
        log.append(mark(half_hour * 30 + 29))
    return log


def alerts(log: list[Scored]) -> list[AlertEvent]:
    watch = PartitionWatch(0, plan(SURGE))
    return [event for offset, each in enumerate(log) for event in watch.apply(offset, each)]


def test_a_model_that_finds_twice_as_much_is_no_surge_once_that_is_told() -> None:
    assert alerts(day_of_news(2, None)) != []
    assert alerts(day_of_news(2, change("a", "b", 2.0))) == []


def test_a_real_surge_under_the_new_model_is_told_still() -> None:
    log = day_of_news(2, change("a", "b", 2.0))
    flood = [
        msgspec.structs.replace(
            record(HALF_HOURS * 60 + number / 4, f"flood {number}", origin=(1, number)), model="b"
        )
        for number in range(40)
    ]
    assert [event.rule for event in alerts([*log, *flood])] == ["Surge"]


def test_what_a_reader_sees_are_the_stories_themselves() -> None:
    log = day_of_news(2, change("a", "b", 2.0))
    flood = [
        msgspec.structs.replace(
            record(HALF_HOURS * 60 + number / 4, f"flood {number}", origin=(1, number)), model="b"
        )
        for number in range(40)
    ]
    (event,) = alerts([*log, *flood])
    assert event.window.novel_negative >= 2 * SUPPORT
    assert event.window.negative_share == 1.0


@settings(max_examples=12)
@given(st.floats(0.2, 5), st.sampled_from(["volume", "share", "either", "both"]))
def test_any_ratio_is_reckoned_with_on_every_channel(ratio: float, on: str) -> None:
    log = day_of_news(1, change("a", "b", ratio))
    watch = PartitionWatch(0, plan(rule(type="surge", alert="Surge", on=on, window="7d")))
    for offset, each in enumerate(log):
        watch.apply(offset, each)
    assert watch.outcomes["counted"] == HALF_HOURS * 8
