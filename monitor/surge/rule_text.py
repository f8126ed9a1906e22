"""How a rule writes durations, rates and conditions, and what they come to.

Pure. Durations are written `90s`, `15m`, `2h`, `7d` or `4w` and held in milliseconds.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import NamedTuple

from monitor.surge.panes import SCORE_UNIT, Tally
from monitor.surge.words import WrongWordError, did_you_mean, shown

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONGEST = 3650 * _UNITS["d"]
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
COUNTS = ("count", "negative_count")
QUANTITIES = ("negative_share", "mean_score", *COUNTS)
_RANGES = {"negative_share": (0, 1), "mean_score": (-1, 1)}
_TERM = re.compile(r"\s*([a-z_]+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*")


def parse_duration(value: object) -> int:
    """Milliseconds of a duration such as `15m`, or of several units such as `1h30m`.

    Raises:
        ValueError: when it is not one.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    parts = re.findall(r"(\d{1,9})([smhdw])", value) if isinstance(value, str) else []
    if not parts or "".join(map("".join, parts)) != value:
        raise ValueError(f"{shown(value)} is not a duration; write it as 90s, 15m, 2h, 7d or 1h30m")
    duration = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if duration > _LONGEST:
        raise ValueError(f"{shown(value)} is longer than ten years (3650d)")
    return duration


def parse_false_alarms(value: object) -> int:
    """The tolerated time between false alarms, in milliseconds, of a text such as `1 per 30d`.

    Raises:
        ValueError: when it is not one.
    """
    found = re.fullmatch(r"\s*(\d+)\s+per\s+(\S+)\s*", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"{shown(value)} is not a rate of false alarms; write it as '1 per 30d'")
    between = parse_duration(found[2]) // int(found[1])
    if between == 0:
        raise ValueError(
            f"{shown(value)} tolerates an alarm at every moment; write it as '1 per 30d'"
        )
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
    if not isinstance(value, str) or not value.strip():
        raise ValueError(
            f"{shown(value)} is not a condition; write one such as 'negative_share >= 0.5'"
        )
    for part in re.split(r"\band\b", value):
        found = _TERM.fullmatch(part)
        if found is None:
            what = shown(part.strip()) if part.strip() else "an 'and' without two sides"
            how = "join several with 'and'"
            if re.search(r"\bor\b", part):
                how = "for 'or', write two rules"
            raise WrongWordError(
                f"{what} is not a comparison; write 'negative_share >= 0.5', and {how}",
                part.strip(),
            )
        if found[1] not in QUANTITIES:
            raise WrongWordError(
                f"{shown(found[1])} is not one of {', '.join(QUANTITIES)}"
                + did_you_mean(found[1], QUANTITIES),
                found[1],
            )
        value = float(found[3])
        least, most = _RANGES.get(found[1], (value, value))
        if not least <= value <= most:
            raise WrongWordError(
                f"{found[1]} lies between {least:g} and {most:g}; {shown(found[3])} does not "
                "(0.7 is seventy percent)",
                found[3],
            )
        terms.append(Term(found[1], found[2], value))
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
    raise ValueError(f"{name!r} is not one of {', '.join(QUANTITIES)}")
