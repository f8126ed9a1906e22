"""Class offsets: what they undo, what they leave alone, and that a head gives them after."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="trains: pip install 'newsurge[train]'")

import torch

from tests.training.toy_world import toy_recipe
from training.feeds import IGNORED, Row
from training.metrics import softmax
from training.offsets import fit_offsets, move_heads
from training.recipe import Recipe


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


@pytest.mark.parametrize("wanted", [[], ["sentiment"], ["topic", "sentiment"]])
def test_only_the_heads_that_the_recipe_names_are_moved(wanted: list[str]) -> None:
    content = toy_recipe()
    content["hyper"]["class_offsets"] = wanted
    recipe = Recipe.model_validate(content)
    classes = {"topic": len(recipe.topics), "sentiment": 3}
    network: Any = SimpleNamespace(**{h: torch.nn.Linear(2, n) for h, n in classes.items()})
    before = {head: getattr(network, head).bias.detach().clone() for head in classes}
    # Every label is each head's class 0, which the logits never say.
    rows = [Row(text=str(n), key=str(n), feed="", topic=0, sentiment=0) for n in range(50)]
    logits = (torch.zeros(50, classes["topic"]), torch.zeros(50, classes["sentiment"]))
    after = dict(zip(classes, move_heads(network, logits, rows, recipe), strict=True))
    for head in classes:
        moved = getattr(network, head).bias.detach() - before[head]
        assert torch.allclose(after[head], moved.expand(50, -1), atol=1e-6)
        assert bool(moved[0] > moved[1:].max()) == (head in wanted)
