"""The rows on which the model was surest and wrong. Some are faults of the labels. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.metrics import Labels, Numbers

SHOWN = 25
LONGEST = 280  # characters of a text that is shown


class Mistake(msgspec.Struct, frozen=True):
    """A text whose label is `truth`, and of which the model said another class."""

    text: str
    truth: str
    said: str
    probability: float
    probability_of_truth: float


def mistakes(
    texts: Sequence[str], probabilities: Numbers, truth: Labels, classes: Sequence[str]
) -> tuple[Mistake, ...]:
    """Returns the `SHOWN` mistakes of the greatest confidence, the surest first."""
    said = probabilities.argmax(1)
    wrong = np.flatnonzero(said != truth)
    order = wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")][:SHOWN]
    return tuple(
        Mistake(
            _short(texts[row]),
            classes[truth[row]],
            classes[said[row]],
            round(float(probabilities[row].max()), 4),
            round(float(probabilities[row, truth[row]]), 4),
        )
        for row in order
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
