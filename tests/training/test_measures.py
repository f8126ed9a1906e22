"""Averages, intervals, reliability, slices, mistakes, drift: against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from training.averages import HeadNumbers, confusion, numbers, numbers_of_several
from training.curves import curves
from training.drift import class_drift, divergence, word_drift
from training.feeds import Row
from training.metrics import calibration_error, cell_error, head_metrics, sigmoid, softmax
from training.mistakes import LONGEST, SHOWN, mistakes
from training.reliability import reliability, uncalibrated
from training.slices import MOST, OTHERS, Facts, facts_of, slices

NAMES = ("a", "b", "c", "d")


def drawn(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and logits that know something of them."""
    chance = np.random.default_rng(4)
    labels = chance.choice(4, size=rows, p=[0.5, 0.3, 0.15, 0.05])
    return labels, chance.normal(size=(rows, 4)) + 1.5 * np.eye(4)[labels]


def measured(rows: int = 600) -> HeadNumbers:
    labels, logits = drawn(rows)
    return numbers(confusion(labels, logits.argmax(1), 4), NAMES)


def test_averages_equal_those_of_scikit_learn() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn (extra: dev)")
    labels, logits = drawn()
    ours, said = measured(), logits.argmax(1)
    assert ours.confusion == tuple(map(tuple, sk.confusion_matrix(labels, said).tolist()))
    assert ours.accuracy.value == pytest.approx(sk.accuracy_score(labels, said), abs=1e-4)
    for how in ("micro", "macro", "weighted"):
        theirs = sk.precision_recall_fscore_support(labels, said, average=how)
        mine = getattr(ours, how)
        assert mine.precision.value == pytest.approx(theirs[0], abs=1e-4)
        assert mine.recall.value == pytest.approx(theirs[1], abs=1e-4)
        assert mine.f1.value == pytest.approx(theirs[2], abs=1e-4)
    for index, each in enumerate(ours.classes):
        theirs = sk.precision_recall_fscore_support(labels, said, labels=[index])
        mine = (each.precision.value, each.recall.value, each.f1.value, each.support)
        assert mine == pytest.approx([value[0] for value in theirs], abs=1e-4)


def test_they_are_those_of_the_short_metrics_too() -> None:
    labels, logits = drawn()
    short = head_metrics(softmax(logits), labels, NAMES)
    assert measured().macro.f1.value == short["macro_f1"]
    assert measured().accuracy.value == short["accuracy"]


def test_intervals_hold_the_value_are_repeatable_and_narrow_with_rows() -> None:
    few, many = measured(200), measured(20_000)
    assert few == measured(200)
    for each in (few.accuracy, few.macro.f1, few.weighted.recall, *(c.f1 for c in few.classes)):
        assert 0 <= each.low <= each.value <= each.high <= 1
    assert many.macro.f1.high - many.macro.f1.low < (few.macro.f1.high - few.macro.f1.low) / 4


def test_the_interval_of_a_share_is_that_of_theory() -> None:
    # 300 of 400 right: 0.75, standard error sqrt(0.75 * 0.25 / 400) = 0.02165.
    accuracy = numbers(np.array([[150, 50], [50, 150]]), ("a", "b")).accuracy
    assert accuracy.low == pytest.approx(0.75 - 1.96 * 0.02165, abs=0.004)
    assert accuracy.high == pytest.approx(0.75 + 1.96 * 0.02165, abs=0.004)


