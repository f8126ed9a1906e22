"""What a rule may say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.surge.panes import Tally
from monitor.surge.rules import Term, parse_condition, parse_duration, parse_false_alarms, quantity
from tests.surge.log import rule

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}


def written(seconds: int) -> str:
    """A duration in the fewest units."""
    rest, text = seconds * 1000, ""
    for unit, size in UNITS.items():
        number, rest = divmod(rest, size)
        text += f"{number}{unit}" if number else ""
    return text or "0s"


@given(st.integers(0, 10_000_000))
def test_a_duration_reads_as_it_is_written(seconds: int) -> None:
    assert parse_duration(written(seconds)) == seconds * 1000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("90s", 90_000), ("15m", 900_000), ("1h30m", 5_400_000), ("30d", 2_592_000_000), (0, 0)],
)
def test_durations(text: str | int, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "5", 5, "m", "5 m", "-5m", "5m!", "1.5h", None, False, "5M"])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_false_alarms() -> None:
    assert parse_false_alarms("1 per 30d") == 30 * UNITS["d"]
    assert parse_false_alarms("2 per 1w") == UNITS["w"] // 2


@pytest.mark.parametrize(
    "text", ["1 in 30d", "0 per 30d", "1 per 0s", "1 per never", "5000 per 1s", 30, None]
)
def test_what_is_no_rate_of_false_alarms(text: object) -> None:
    with pytest.raises(ValueError, match=r"(false alarms|duration|every moment); write it as"):
        parse_false_alarms(text)


def test_conditions() -> None:
    assert parse_condition("negative_share >= 0.5 and count>10") == (
        Term("negative_share", ">=", 0.5),
        Term("count", ">", 10.0),
    )
    assert parse_condition("mean_score < -0.25") == (Term("mean_score", "<", -0.25),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("negative_share = 0.5", "is not a comparison"),
        ("share >= 0.5", "'share' is not one of negative_share"),
        ("count >= 3 or count <= 1", "is not a comparison"),
        ("count >= 3 and", "is not a comparison"),
        (None, "nothing is not a condition"),
        ("negative_share >= 70", "between 0 and 1"),
    ],
)
def test_what_is_no_condition(text: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_condition(text)


TALLY = Tally(
    raw_count=8,
    raw_negative=6,
    raw_score=-4_000_000,
    novel_count=4,
    novel_negative=2,
    novel_score=1_000_000,
)


@pytest.mark.parametrize(
    ("name", "novel", "raw"),
    [
        ("count", 4, 8),
        ("negative_count", 2, 6),
        ("negative_share", 0.5, 0.75),
        ("mean_score", 0.25, -0.5),
    ],
)
def test_quantities_over_stories_and_over_items(name: str, novel: float, raw: float) -> None:
    assert quantity(name, TALLY, novel=True) == novel
    assert quantity(name, TALLY, novel=False) == raw
    assert quantity(name, Tally(), novel=True) == 0


@pytest.mark.parametrize(
    ("operator", "holds"),
    [(">=", [0, 1, 1]), (">", [0, 0, 1]), ("<=", [1, 1, 0]), ("<", [1, 0, 0])],
)
def test_operators(operator: str, holds: list[int]) -> None:
    found = [Term("count", operator, 4.0).holds(Tally(novel_count=n), True) for n in (3, 4, 5)]
    assert found == [bool(one) for one in holds]


@pytest.mark.parametrize(
    "fields",
    [
        {"alert": "has spaces"},
        {"by": "country"},
        {"window": "0s"},
        {"type": "magic"},
        {"severity": "loud"},
        {"unheard_of": 1},
        {"type": "surge", "min_factor": 1},
        {"type": "surge", "min_support": 0},
        {"type": "absent", "when": "count >= 1"},
    ],
    ids=str,
)
def test_what_a_rule_may_not_say(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(**fields)


def test_one_word_stands_for_a_list_of_one() -> None:
    assert rule(match={"source": "Wire"}).match.source == ("Wire",)
