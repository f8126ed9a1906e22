"""Maintenance: when no alert may begin to fire, once or every week.

Pure: a moment comes in, nothing reads a clock. A weekly window goes by the wall clock of its time
zone: a time that the clocks jump over is the moment of the jump, and of one that they show twice
the window takes both.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from monitor.records import Series
from monitor.surge.rules import Words
from monitor.surge.week import checked_timezone
from monitor.surge.words import WrongWordError, did_you_mean, one_of, shown

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
_DAY_MINUTES = 24 * 60
_MOMENT = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d|24:00"
_SERIES = r"(topic|entity|all)=.+"


def parse_moment(value: object) -> int:
    """Milliseconds of a moment in RFC 3339.

    Raises:
        ValueError: when it is not one, or has no offset from UTC.
    """
    try:
        if isinstance(value, str) and re.fullmatch(_MOMENT, value):
            return round(datetime.fromisoformat(value.upper()).timestamp() * 1000)
    except ValueError:
        pass
    raise ValueError(
        f"{shown(value)} is not a moment; write it with its offset from UTC, "
        "such as 2026-03-07T22:00:00Z or 2026-03-07T22:00:00-05:00"
    )


def parse_clock(value: object) -> int:
    """Minutes since midnight of a time of the day such as 22:30; 24:00 is the day's end.

    Raises:
        ValueError: when it is not one.
    """
    if not isinstance(value, str) or not re.fullmatch(_CLOCK, value):
        raise ValueError(f"{shown(value)} is not a time of the day; write it as 06:30 or 22:00")
    hours, minutes = value.split(":")
    return int(hours) * 60 + int(minutes)


def _checked_days(days: tuple[str, ...]) -> tuple[str, ...]:
    for day in days:
        if day not in DAYS:
            raise WrongWordError(one_of(day, DAYS), day)
    return tuple(day for day in DAYS if day in days)


def _checked_series(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(_SERIES, name):
            raise WrongWordError(
                f"{shown(name)} is not a series; write topic=banking, entity=NAME or all=all"
                + did_you_mean(name, ("all=all",)),
                name,
            )
    return names


_ClockTime = Annotated[
    int | None,
    BeforeValidator(parse_clock),
    WithJsonSchema({"type": "string", "pattern": f"^({_CLOCK})$"}),
]
_Moment = Annotated[
    int | None,
    BeforeValidator(parse_moment),
    WithJsonSchema({"type": "string", "pattern": f"^{_MOMENT}$"}),
]


class Maintenance(BaseModel):
    """When the alerts of some rules on some series don't begin to fire; by default of all.

    It lasts either once, `from_` to `to` (milliseconds), or every week on the `days` that it
    begins on, from `start` to `end` (minutes since midnight in `timezone`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)
    rules: Words = ()
    series: Annotated[Words, AfterValidator(_checked_series)] = ()
    from_: _Moment = Field(None, alias="from")
    to: _Moment = None
    days: Annotated[Words, AfterValidator(_checked_days)] = DAYS
    start: _ClockTime = None
    end: _ClockTime = None
    timezone: Annotated[str, AfterValidator(checked_timezone)] = "UTC"

    @model_validator(mode="after")
    def _lasts_once_or_weekly(self) -> Maintenance:
        once, weekly = (self.from_, self.to), (self.start, self.end)
        weekly_only = {"days", "timezone"} & self.model_fields_set
        if None not in once and weekly == (None, None) and not weekly_only:
            if once[0] is not None and once[1] is not None and once[0] >= once[1]:
                raise ValueError("`to` must be later than `from`")
        elif None in weekly or once != (None, None):
            raise ValueError(
                "give either `from` and `to`, or `start` and `end` (with `days` and `timezone`)"
            )
        elif self.start == self.end:
            raise ValueError("`start` and `end` are the same; a whole day is 00:00 to 24:00")
        elif self.start == _DAY_MINUTES:
            raise ValueError("`start` can't be 24:00; write 00:00 and the next day")
        return self

    def concerns(self, rule: str) -> bool:
        """Whether it is about the rule of this name."""
        return not self.rules or rule in self.rules

    def covers(self, series: Series, now: int) -> bool:
        """Whether it is about the series, and `now` lies in it; its end is outside."""
        if self.series and str(series) not in self.series:
            return False
        if self.from_ is not None and self.to is not None:
            return self.from_ <= now < self.to
        return self._is_weekly_at(now)

    def _is_weekly_at(self, now: int) -> bool:
        if self.start is None or self.end is None:
            return False
        today = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(self.timezone)).date()
        # One that began the day before may go on.
        for day in (today - timedelta(days=1), today):
            if DAYS[day.weekday()] in self.days:
                begins, ends = _span(self.timezone, day, self.start, self.end)
                if begins <= now < ends:
                    return True
        return False

    @property
    def meaning(self) -> str:
        """What of it decides when a rule fires, as one text."""
        return self.model_dump_json(exclude={"name", "rules"})


@lru_cache(maxsize=1024)
def _span(timezone: str, day: date, start: int, end: int) -> tuple[int, int]:
    """When a weekly window that begins on `day` begins and ends, in milliseconds."""
    overnight = _DAY_MINUTES if end <= start else 0
    return _moment(timezone, day, start, 0), _moment(timezone, day, end + overnight, 1)


def _moment(timezone: str, day: date, minutes: int, fold: int) -> int:
    """The moment at which the wall clock shows so many minutes after the midnight of `day`.

    Args:
        timezone: whose wall clock.
        day: the day.
        minutes: more than a day's mean the next one.
        fold: 0 for the first, 1 for the last of two such moments.
    """
    zone = ZoneInfo(timezone)
    wall = datetime.fromordinal(day.toordinal()) + timedelta(minutes=minutes)
    found = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != wall:
        found = _jump(zone, wall)
    return round(found.timestamp() * 1000)


def _jump(zone: ZoneInfo, wall: datetime) -> datetime:
    """When the clocks jumped over the wall-clock time `wall`."""
    before, after = (
        wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0)
    )  # by the offset after the jump, and by that before it
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
