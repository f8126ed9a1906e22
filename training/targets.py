"""Rows as arrays of labels: what losses, metrics and temperatures compare with. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.feeds import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.feeds import Row

    Labels = NDArray[np.integer[Any]]


def head_labels(rows: Sequence[Row], topics: int, topic_mode: str = "single") -> dict[str, Labels]:
    """Returns int64 labels by head: `topic` and `sentiment`, in this order.

    `sentiment` is [rows], the class index or `IGNORED`, and so is `topic` where a text has one
    topic. With `topic_mode` "multi", `topic` is [rows, topics]: 1 where a text has a topic, 0
    where not, and `IGNORED` all along where nobody said.
    """
    sentiment = np.array([row.sentiment for row in rows], dtype=np.int64)
    if topic_mode != "multi":
        return {"topic": np.array([row.topic for row in rows], np.int64), "sentiment": sentiment}
    several = np.full((len(rows), topics), IGNORED, dtype=np.int64)
    for index, row in enumerate(rows):
        if row.topics is not None:
            several[index] = 0
            several[index, list(row.topics)] = 1
    return {"topic": several, "sentiment": sentiment}


def is_labelled(labels: Labels) -> Labels:
    """Returns bool [rows]: which rows carry a label."""
    found: Labels = (labels if labels.ndim == 1 else labels[:, 0]) != IGNORED
    return found


def class_weights(labels: Labels, classes: int, kind: str) -> Labels | None:
    """Returns float32 [classes], what the labels of each class count in the loss; None: alike.

    `balanced` makes the classes of one head count the same in sum, `sqrt` goes half the way. For
    one class a text, weights average 1 over the labelled rows, so the rate needs no change. With
    several classes a text they weigh what is of a class against what is not. A class without one
    row has weight 1.

    Args:
        labels: of one head, see `head_labels`.
        classes: how many the head has.
        kind: `none`, `balanced` or `sqrt`.
    """
    labelled = labels[is_labelled(labels)]
    if kind == "none" or not len(labelled):
        return None
    if labels.ndim == 2:
        counts = labelled.sum(0)
        odds = np.where(counts > 0, (len(labelled) - counts) / np.maximum(counts, 1), 1.0)
        odds = np.maximum(odds, 1 / len(labelled))  # a class of every row still counts something
        return np.asarray(np.sqrt(odds) if kind == "sqrt" else odds, dtype=np.float32)
    counts = np.bincount(labelled, minlength=classes)
    rarity = len(labelled) / np.maximum(counts, 1)
    weights = np.where(counts > 0, np.sqrt(rarity) if kind == "sqrt" else rarity, 0.0)
    weights = weights / weights[labelled].mean()
    return np.asarray(np.where(counts > 0, weights, 1.0), dtype=np.float32)
