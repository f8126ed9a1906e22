"""What a backtest finds, as values: the content of its JSON, which has a generated schema.

Values only; nothing here reads, reckons or draws. Times are milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from monitor.records import AlertEvent, Series, Severity

SCHEMA_VERSION = 1


class Refused(msgspec.Struct, frozen=True):
    """Rows that could not be used for one reason: how many, and the first ones in words."""

    reason: str
    count: int
    first: tuple[str, ...]


class History(msgspec.Struct, frozen=True):
    """What was played.

    `first` and `last` are the times of its first and its last record. `outcomes` counts what
    became of the scored records under the first rule file, in the words of
    `newsurge_scored_records_total`. `marks` tells where time came from: `log` where the stream
    told it, `times` where it follows from the records' own.
    """

    sources: tuple[str, ...]
    marks: Literal["log", "times"]
    first: int
    last: int
    scored_records: int
    outcomes: dict[str, int]
    models: tuple[str, ...]
    refused: tuple[Refused, ...]


class Event(msgspec.Struct, frozen=True):
    """Something that should be told, as `--events` names it."""

    name: str
    series: Series
    start: int
    end: int


class Alarm(msgspec.Struct, frozen=True):
    """One alert from its firing to its resolution; None where it fires still at the end.

    `id` is that of the firing event. `events` are the places, among the events given, of those
    that it tells of.
    """

    id: str
    rule: str
    series: Series
    severity: Severity
    started_at: int
    fired_at: int
    resolved_at: int | None
    negative_stories: int
    expected: float | None
    factor: float | None
    strength: float | None
    headline: str
    events: tuple[int, ...] = ()


class Monthly(msgspec.Struct, frozen=True):
    """How many alarms a rule raised on a series in a month of UTC, such as `2025-10`."""

    rule: str
    series: Series
    month: str
    alarms: int


class Telling(msgspec.Struct, frozen=True):
    """Whether and how soon one event was told by a rule; `alarm` is the id of the first to do so.

    A delay is counted from the event's start; an alarm that fires already then has none.
    """

    event: int
    rule: str
    alarm: str | None
    delay_seconds: float | None


class Score(msgspec.Struct, frozen=True):
    """A rule held against the events on series that it is about.

    `outside` are its alarms that overlap none of them; `rule` is `any rule` for all together.
    Without events `recall` is None, and every alarm is outside.
    """

    rule: str
    alarms: int
    events: int
    told: int
    recall: float | None
    median_delay_seconds: float | None
    outside: int


class CurvePoint(msgspec.Struct, frozen=True):
    """A surge rule with another `factor` or other `false_alarms`, reckoned on closed panes.

    `false_alarms_days` is the tolerated time between false alarms; `is_own` marks the rule as
    it is.
    """

    rule: str
    varied: Literal["factor", "false_alarms"]
    factor: float
    false_alarms_days: float
    is_own: bool
    score: Score


class Outcome(msgspec.Struct, frozen=True):
    """What one rule file would have told: its alerts as WATCH writes them, and what follows."""

    rules: str
    alerts: tuple[AlertEvent, ...]
    alarms: tuple[Alarm, ...]
    monthly: tuple[Monthly, ...]
    tellings: tuple[Telling, ...]
    scores: tuple[Score, ...]
    curve: tuple[CurvePoint, ...]


class Pair(msgspec.Struct, frozen=True):
    """One surge of news as two rule files told it: the ids of their alarms.

    `later_seconds` is how much later the second told it.
    """

    series: Series
    first: str | None
    second: str | None
    later_seconds: float | None


class Timeline(msgspec.Struct, frozen=True):
    """A series over time: what each step of `step_seconds` held, from `start` on.

    `expected` is what the baseline led one to expect at the end of the step; None before it is
    asked, or where no surge rule is about the series.
    """

    series: Series
    start: int
    step_seconds: float
    negative: tuple[float, ...]
    stories: tuple[int, ...]
    expected: tuple[float | None, ...]


class Backtest(msgspec.Struct, frozen=True):
    """A backtest of one rule file, or of two side by side."""

    history: History
    events: tuple[Event, ...]
    outcomes: tuple[Outcome, ...]
    comparison: tuple[Pair, ...] | None
    timelines: tuple[Timeline, ...]
    doubts: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION
