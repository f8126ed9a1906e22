"""What a cell means: times and lists of classes."""

import datetime as dt
from typing import Any

import pytest

from training.cells import read_label, read_time
from training.recipe_data import Labels
from training.sources.record import Disagreement

NOON = 1_772_452_800_000
TOPICS = ("Dividend", "Earnings")


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-02T12:00:00Z", "2026-03-02T13:00:00+01:00", "2026-03-02 12:00", NOON,
        str(NOON), NOON // 1000, float(NOON // 1000), dt.datetime(2026, 3, 2, 12),  # noqa: DTZ001 - as a table may have it

        dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC),
    ],
)  # fmt: skip
def test_one_moment_in_many_forms(cell: Any) -> None:
    assert read_time(cell) == NOON


def test_a_date_is_its_midnight() -> None:
    midnight = NOON - 12 * 3_600_000
    assert read_time("20260302") == read_time("2026-03-02") == midnight
    assert read_time(dt.date(2026, 3, 2)) == midnight


@pytest.mark.parametrize("cell", ["", None, float("nan"), "  "])
def test_an_empty_cell_has_no_time(cell: Any) -> None:
    assert read_time(cell) is None


@pytest.mark.parametrize("cell", ["soon", "02/03/2026", 12, "-5", 10**18])
def test_what_is_no_time_is_refused(cell: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_time(cell)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (["Earnings", "Dividend", "Earnings"], (0, 1)),
        ({"choices": ["Earnings"]}, (1,)),
        ([], ()),
        ("", "no label"),
        (["Earnings", "Gossip"], "unknown class"),
        ("Dividend; Earnings;", (0, 1)),
        (Disagreement(("Dividend", "Earnings")), "annotators disagree"),
    ],
)
def test_several_topics(cell: Any, expected: tuple[int, ...] | str) -> None:
    labels = Labels(column="c", separator=";")
    assert read_label(cell, labels, TOPICS, several=True) == expected
