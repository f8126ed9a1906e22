"""How far a model's confidence may be believed: reliability diagrams. Pure arithmetic.

Guo et al., On Calibration of Modern Neural Networks (2017), section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from training.calibration import SMALLEST
from training.metrics import ECE_BINS, calibration_error, cell_error, sigmoid, softmax

if TYPE_CHECKING:
    from training.metrics import Numbers
    from training.targets import Labels


class Bin(msgspec.Struct, frozen=True):
    """What was said with a confidence from low to high: how sure it was, how often right.

    `rows` counts rows, or, where a row may have several classes, every row's every class.
    """

    low: float
    high: float
    rows: int
    confidence: float
    right: float


class Reliability(msgspec.Struct, frozen=True):
    """A reliability diagram over equal-width bins (empty ones left out) and its mean gap, ECE."""

    temperature: float
    ece: float
    bins: tuple[Bin, ...]


def reliability(probabilities: Numbers, truth: Labels, temperature: float) -> Reliability:
    """Returns the diagram of probabilities that `temperature` led to.

    Args:
        probabilities: [rows, classes].
        truth: [rows], the class of each; or [rows, classes] of 0 and 1, where a row may have
            several: the diagram is then over every row's every class.
        temperature: of the head.
    """
    if truth.ndim == 2:
        confidence, right = probabilities.ravel(), truth.ravel() == 1
        error = cell_error(probabilities, truth == 1)
    else:
        confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
        error = calibration_error(probabilities, truth)
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    bins = tuple(
        Bin(
            round(each / ECE_BINS, 4),
            round((each + 1) / ECE_BINS, 4),
            int((place == each).sum()),
            round(float(confidence[place == each].mean()), 4),
            round(float(right[place == each].mean()), 4),
        )
        for each in range(ECE_BINS)
        if (place == each).any()
    )
    return Reliability(temperature, round(error, 4), bins)


def uncalibrated(probabilities: Numbers, temperature: float, *, several: bool = False) -> Numbers:
    """Returns what the probabilities were before the logits were divided by `temperature`.

    `several`: each class has a probability of its own.
    """
    if several:
        known = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
        return sigmoid(np.log(known / (1 - known)), 1 / temperature)
    return softmax(np.log(np.maximum(probabilities, SMALLEST)), 1 / temperature)
