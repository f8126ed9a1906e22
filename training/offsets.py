"""Class offsets: what each class's logit is moved by, fitted on rows that were not learned from.

Bias-corrected temperature scaling, Alexandari, Kundaje and Shrikumar, Maximum Likelihood with
Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation (2020), section 3. The offsets
become part of the head's own bias; the temperature is fitted anew on what is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from training.evaluation import HEADS
from training.targets import head_labels, is_labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from training.feeds import Row
    from training.network import TwoHeads
    from training.recipe import Recipe
    from training.targets import Labels

PENALTY = 1e-3
"""Of the offsets' squares, so that a class of few rows is moved little."""
_STEPS = 200


def fit_offsets(logits: Tensor, labels: Labels) -> Tensor:
    """Returns float32 [classes], to be added to the logits; zeros where no row is labelled.

    Args:
        logits: [rows, classes].
        labels: [rows] or [rows, classes], as `targets.head_labels` returns them.
    """
    labelled = is_labelled(labels)
    offsets = torch.zeros(logits.shape[1], dtype=torch.float64, requires_grad=True)
    if not labelled.any():
        return offsets.detach().float()
    given, truth = logits[torch.from_numpy(labelled)].double(), torch.from_numpy(labels[labelled])
    # Fitted beside the offsets, so that they need not make up for it.
    sharpness = torch.zeros((), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([offsets, sharpness], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        moved = given * sharpness.exp() + offsets
        if truth.ndim == 2:
            found = functional.binary_cross_entropy_with_logits(moved, truth.double())
        else:
            found = functional.cross_entropy(moved, truth)
        found = found + PENALTY * offsets.square().sum()
        found.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return found

    search.step(loss)  # type: ignore[no-untyped-call]
    return (offsets / sharpness.exp()).detach().float()


def move_heads(
    network: TwoHeads, logits: tuple[Tensor, Tensor], rows: Sequence[Row], recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Puts the offsets that `rows` ask for into the biases of the recipe's `class_offsets`.

    Args:
        network: changed in place.
        logits: of both heads on `rows`, as it gave them.
        rows: not learned from.
        recipe: what the heads know.

    Returns:
        The logits as the network gives them now.
    """
    labels = head_labels(rows, len(recipe.topics), recipe.topic_mode)
    moved = dict(zip(HEADS, logits, strict=True))
    for head in recipe.hyper.class_offsets:
        offsets = fit_offsets(moved[head], labels[head])
        with torch.no_grad():
            getattr(network, head).bias.add_(offsets)
        moved[head] = moved[head] + offsets
    return moved["topic"], moved["sentiment"]
