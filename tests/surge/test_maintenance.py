"""Maintenance: which moments a window covers, and what it does to a rule's identity."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.surge.maintenance import DAYS, Maintenance, parse_clock, parse_moment
from monitor.surge.plan import WatchPlan
from tests.surge.log import BANKING, Desk, plan, rule

NEW_YORK = {"timezone": "America/New_York"}


def window(**fields: Any) -> Maintenance:
    return Maintenance.model_validate({"name": "w"} | fields)


def at(text: str) -> int:
    return parse_moment(text)


@pytest.mark.parametrize(
    ("fields", "begins", "ends"),
    [
        # 10 March 2024: the clocks of New York jump from 2:00 to 3:00, which is 07:00 in UTC
        ({"start": "01:30", "end": "03:30"}, "2024-03-10T06:30:00Z", "2024-03-10T07:30:00Z"),
        ({"start": "02:15", "end": "03:15"}, "2024-03-10T07:00:00Z", "2024-03-10T07:15:00Z"),
        ({"start": "01:00", "end": "02:30"}, "2024-03-10T06:00:00Z", "2024-03-10T07:00:00Z"),
        ({"start": "00:00", "end": "24:00"}, "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z"),
        # 3 November 2024: they fall from 2:00 back to 1:00, which is 06:00 in UTC
        ({"start": "01:30", "end": "02:30"}, "2024-11-03T05:30:00Z", "2024-11-03T07:30:00Z"),
        ({"start": "00:30", "end": "01:30"}, "2024-11-03T04:30:00Z", "2024-11-03T06:30:00Z"),
        ({"start": "01:10", "end": "01:50"}, "2024-11-03T05:10:00Z", "2024-11-03T06:50:00Z"),
        ({"start": "23:00", "end": "01:00"}, "2024-11-04T04:00:00Z", "2024-11-04T06:00:00Z"),
    ],
)
def test_a_window_on_the_sunday_of_a_clock_change(
    fields: dict[str, Any], begins: str, ends: str
) -> None:
    sundays = window(days=["sun"], **NEW_YORK, **fields)
    first, last = at(begins), at(ends)
    for moment in (first, (first + last) // 2, last - 1):
        assert sundays.covers(BANKING, moment)
    for moment in (first - 1, last):
        assert not sundays.covers(BANKING, moment)


def test_a_jump_at_midnight_as_in_beirut() -> None:
    # 31 March 2024: from 0:00 to 1:00, which is 22:00 in UTC
    night = window(start="00:00", end="02:00", days="sun", timezone="Asia/Beirut")
    assert not night.covers(BANKING, at("2024-03-30T21:59:59Z"))
    assert night.covers(BANKING, at("2024-03-30T22:00:00Z"))
    assert not night.covers(BANKING, at("2024-03-30T23:00:00Z"))


@given(
    st.integers(1_700_000_000, 1_800_000_000),
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
def test_where_clocks_never_change_a_window_is_what_the_wall_clock_says(
    seconds: int, days: set[str], start: int, length: int
) -> None:
    end = (start + length) % 1440
    if start == end:
        return
    weekly = window(days=sorted(days), start=clock(start), end=clock(end))
    moment = datetime.fromtimestamp(seconds, UTC)
    minute = moment.hour * 60 + moment.minute
    today, before = DAYS[moment.weekday()], DAYS[(moment - timedelta(days=1)).weekday()]
    if start < end:
        expected = today in days and start <= minute < end
    else:
        expected = (today in days and minute >= start) or (before in days and minute < end)
    assert weekly.covers(BANKING, seconds * 1000) == expected


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def test_once_from_and_to_with_the_end_outside() -> None:
    once = window(**{"from": "2026-03-07T22:00:00-05:00", "to": "2026-03-08T04:00:00Z"})
    assert once.covers(BANKING, at("2026-03-08T03:00:00Z"))
    assert not once.covers(BANKING, at("2026-03-08T02:59:59.999Z"))
    assert not once.covers(BANKING, at("2026-03-08T04:00:00Z"))


def test_only_the_series_that_it_names() -> None:
    some = window(series=["topic=oil", "all=all"], start="00:00", end="24:00")
    assert not some.covers(BANKING, 0)
    assert window(series="topic=banking", start="00:00", end="24:00").covers(BANKING, 0)


@pytest.mark.parametrize("text", ["2026-03-07", "2026-13-07T22:00:00Z", "2026-03-07T22:00:00", 5])
def test_what_is_no_moment(text: object) -> None:
    with pytest.raises(ValueError, match="is not a moment; write it with its offset"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["6:30", "24:01", "25:00", "12:60", "noon", 1230])
def test_what_is_no_time_of_the_day(text: object) -> None:
    with pytest.raises(ValueError, match="is not a time of the day"):
        parse_clock(text)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"start": "10:00"},
        {"from": "2026-03-07T22:00:00Z"},
        {"start": "10:00", "end": "10:00"},
        {"start": "24:00", "end": "10:00"},
        {"from": "2026-03-07T22:00:00Z", "to": "2026-03-08T22:00:00Z", "timezone": "Asia/Tokyo"},
        {"start": "10:00", "end": "11:00", "to": "2026-03-08T22:00:00Z"},
    ],
    ids=str,
)
def test_when_it_lasts_is_said_in_one_way(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        window(**fields)


def hashes(*windows: Maintenance) -> list[str]:
    rules = (rule(alert="A"), rule(alert="B"), rule(alert="Alive", type="dead_man", **ALIVE))
    made = plan(*rules)
    told = WatchPlan(**{**vars(made), "maintenance": windows})
    return [told.hash_of(each) for each in rules]


ALIVE = {"by": "all"}


def test_only_the_rules_concerned_become_others() -> None:
    none, some = hashes(), hashes(window(rules=["A"], start="10:00", end="11:00"))
    assert [a == b for a, b in zip(none, some, strict=True)] == [False, True, True]
    renamed = hashes(window(name="v", rules=["A", "C"], start="10:00", end="11:00"))
    assert renamed == some
    assert hashes(window(rules=["A"], start="10:00", end="11:01")) != some


def test_it_holds_back_what_would_fire_early_and_on_time_and_no_more() -> None:
    held = rule("negative_count >= 1")
    desk = Desk(held, maintenance=(window(start="00:00", end="00:05"),))
    desk.mark(1)
    assert desk.news(1.5, "a") == []
    assert desk.mark(4) == []
    (event,) = desk.mark(5)
    assert (event.started_at, event.fired_at) == (
        at("2024-03-04T00:01:30Z"),
        at("2024-03-04T00:05:00Z"),
    )
