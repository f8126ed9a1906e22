"""What a rule may say: the language of `alerts.yaml`, as typed values.

Pure. Owns names, defaults and the checks that need one rule alone; it reads no file. Durations
are written `90s`, `15m`, `2h`, `7d` or `4w` and held in milliseconds.
"""

from __future__ import annotations

import hashlib
import operator
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from monitor.records import By, Series, Severity
from monitor.surge.panes import SCORE_UNIT, Tally
from monitor.surge.week import checked_calendar, checked_timezone

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_COUNTS = ("count", "negative_count")
_QUANTITIES = ("negative_share", "mean_score", *_COUNTS)
_TERM = re.compile(r"\s*([a-z_]+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*")


def parse_duration(value: object) -> int:
    """Milliseconds of a duration such as `15m`, or of several units such as `1h30m`.

    Raises:
        ValueError: when it is not one.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    parts = re.findall(r"(\d+)([smhdw])", value) if isinstance(value, str) else []
    if not parts or "".join(map("".join, parts)) != value:
        raise ValueError(f"{value!r} is not a duration; write it as 90s, 15m, 2h, 7d or 1h30m")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def parse_false_alarms(value: object) -> int:
    """The tolerated time between false alarms, in milliseconds, of a text such as `1 per 30d`.

    Raises:
        ValueError: when it is not one.
    """
    found = re.fullmatch(r"\s*(\d+)\s+per\s+(\S+)\s*", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"{value!r} is not a rate of false alarms; write it as '1 per 30d'")
    between = parse_duration(found[2]) // int(found[1])
    if between == 0:
        raise ValueError(f"{value!r} tolerates an alarm at every moment; write it as '1 per 30d'")
    return between


class Term(NamedTuple):
    """One comparison of a quantity of the window with a number."""

    quantity: str
    operator: str
    value: float

    def holds(self, tally: Tally, novel: bool) -> bool:
        """Whether it holds for the window's stories, or for its raw items."""
        name, comparison, value = self
        return _OPERATORS[comparison](quantity(name, tally, novel), value)


def parse_condition(value: object) -> tuple[Term, ...]:
    """The terms of a condition such as `negative_share >= 0.5 and count >= 10`.

    Raises:
        ValueError: when it is not one.
    """
    terms = []
    for part in re.split(r"\band\b", str(value)):
        found = _TERM.fullmatch(part)
        if found is None:
            raise ValueError(
                f"{part.strip()!r} is not a comparison; write 'negative_share >= 0.5', "
                "and join several with 'and'"
            )
        if found[1] not in _QUANTITIES:
            raise ValueError(f"{found[1]!r} is not one of {', '.join(_QUANTITIES)}")
        terms.append(Term(found[1], found[2], float(found[3])))
    return tuple(terms)


def quantity(name: str, tally: Tally, novel: bool) -> float:
    """A quantity of a window: over its stories when `novel`, else over its raw items.

    Shares and means of an empty window are 0.
    """
    count = tally.novel_count if novel else tally.raw_count
    negative = tally.novel_negative if novel else tally.raw_negative
    score = tally.novel_score if novel else tally.raw_score
    match name:
        case "count":
            return float(count)
        case "negative_count":
            return float(negative)
        case "negative_share":
            return negative / count if count else 0.0
        case "mean_score":
            return score / SCORE_UNIT / count if count else 0.0
    raise ValueError(f"{name!r} is not one of {', '.join(_QUANTITIES)}")


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_set(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


Duration = Annotated[int, BeforeValidator(parse_duration)]
Words = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), AfterValidator(_as_set)]


class Match(BaseModel):
    """Which series and items a rule is about; nothing named means all.

    A `group` stands for keys, which whoever knows the watchlist puts into `key`
    (`monitor.rule_groups`); until then a rule about a group is about its own keys only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Words = ()
    group: Words = ()
    source: Words = ()
    language: Words = ()


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    alert: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    by: By
    match: Match = Match()
    window: Duration = Field(gt=0)
    for_: Duration = Field(0, alias="for", ge=0)
    keep_firing_for: Duration = Field(0, ge=0)
    severity: Severity = "warning"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    receivers: tuple[str, ...] = ()

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
    when: Annotated[tuple[Term, ...], BeforeValidator(parse_condition)]
    counting: Literal["novel", "raw"] = "novel"
    min_support: int = Field(1, ge=0)

    @property
    def tells_early(self) -> bool:
        """False where a term asks for little news: until a window is over, more may come."""
        return not any(
            term.quantity in _COUNTS and term.operator in ("<", "<=") for term in self.when
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
    false_alarms: Annotated[int, BeforeValidator(parse_false_alarms)] = Field(
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


Rule = Annotated[ThresholdRule | SurgeRule | AbsentRule, Field(discriminator="type")]


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
