"""What a rule may say: the language of `alerts.yaml`, as typed values.

Pure. Owns names, defaults and the checks that need one rule alone; it reads no file. How
durations and conditions are written is in `rule_text`.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from monitor.records import By, Series, Severity
from monitor.surge.rule_text import (
    COUNTS,
    QUANTITIES,
    Term,
    parse_condition,
    parse_duration,
    parse_false_alarms,
    quantity,
)
from monitor.surge.week import checked_calendar, checked_timezone

__all__ = [
    "QUANTITIES", "AbsentRule", "DeadManRule", "Duration", "Match", "Rule", "SurgeRule", "Term",
    "ThresholdRule", "Words", "parse_condition", "parse_duration", "parse_false_alarms",
    "quantity", "rule_hash",
]  # fmt: skip


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_set(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


_LENGTH = r"^(\d+[smhdw])+$"
_DURATION = WithJsonSchema({"anyOf": [{"type": "string", "pattern": _LENGTH}, {"const": 0}]})
_RATE = WithJsonSchema({"type": "string", "pattern": r"^\d+ +per +(\d+[smhdw])+$"})
_CONDITION = WithJsonSchema({"type": "string"})
_WORDS = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)
Duration = Annotated[int, BeforeValidator(parse_duration), _DURATION]
Words = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), AfterValidator(_as_set), _WORDS]
Texts = Annotated[dict[str, str], Field(max_length=32)]


class Match(BaseModel):
    """Which series and items a rule is about; nothing named means all.

    A `group` stands for keys, which whoever knows the watchlist puts into `key`
    (`monitor.rules.groups`); until then a rule about a group is about its own keys only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Words = ()
    group: Words = ()
    source: Words = ()
    language: Words = ()


class _Named(BaseModel):
    """What every rule has: a name, and what is told with its alerts."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )

    alert: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)
    severity: Severity = "warning"
    labels: Texts = {}
    annotations: Texts = {}
    receivers: tuple[str, ...] = ()


class _Rule(_Named):
    """What rules about a window of a series have."""

    by: By
    match: Match = Match()
    window: Duration = Field(gt=0)
    for_: Duration = Field(0, alias="for", ge=0)
    keep_firing_for: Duration = Field(0, ge=0)

    def concerns(self, series: Series) -> bool:
        """Whether the rule is about this series. `none` must be named to be meant."""
        if series.by != self.by:
            return False
        named = self.match.key or self.match.group
        return series.key in self.match.key if named else series.key != "none"

    @property
    def tells_early(self) -> bool:
        """Whether it can be told of a window that is not over yet."""
        return True

    @property
    def week(self) -> tuple[str, str | None] | None:
        """The time zone and calendar of its hours, where it asks for them."""
        return None


class ThresholdRule(_Rule):
    """A plain condition on a window."""

    type: Literal["threshold"]
    when: Annotated[tuple[Term, ...], BeforeValidator(parse_condition), _CONDITION]
    counting: Literal["novel", "raw"] = "novel"
    min_support: int = Field(1, ge=0)

    @property
    def tells_early(self) -> bool:
        """False where a term asks for little news: until a window is over, more may come."""
        return not any(
            term.quantity in COUNTS and term.operator in ("<", "<=") for term in self.when
        )


class SurgeRule(_Rule):
    """Negative news arrives faster, or as a greater share, than is usual for this series.

    `window` is the longest time over which a surge may build up. The rise is looked for at
    `factor` times the usual and above; none fires whose stories are fewer than `min_factor`
    times the expected, by default half-way from 1 to `factor`.
    """

    type: Literal["surge"]
    window: Duration = Field(parse_duration("7d"), gt=0)
    on: Literal["volume", "share", "either", "both"] = "volume"
    factor: float = Field(2.0, ge=1.2, le=100)
    min_factor: float | None = Field(None, gt=1)
    false_alarms: Annotated[int, BeforeValidator(parse_false_alarms), _RATE] = Field(
        default=parse_duration("30d"), description="Tolerated time between false alarms."
    )
    false_alarms_for: Literal["series", "rule"] = "series"
    min_support: int = Field(3, ge=1)
    max_episode: Duration = Field(parse_duration("2d"), gt=0)
    timezone: Annotated[str, AfterValidator(checked_timezone)] = "UTC"
    calendar: Annotated[str | None, AfterValidator(checked_calendar)] = None

    @property
    def least_factor(self) -> float:
        """The gate: how many times the expected the stories must be."""
        return self.min_factor or (1 + self.factor) / 2

    @property
    def week(self) -> tuple[str, str | None]:
        """The time zone and calendar of its hours."""
        return self.timezone, self.calendar

    def tolerated(self, series: int) -> int:
        """Milliseconds tolerated between false alarms on one of so many series."""
        return self.false_alarms * (series if self.false_alarms_for == "rule" else 1)


class AbsentRule(_Rule):
    """Nothing arrived for as long as the window."""

    type: Literal["absent"]

    @property
    def tells_early(self) -> bool:
        """False: until a window is over, something may come."""
        return False


class DeadManRule(_Named):
    """Always firing, told again and again: who no longer hears it knows that newsurge is in need.

    Its window is the time from one event to the next, and it is neither pending nor resolved.
    """

    type: Literal["dead_man"]
    by: Literal["all"] = "all"
    every: Duration = Field(parse_duration("5m"), gt=0)

    match: ClassVar[Match] = Match()
    for_: ClassVar[int] = 0
    keep_firing_for: ClassVar[int] = 0
    tells_early: ClassVar[bool] = False
    week: ClassVar[None] = None

    @property
    def window(self) -> int:
        """The window that its events show."""
        return self.every

    def concerns(self, series: Series) -> bool:
        """Whether the rule is about this series."""
        return series.by == "all"


Rule = Annotated[ThresholdRule | SurgeRule | AbsentRule | DeadManRule, Field(discriminator="type")]


def rule_hash(rule: Rule, statistics: dict[str, int | float | str]) -> str:
    """What identifies the meaning of a rule: 12 hexadecimal digits.

    Changes with anything that may change when it fires, including the deployment's
    `statistics` settings and the keys of its groups; not with its labels, annotations, severity,
    receivers or the names of groups.
    """
    presentation = dict.fromkeys(("labels", "annotations", "severity", "receivers"), True)
    fields = rule.model_dump(exclude={**presentation, "match": {"group"}})
    meaning = [fields, sorted(statistics.items())]
    return hashlib.sha256(msgspec.json.encode(meaning, order="sorted")).hexdigest()[:12]