def test_a_class_without_rows_and_a_class_never_said_are_zero_and_no_fault() -> None:
    found = numbers(np.array([[5, 0, 0], [2, 0, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert [each.f1.value for each in found.classes[1:]] == [0, 0]
    assert found.macro.recall.value == 0.5  # of the two classes that have rows


def test_reliability_adds_up_to_the_calibration_error() -> None:
    labels, logits = drawn()
    answers = softmax(logits)
    diagram = reliability(answers, labels, 1.0)
    assert sum(each.rows for each in diagram.bins) == len(labels)
    gaps = sum(each.rows * abs(each.confidence - each.right) for each in diagram.bins)
    assert diagram.ece == pytest.approx(gaps / len(labels), abs=1e-4)
    assert diagram.ece == pytest.approx(calibration_error(answers, labels), abs=1e-4)


def test_a_temperature_can_be_taken_back() -> None:
    _, logits = drawn()
    before = uncalibrated(softmax(logits, 1.7).astype(np.float32), 1.7)
    assert before == pytest.approx(softmax(logits), abs=1e-6)
    before = uncalibrated(sigmoid(logits, 1.7), 1.7, several=True)
    assert before == pytest.approx(sigmoid(logits), abs=1e-6)


def test_one_class_a_text_is_several_with_one() -> None:
    labels, logits = drawn()
    said = logits.argmax(1)
    one = numbers(confusion(labels, said, 4), NAMES)
    several = numbers_of_several(np.eye(4)[labels], np.eye(4)[said], NAMES)
    pairs = [(one.accuracy, several.accuracy)]
    for mine, other in zip(
        (*one.classes, one.micro, one.macro, one.weighted),
        (*several.classes, several.micro, several.macro, several.weighted),
        strict=True,
    ):
        pairs += [
            (getattr(mine, what), getattr(other, what)) for what in ("precision", "recall", "f1")
        ]
    for mine, other in pairs:
        assert other.value == mine.value
        # The draws are others, so the bounds are alike only.
        assert (other.low, other.high) == pytest.approx((mine.low, mine.high), abs=0.02)


def test_numbers_of_several_classes_are_those_of_scikit_learn() -> None:
    chance = np.random.default_rng(5)
    is_of = (chance.random((300, 4)) < (0.5, 0.3, 0.1, 0.0)).astype(int)
    says = np.where(chance.random((300, 4)) < 0.8, is_of, 1 - is_of)
    found = numbers_of_several(is_of, says, NAMES)
    assert found.accuracy.value == pytest.approx(accuracy_score(is_of, says), abs=1e-4)
    assert (found.rows, found.confusion) == (300, ())
    for average in ("micro", "weighted"):
        theirs = precision_recall_fscore_support(is_of, says, average=average, zero_division=0)
        ours = getattr(found, average)
        assert (ours.precision.value, ours.recall.value, ours.f1.value) == pytest.approx(
            theirs[:3], abs=1e-4
        )
    by_class = precision_recall_fscore_support(is_of, says, average=None, zero_division=0)
    assert [each.f1.value for each in found.classes] == pytest.approx(by_class[2], abs=1e-4)
    assert found.macro.f1.value == pytest.approx(by_class[2][:3].mean(), abs=1e-4)


def test_of_several_classes_the_diagram_counts_every_answer_and_mistakes_name_them_all() -> None:
    answers = np.array([[0.9, 0.8, 0.1], [0.2, 0.97, 0.3], [0.1, 0.2, 0.3]])
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]])
    diagram = reliability(answers, truth, 1.0)
    assert sum(each.rows for each in diagram.bins) == 9
    assert diagram.ece == pytest.approx(cell_error(answers, truth == 1), abs=1e-4)
    worst, second = mistakes(["p", "q", "r"], answers, truth, "abc")
    assert (worst.text, worst.truth, worst.said, worst.probability) == ("q", "a", "b", 0.97)
    assert (second.text, second.truth, second.said) == ("r", "c", "no class")


def test_rows_are_sliced_by_what_they_tell() -> None:
    rows = [Row("Oake falls", "oake falls", "wire"), Row("Tarn rises", "tarn rises", "desk")]
    facts = facts_of(rows, [3, 200], ["en", "fr"])
    assert [(each.source, each.language) for each in facts] == [("wire", "en"), ("desk", "fr")]
    assert [each.length for each in facts] == ["1 to 8 tokens", "97 tokens or more"]
    assert [each.time for each in facts] == [None, None]
    truth, said = np.array([0, 1]), np.array([0, 0])
    found = slices(facts, lambda mask: numbers(confusion(truth[mask], said[mask], 2), "ab"))
    assert {(each.by, each.name, each.accuracy.value) for each in found} >= {
        ("source", "wire", 1.0),
        ("source", "desk", 0.0),
        ("length", "1 to 8 tokens", 1.0),
    }
    assert not [each for each in found if each.by == "time"]


def test_what_a_row_tells_comes_before_what_is_guessed() -> None:
    days = [1_764_547_200_000 + day * 86_400_000 for day in (0, 40)]  # from 2025-12-01
    rows = [Row("t", "t", "wire", time=day, source="desk", language="zh") for day in days]
    facts = facts_of(rows, [3, 3], ["en", "en"])
    assert {(each.source, each.language) for each in facts} == {("desk", "zh")}
    assert [each.time for each in facts] == ["2025-12", "2026-01"]
    years = facts_of([rows[0], Row("u", "u", "wire", time=days[0] * 2)], [3, 3], ["en", "en"])
    assert [each.time for each in years] == ["2025", "2081"]


def test_a_slice_that_all_rows_share_is_not_told_and_the_smallest_are_told_together() -> None:
    sizes = [3] * 15 + [2] * 15
    many = [
        Facts(f"s{source:02}", "en", "1 to 8 tokens", None)
        for source, rows in enumerate(sizes)
        for _ in range(rows)
    ]
    truth = np.zeros(len(many), int)
    found = slices(many, lambda mask: numbers(confusion(truth[mask], truth[mask], 2), "ab"))
    assert {each.by for each in found} == {"source"}
    assert len(found) == MOST + 1
    assert found[-1].name == OTHERS
    assert sum(each.rows for each in found) == len(many)


def test_the_surest_mistakes_come_first() -> None:
    answers = np.array([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8]])
    texts = ["unsure", "x" * 500, "right", "sure"]
    found = mistakes(texts, answers, np.array([1, 0, 1, 0]), ("a", "b"))
    assert [each.text[:6] for each in found] == ["xxxxxx", "sure", "unsure"]
    assert len(found[0].text) == LONGEST
    assert (found[1].truth, found[1].said) == ("a", "b")
    assert (found[1].probability, found[1].probability_of_truth) == (0.8, 0.2)
    wrong = np.tile([0.9, 0.1], (100, 1))
    assert len(mistakes(["t"] * 100, wrong, np.ones(100, int), ("a", "b"))) == SHOWN


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any))
def test_divergence_is_none_of_like_and_one_bit_of_strangers(counts: list[int]) -> None:
    one = np.array([*counts, 0, 0, 0], float)
    assert divergence(one, one * 7).sum() == pytest.approx(0, abs=1e-9)
    assert divergence(one, one[::-1]).sum() == pytest.approx(1)


