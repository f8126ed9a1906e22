"""Accuracy, F1, calibration: held against scikit-learn and against cases worked by hand."""

import numpy as np
import pytest

from training.calibration import fit_temperature
from training.feeds import IGNORED
from training.metrics import calibration_error, head_metrics, softmax


def test_metrics_equal_those_of_scikit_learn() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn (extra: train)")
    chance = np.random.default_rng(4)
    labels = chance.integers(0, 4, 500)
    logits = chance.normal(size=(500, 4)) + 1.5 * np.eye(4)[labels]
    ours = head_metrics(softmax(logits), labels, ("a", "b", "c", "d"))
    chosen = logits.argmax(1)
    assert ours["accuracy"] == pytest.approx(sk.accuracy_score(labels, chosen), abs=1e-4)
    assert ours["macro_f1"] == pytest.approx(sk.f1_score(labels, chosen, average="macro"), abs=1e-4)
    report = sk.classification_report(labels, chosen, output_dict=True)
    for index, name in enumerate("abcd"):
        theirs = report[str(index)]
        assert ours["classes"][name]["precision"] == pytest.approx(theirs["precision"], abs=1e-4)
        assert ours["classes"][name]["recall"] == pytest.approx(theirs["recall"], abs=1e-4)
        assert ours["classes"][name]["support"] == theirs["support"]


def test_rows_without_a_label_are_left_out() -> None:
    answers = np.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    metrics = head_metrics(answers, np.array([0, 1, IGNORED]), ("a", "b"))
    assert (metrics["rows"], metrics["accuracy"], metrics["macro_f1"]) == (2, 1.0, 1.0)
    assert head_metrics(answers, np.full(3, IGNORED), ("a", "b")) == {}


def test_a_class_without_a_row_is_not_averaged() -> None:
    metrics = head_metrics(np.array([[0.8, 0.1, 0.1]]), np.array([0]), ("a", "b", "c"))
    assert metrics["macro_f1"] == 1.0


def test_calibration_error_by_hand() -> None:
    # Four answers said with 0.8: three right. One said with 0.6: wrong.
    probabilities = np.array([[0.8, 0.2]] * 4 + [[0.6, 0.4]])
    truth = np.array([0, 0, 0, 1, 1])
    assert calibration_error(probabilities, truth) == pytest.approx((0.2 + 0.6) / 5)


def test_softmax_of_large_logits_is_finite() -> None:
    assert softmax(np.array([[1000.0, 0.0]]))[0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(truth: float) -> None:
    chance = np.random.default_rng(1)
    logits = chance.normal(size=(20_000, 3)) * 3
    labels = np.array([chance.choice(3, p=p) for p in softmax(logits, truth)])
    assert fit_temperature(softmax(logits), labels) == pytest.approx(truth, rel=0.06)


def test_the_temperature_without_labels_is_one() -> None:
    assert fit_temperature(np.full((2, 3), 1 / 3), np.full(2, IGNORED)) == 1.0
