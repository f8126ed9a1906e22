"""A bundle's answers on labelled rows, as served: asked once, used for every number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.served import served
from training.targets import head_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.model.bundle import Bundle
    from training.feeds import Row
    from training.metrics import Numbers
    from training.targets import Labels


@dataclass(frozen=True)
class HeadAnswers:
    """One head's calibrated probabilities, [rows, classes], beside the labels.

    Labels are [rows], or [rows, classes] of a head with several classes a text: see
    `targets.head_labels`.
    """

    head: str
    classes: tuple[str, ...]
    probabilities: Numbers
    labels: Labels


@dataclass(frozen=True)
class Answers:
    """The rows, and what each head says of them; `labels` are `IGNORED` where a row has none."""

    rows: tuple[Row, ...]
    heads: tuple[HeadAnswers, ...]


def answer(bundle: Bundle, rows: Sequence[Row]) -> Answers:
    """Asks `bundle`, as served on a CPU, about every row."""
    if not rows:
        return Answers((), ())
    topic, sentiment = served(bundle, [row.text for row in rows])
    labels = head_labels(rows, len(bundle.meta.topics), bundle.meta.topic_mode)
    return Answers(
        tuple(rows),
        (
            HeadAnswers("topic", bundle.meta.topics, topic, labels["topic"]),
            HeadAnswers("sentiment", bundle.meta.sentiments, sentiment, labels["sentiment"]),
        ),
    )
