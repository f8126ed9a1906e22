"""Hours of the week: which of its 168 hours a moment falls into, where the desk is.

Pure: time comes in, nothing reads a clock. A time zone's hours shift with daylight saving, and
a holiday counts as a Sunday.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import holidays

from monitor.surge.words import WrongWordError, did_you_mean, shown

HOUR = 3_600_000
"""Milliseconds."""
HOURS_OF_WEEK = 168
_SUNDAY = 6
_KNOWN_HOURS = 100_000


class Week:
    """The week as a desk lives it.

    Args:
        timezone: an IANA name, such as `America/New_York`.
        calendar: whose holidays count as Sundays: an exchange (`NYSE`, `ECB`, ...) or a country
            (`GB`, `DE`, ...); none by default.

    Raises:
        ValueError: when there is no such time zone or calendar.
    """

    def __init__(self, timezone: str = "UTC", calendar: str | None = None) -> None:
        self._zone = ZoneInfo(checked_timezone(timezone))
        self._holidays = None if calendar is None else _holidays(calendar)
        self._known: dict[int, int] = {}

    def hour_of(self, hour: int) -> int:
        """The hour of the week, 0 (Monday, midnight to one) to 167.

        Args:
            hour: whole hours since 1970-01-01 UTC. Where a zone is not whole hours from UTC,
                the hour that the given one begins in counts.
        """
        found = self._known.get(hour)
        if found is None:
            if len(self._known) >= _KNOWN_HOURS:
                self._known.clear()
            found = self._known[hour] = self._look_up(hour)
        return found

    def _look_up(self, hour: int) -> int:
        local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(self._zone)
        free = self._holidays is not None and local.date() in self._holidays
        return (_SUNDAY if free else local.weekday()) * 24 + local.hour


@lru_cache
def week(timezone: str, calendar: str | None) -> Week:
    """The week of a time zone and calendar; asked for again, the same one.

    Raises:
        ValueError: when there is no such time zone or calendar.
    """
    return Week(timezone, calendar)


def checked_timezone(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: when there is no such time zone.
    """
    if name not in _timezones():
        hint = did_you_mean(name, (each for each in _timezones() if "/" in each)) or (
            "; write an IANA name such as Europe/London"
        )
        raise WrongWordError(f"{shown(name)} is not a time zone{hint}", name)
    return name


@lru_cache
def _timezones() -> frozenset[str]:
    # It walks through directories each time.
    return frozenset(available_timezones())


def checked_calendar(name: str | None) -> str | None:
    """The name itself.

    Raises:
        ValueError: when there is no such calendar.
    """
    if name is not None:
        _holidays(name)
    return name


def _holidays(name: str) -> holidays.HolidayBase:
    for find in (holidays.financial_holidays, holidays.country_holidays):
        try:
            return find(name)
        except NotImplementedError:
            continue
    known = {*holidays.list_supported_financial(), *holidays.list_supported_countries()}
    raise ValueError(
        f"{shown(name)} is not a calendar; write an exchange such as NYSE or ECB, "
        f"or a country such as GB or DE{did_you_mean(name, known)}"
    )
