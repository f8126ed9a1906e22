"""Class offsets: what they undo, what they leave alone, and that a head gives them after."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="trains: pip install 'newsurge[train]'")

import torch

from training.feeds import IGNORED
from training.metrics import softmax
from training.offsets import fit_offsets


def drawn(rows: int = 6000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from the very probabilities that they say."""
    chance = np.random.default_rng(3)
    logits = chance.normal(size=(rows, 4)) * 2
    chances = softmax(logits).cumsum(1)
    return logits, (chance.random((rows, 1)) > chances[:, :3]).sum(1)


@pytest.mark.parametrize("sharpness", [1.0, 0.5, 2.0])
def test_what_moved_the_logits_is_taken_back(sharpness: float) -> None:
    logits, labels = drawn()
    moved = np.array([1.0, -0.5, 0.0, -0.5])
    found = fit_offsets(torch.from_numpy((logits + moved) * sharpness), labels).numpy()
    expected = -moved * sharpness
    assert found - found.mean() == pytest.approx(expected - expected.mean(), abs=0.15 * sharpness)


def test_logits_that_need_nothing_are_left_alone() -> None:
    logits, labels = drawn()
    found = fit_offsets(torch.from_numpy(logits), labels).numpy()
    assert found == pytest.approx(np.zeros(4), abs=0.1)


def test_a_class_of_few_rows_is_moved_little_and_rows_without_a_label_say_nothing() -> None:
    logits, labels = drawn(40)
    labels[labels == 3] = IGNORED
    found = fit_offsets(torch.from_numpy(logits), labels)
    assert torch.isfinite(found).all()
    none = fit_offsets(torch.from_numpy(logits), np.full(40, IGNORED))
    assert none.tolist() == [0.0] * 4


def test_classes_that_stand_by_themselves_are_moved_by_themselves() -> None:
    chance = np.random.default_rng(3)
    logits = chance.normal(size=(6000, 2)) * 2
    labels = (chance.random((6000, 2)) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    moved = torch.from_numpy(logits + np.array([1.5, 0.0]))
    assert fit_offsets(moved, labels).numpy() == pytest.approx([-1.5, 0.0], abs=0.15)
