"""The rows on which the model was surest and wrong. Some are faults of the labels. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from training.metrics import SAID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.metrics import Numbers
    from training.targets import Labels

SHOWN = 25
LONGEST = 280  # characters of a text that is shown


class Mistake(msgspec.Struct, frozen=True):
    """A text whose label is `truth`, and of which the model said another class.

    Of a text with several classes, both name them all, and the probabilities are of the class
    that was judged most wrongly: of what was judged, and of what was right.
    """

    text: str
    truth: str
    said: str
    probability: float
    probability_of_truth: float


def mistakes(
    texts: Sequence[str], probabilities: Numbers, truth: Labels, classes: Sequence[str]
) -> tuple[Mistake, ...]:
    """Returns the `SHOWN` mistakes of the greatest confidence, the surest first.

    `probabilities` are [rows, classes], `truth` [rows], or [rows, classes] of 0 and 1.
    """
    if truth.ndim == 2:
        return _of_several(texts, probabilities, truth, classes)
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


def _of_several(
    texts: Sequence[str], probabilities: Numbers, truth: Labels, classes: Sequence[str]
) -> tuple[Mistake, ...]:
    is_of, said = truth == 1, probabilities >= SAID
    surely = np.where(is_of != said, np.maximum(probabilities, 1 - probabilities), 0).max(1)
    order = np.argsort(-surely, kind="stable")[: min(SHOWN, int((surely > 0).sum()))]
    return tuple(
        Mistake(
            _short(texts[row]),
            _names(is_of[row], classes),
            _names(said[row], classes),
            round(float(surely[row]), 4),
            round(float(1 - surely[row]), 4),
        )
        for row in order
    )


def _names(chosen: NDArray[np.bool_], classes: Sequence[str]) -> str:
    return ", ".join(name for name, has in zip(classes, chosen, strict=True) if has) or "no class"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
