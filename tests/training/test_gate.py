"""The laws of the gate, and the name of each reason for which it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.gate import Chosen, HeadAnswers, behaviour_numbers, judge
from training.gate_limits import GateLimits
from training.metrics import head_metrics
from training.paired import difference_interval

CLASSES = ("negative", "neutral", "positive")
EASY: dict[str, Any] = {"heads": ("sentiment",), "min_rows": 1, "resamples": 200, "behaviour": {}}


def answers(seed: int, rows: int, right: float, *, ece: float = 0.02) -> HeadAnswers:
    """Random labels; a model that is right on a share of them. One seed, one holdout."""
    labels = np.random.default_rng(seed).integers(0, 3, rows)
    chance = np.random.default_rng(seed + 1)
    wrong = (labels + chance.integers(1, 3, rows)) % 3
    chosen = np.where(chance.random(rows) < right, labels, wrong)
    return HeadAnswers(CLASSES, np.eye(3, dtype=bool)[chosen], np.eye(3, dtype=bool)[labels], ece)


def limits(**changes: Any) -> GateLimits:
    return GateLimits(**{**EASY, **changes})


def reasons(new: HeadAnswers, old: HeadAnswers | None = None, **changes: Any) -> list[str]:
    """The reasons against a challenger (and a champion)."""
    champion = None if old is None else {"sentiment": old}
    verdict = judge({"sentiment": new}, champion, {}, limits(**changes))
    assert verdict.passed is (verdict.against == ())
    return [finding.reason for finding in verdict.against]


ANSWERS = st.builds(answers, st.integers(0, 10_000), st.integers(1, 300), st.floats(0, 1, width=16))


@given(ANSWERS)
def test_a_challenger_that_is_the_champion_is_never_refused_for_a_difference(
    same: HeadAnswers,
) -> None:
    lax = {"min_class_f1": 0, "max_ece": 1, "max_loss": 0}
    assert reasons(same, same, **lax) == []


@given(ANSWERS, ANSWERS, st.floats(0, 1), st.floats(0, 1))
def test_who_passes_passes_under_lower_floors(
    new: HeadAnswers, old: HeadAnswers, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    old = old if len(old.truth) == len(new.truth) else new
    if not reasons(new, old, min_class_f1=high, max_ece=1 - high, max_loss=1 - high):
        assert not reasons(new, old, min_class_f1=low, max_ece=1 - low, max_loss=1 - low)


@given(ANSWERS)
def test_the_order_of_the_champions_classes_means_nothing(same: HeadAnswers) -> None:
    turned = Chosen(CLASSES[::-1], same.said[:, ::-1])
    verdict = judge({"sentiment": same}, {"sentiment": turned}, {}, limits())
    assert (verdict.heads["sentiment"].low, verdict.heads["sentiment"].high) == (0, 0)


@given(st.integers(0, 1000), st.integers(20, 200))
def test_macro_f1_is_that_of_an_evaluation(seed: int, rows: int) -> None:
    found = answers(seed, rows, 0.7)
    verdict = judge({"sentiment": found}, None, {}, limits())
    expected = head_metrics(found.said.astype(float), found.truth.argmax(1), CLASSES)
    measured = verdict.heads["sentiment"]
    assert measured.macro_f1 == pytest.approx(expected["macro_f1"], abs=2e-4)
    for name, f1 in measured.f1.items():
        assert f1 == pytest.approx(expected["classes"][name]["f1"], abs=2e-4)


def test_the_interval_is_that_of_rows_drawn_one_by_one() -> None:
    new, old = answers(3, 400, 0.85), answers(3, 400, 0.85)
    old = replace(old, said=answers(4, 400, 0.8).said)
    found = difference_interval(new.truth, new.said, old.said, limits(resamples=20_000))
    chance = np.random.default_rng(1)
    by_hand = []
    for _ in range(2000):
        rows = chance.integers(0, 400, 400)
        truth = new.truth[rows].argmax(1)
        by_hand.append(
            head_metrics(new.said[rows].astype(float), truth, CLASSES)["macro_f1"]
            - head_metrics(old.said[rows].astype(float), truth, CLASSES)["macro_f1"]
        )
    assert found == pytest.approx(np.quantile(by_hand, [0.05, 0.95]), abs=0.006)


def test_one_seed_gives_one_interval() -> None:
    new, old = answers(3, 400, 0.85), answers(3, 400, 0.8)
    one, two = (difference_interval(new.truth, new.said, old.said, limits()) for _ in range(2))
    assert one == two


def test_a_challenger_that_is_worse_is_refused_and_a_better_one_is_not() -> None:
    good, bad = answers(1, 2000, 0.9), answers(1, 2000, 0.8)
    assert reasons(bad, good) == ["worse"]
    assert reasons(good, bad) == []


def test_a_holdout_that_is_too_small_to_tell_refuses_and_says_so() -> None:
    """Two models with three mistakes each, in different rows of sixty."""
    perfect = answers(1, 60, 1.0)

    def mistaken(rows: slice) -> HeadAnswers:
        said = perfect.said.copy()
        said[rows] = np.roll(said[rows], 1, axis=1)
        return replace(perfect, said=said)

    new, old = mistaken(slice(0, 3)), mistaken(slice(3, 6))
    verdict = judge({"sentiment": new}, {"sentiment": old}, {}, limits())
    assert [each.reason for each in verdict.against] == ["not_shown_as_good"]
    assert "can't be excluded on 60 rows" in verdict.against[0].said


def test_floors_hold_for_classes_with_enough_rows() -> None:
    found = answers(1, 300, 0.7)
    assert set(reasons(found, min_class_f1=0.99)) == {"class_floor"}
    assert reasons(found, min_class_f1=0.99, min_support=301) == []
    assert reasons(found, floors={"sentiment": {"negative": 0.99}}) == ["class_floor"]
    assert reasons(found, min_macro_f1={"sentiment": 0.99}) == ["macro_f1_floor"]


def test_a_floor_that_no_class_can_meet_is_not_passed_over() -> None:
    found = answers(1, 300, 0.9)
    verdict = judge({"sentiment": found}, None, {}, limits(floors={"sentiment": {"negativ": 0.9}}))
    assert [each.reason for each in verdict.against] == ["class_floor"]
    assert "a floor for negativ, which is no class of the challenger" in verdict.against[0].said


def test_calibration_has_a_limit() -> None:
    assert reasons(answers(1, 300, 0.9, ece=0.2)) == ["calibration"]
    assert reasons(answers(1, 300, 0.9, ece=float("nan"))) == ["calibration"]


def test_behaviour_has_limits_and_what_was_not_measured_is_told() -> None:
    found = {"sentiment": answers(1, 300, 0.9)}
    bound = limits(behaviour={"entity_swap.flip_rate": 0.05})
    worse = judge(found, None, {"entity_swap.flip_rate": 0.2}, bound)
    assert [each.said for each in worse.against] == [
        "behaviour: entity_swap.flip_rate is 0.2000, above 0.05"
    ]
    assert [each.reason for each in judge(found, None, {}, bound).notes] == [
        "no_champion",
        "behaviour_unmeasured",
    ]
    nan = judge(found, None, {"entity_swap.flip_rate": float("nan")}, bound)
    assert not nan.passed


def test_a_head_whose_classes_changed_is_judged_on_its_limits_alone() -> None:
    found = answers(1, 300, 0.7)
    best = answers(1, 300, 1.0)
    renamed = Chosen(("negative", "neutral", "glad"), best.said)
    assert reasons(found, best) == ["worse"]
    verdict = judge({"sentiment": found}, {"sentiment": renamed}, {}, limits())
    assert verdict.passed
    assert "new: positive; gone: glad" in verdict.notes[0].said


def test_a_head_without_labels_is_not_taken_on_trust() -> None:
    verdict = judge({"sentiment": answers(1, 300, 0.9)}, None, {}, GateLimits(behaviour={}))
    assert [each.reason for each in verdict.against] == ["too_few_rows"]
    assert verdict.against[0].said.startswith("topic: 0 labelled rows")


def test_labels_may_be_several() -> None:
    truth = np.array([[True, True], [False, True], [False, False], [True, False]] * 50)
    both = HeadAnswers(("Oil", "Banks"), truth, truth, 0.0)
    blind = replace(both, said=truth & np.array([True, False]))
    open_ = limits(heads=("topic",), min_class_f1=0)
    verdict = judge({"topic": blind}, {"topic": both}, {}, open_)
    assert [each.reason for each in verdict.against] == ["worse"]
    assert verdict.heads["topic"].f1 == {"Oil": 1.0, "Banks": 0.0}


def test_behaviour_numbers_are_found_at_any_depth() -> None:
    found = {"entity_swap": {"flip_rate": 0.02, "by": {"company": 0.01}, "ok": True}, "note": "x"}
    assert behaviour_numbers(found) == {
        "entity_swap.flip_rate": 0.02,
        "entity_swap.by.company": 0.01,
    }