def test_another_vocabulary_is_drift_and_another_sample_is_not() -> None:
    chance = np.random.default_rng(2)

    def some(words: str, count: int) -> list[str]:
        return [" ".join(chance.choice(words.split(), size=6)) for _ in range(count)]

    old = "profit loss bank oil gold court"
    same, _ = word_drift(some(old, 300), some(old, 200))
    other, words = word_drift(some(old, 300), some(old + " tariff", 200))
    assert same.value <= same.by_chance
    assert other.value > other.by_chance
    assert words[0] == "tariff"


def test_drift_of_classes_is_the_share_that_moved() -> None:
    moved = class_drift(np.repeat([0, 1], 100), np.repeat([0, 1], [50, 150]), 2)
    assert moved.value == pytest.approx(0.25)
    assert moved.value > moved.by_chance
    assert class_drift(np.repeat([0, 1], 50), np.repeat([0, 1], 70), 2).value == 0


def test_curves_are_of_what_the_bundle_kept() -> None:
    epochs = [
        {"loss": 0.5, "topic_macro_f1": 0.8, "epoch": 1.0, "train_loss": 0.9},
        {"loss": 0.4, "epoch": 2.0},
    ]
    found = curves({"epochs": epochs})
    assert [(each.name, each.points) for each in found.losses] == [
        ("train", ((1.0, 0.9),)),
        ("dev", ((1.0, 0.5), (2.0, 0.4))),
    ]
    assert [each.name for each in found.macro_f1] == ["topic"]
    assert curves({}) == curves({"epochs": "none"})
