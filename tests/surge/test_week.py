"""Hours of the week: daylight saving, odd zones, holidays, and names that mean nothing."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.surge.week import HOUR, HOURS_OF_WEEK, Week, checked_calendar, checked_timezone, week

MONDAY, SATURDAY, SUNDAY = 0, 5 * 24, 6 * 24


def hour_at(text: str, zone: str) -> int:
    """The number of the hour since 1970 that a local moment falls into."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(moment.timestamp() * 1000) // HOUR


def hours_of(zone: str, day: str, hours: int = 24, calendar: str | None = None) -> list[int]:
    """The hours of the week of so many hours from a local midnight on."""
    first = hour_at(f"{day}T00:00", zone)
    own = Week(zone, calendar)
    return [own.hour_of(first + number) for number in range(hours)]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_a_usual_week_counts_from_monday_midnight_where_the_desk_is(zone: str) -> None:
    assert hours_of(zone, "2024-03-18", hours=HOURS_OF_WEEK) == list(range(HOURS_OF_WEEK))


@pytest.mark.parametrize(
    ("zone", "day", "skipped"),
    [("America/New_York", "2024-03-10", 2), ("Europe/London", "2024-03-31", 1)],
)
def test_the_hour_that_the_clocks_skip_in_spring_does_not_come(
    zone: str, day: str, skipped: int
) -> None:
    # Sunday     0  1  (2)  3  4 ... 23     23 hours
    found = hours_of(zone, day, hours=23)
    assert found == [SUNDAY + hour for hour in range(24) if hour != skipped]
    assert hours_of(zone, day, hours=24)[-1] == MONDAY


@pytest.mark.parametrize(
    ("zone", "day", "doubled"),
    [("America/New_York", "2024-11-03", 1), ("Europe/London", "2024-10-27", 1)],
)
def test_the_hour_that_the_clocks_double_in_autumn_comes_twice(
    zone: str, day: str, doubled: int
) -> None:
    # Sunday     0  1  1  2  3 ... 23       25 hours
    found = hours_of(zone, day, hours=25)
    assert found == [SUNDAY + hour for hour in sorted([*range(24), doubled])]
    assert hours_of(zone, day, hours=26)[-1] == MONDAY


def test_the_same_hour_of_utc_is_another_hour_of_the_desk_after_the_clocks_change() -> None:
    own = Week("America/New_York")
    winter, summer = (hour_at(f"2024-03-{day}T13:00", "UTC") for day in ("08", "15"))
    assert own.hour_of(winter) == 4 * 24 + 8
    assert own.hour_of(summer) == 4 * 24 + 9


def test_where_a_zone_is_half_an_hour_off_the_hour_begins_in_counts() -> None:
    # 00:00 UTC is 05:30 in Kolkata, and 18:30 UTC is the next midnight there
    own = Week("Asia/Kolkata")
    monday = hour_at("2024-03-18T00:00", "UTC")
    assert own.hour_of(monday) == MONDAY + 5
    assert own.hour_of(monday + 18) == MONDAY + 23
    assert own.hour_of(monday + 19) == MONDAY + 24


class TestCalendar:
    def test_a_holiday_is_a_sunday(self) -> None:
        thanksgiving = "2024-11-28"  # a Thursday
        found = hours_of("America/New_York", thanksgiving, calendar="NYSE")
        assert found == [SUNDAY + hour for hour in range(24)]
        assert hours_of("America/New_York", thanksgiving)[0] == 3 * 24

    def test_the_days_around_a_holiday_are_what_they_are(self) -> None:
        for day, begins in [("2024-11-27", 2 * 24), ("2024-11-29", 4 * 24)]:
            assert hours_of("America/New_York", day, calendar="NYSE")[0] == begins

    def test_a_holiday_begins_and_ends_with_the_day_of_the_desk(self) -> None:
        # Christmas Day 2024, a Wednesday: it begins in Tokyo while it is Tuesday in London.
        found = hours_of("Europe/London", "2024-12-24", hours=26, calendar="GB")
        assert found[23:] == [24 + 23, SUNDAY, SUNDAY + 1]

    def test_every_year_has_its_own(self) -> None:
        for year in (2019, 2027):
            assert hours_of("Europe/London", f"{year}-12-25", calendar="GB")[0] == SUNDAY

    @pytest.mark.parametrize("name", ["NYSE", "ECB", "GB", "DE", None])
    def test_exchanges_and_countries_are_known(self, name: str | None) -> None:
        assert checked_calendar(name) == name

    @pytest.mark.parametrize("name", ["Mars", "", "nowhere"])
    def test_another_name_is_refused_with_what_to_write(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"not a calendar; write an exchange such as NYSE"):
            checked_calendar(name)
        with pytest.raises(ValueError, match="not a calendar"):
            Week("UTC", name)


class TestTimezone:
    def test_is_an_iana_name(self) -> None:
        assert checked_timezone("Europe/London") == "Europe/London"

    @pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "EST5"])
    def test_another_name_is_refused_with_what_to_write(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"not a time zone; write an IANA name such as Europe"):
            checked_timezone(name)
        with pytest.raises(ValueError, match="not a time zone"):
            Week(name)


def test_a_week_asked_for_again_is_the_same_one() -> None:
    assert week("Europe/London", "GB") is week("Europe/London", "GB")
    assert week("Europe/London", "GB") is not week("Europe/London", None)


def test_it_answers_alike_however_often_it_was_asked() -> None:
    # More hours than it remembers at a time: a decade and more.
    own = Week("America/New_York")
    first = hour_at("2024-11-03T00:00", "America/New_York")
    before = [own.hour_of(first + number) for number in range(50)]
    for number in range(int(timedelta(days=4300) / timedelta(hours=1))):
        own.hour_of(first + number)
    assert [own.hour_of(first + number) for number in range(50)] == before
