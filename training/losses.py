"""What the network is fitted to: masked losses of both heads, and the losses beside the labels'.

Pure functions of tensors. A row that lacks a head's label costs that head nothing. All losses are
divided by the rows of the whole batch, so that every row counts the same whichever rows happen to
share its batch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.feeds import IGNORED

SMALLEST = 1e-7  # keeps a teacher's sure answers finite as logits


class Head(NamedTuple):
    """How one head's loss is made.

    `share` is its weight in the sum, `class_weights` float32 [classes] or None, and `is_multi`
    says that each class has a probability of its own.
    """

    share: float = 1.0
    smoothing: float = 0.0
    class_weights: Tensor | None = None
    is_multi: bool = False


def masked_loss(logits: Tensor, labels: Tensor, weight: Tensor, head: Head) -> Tensor:
    """Returns the weighted cross-entropy with the labels, per row of the batch.

    Args:
        logits: [batch, classes].
        labels: [batch], the class or `IGNORED`; of a multi-label head [batch, classes] of 0 and 1,
            or `IGNORED` all along.
        weight: [batch], what each row counts.
        head: how the loss is made.
    """
    if head.is_multi:
        labelled = labels[:, 0] != IGNORED
        targets = labels.clamp(min=0).float()
        targets = targets * (1 - head.smoothing) + head.smoothing / 2
        losses = functional.binary_cross_entropy_with_logits(
            logits.float(), targets, reduction="none", pos_weight=_on(head.class_weights, logits)
        ).mean(1)
        return (losses * labelled * weight).sum() / len(labels)
    losses = functional.cross_entropy(
        logits.float(),
        labels,
        reduction="none",
        label_smoothing=head.smoothing,
        ignore_index=IGNORED,
    )
    if (by_class := _on(head.class_weights, logits)) is not None:
        weight = weight * by_class[labels.clamp(min=0)]
    return (losses * weight).sum() / len(labels)


def divergence(one: Tensor, other: Tensor, *, is_multi: bool) -> Tensor:
    """Returns how far two passes are apart, symmetric, per row of the batch.

    The mean of both Kullback-Leibler divergences: Wu et al., R-Drop: Regularized Dropout for
    Neural Networks (2021), equation 2. It needs no label.
    """
    first, second = _log_probabilities(one, is_multi), _log_probabilities(other, is_multi)
    gaps = (first.exp() - second.exp()) * (first - second)
    return gaps.sum(-1).mean() / 2


def distillation(logits: Tensor, teacher: Tensor, temperature: float, *, is_multi: bool) -> Tensor:
    """Returns the divergence of the student from the teacher, both softened, per row of the batch.

    Scaled by the temperature's square, so that gradients keep their size: Hinton et al.,
    Distilling the Knowledge in a Neural Network (2015), section 2.

    Args:
        logits: the student's, [batch, classes].
        teacher: the teacher's probabilities, [batch, classes].
        temperature: what both logits are divided by.
        is_multi: each class has a probability of its own.
    """
    known = teacher.clamp(SMALLEST, 1 - SMALLEST)
    taught = torch.logit(known) if is_multi else known.log()
    target = _log_probabilities(taught / temperature, is_multi)
    told = _log_probabilities(logits / temperature, is_multi)
    return (target.exp() * (target - told)).sum(-1).mean() * temperature**2


def _on(weights: Tensor | None, logits: Tensor) -> Tensor | None:
    return None if weights is None else weights.to(logits.device)


def _log_probabilities(logits: Tensor, is_multi: bool) -> Tensor:
    """[batch, classes]; of a multi-label head [batch, classes, 2], of yes and of no."""
    logits = logits.float()
    if is_multi:
        return torch.stack([functional.logsigmoid(logits), functional.logsigmoid(-logits)], -1)
    return functional.log_softmax(logits, -1)
