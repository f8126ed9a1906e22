"""How far a model's confidence may be believed: reliability diagrams. Pure arithmetic.

Guo et al., On Calibration of Modern Neural Networks (2017), section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from training.calibration import SMALLEST
from training.metrics import ECE_BINS, calibration_error, softmax

if TYPE_CHECKING:
    from training.metrics import Labels, Numbers


class Bin(msgspec.Struct, frozen=True):
    """The rows whose confidence is from low to high: how sure the model was, how often right."""

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
    """Returns the diagram of probabilities [rows, classes] that `temperature` led to."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
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
    return Reliability(temperature, round(calibration_error(probabilities, truth), 4), bins)


def uncalibrated(probabilities: Numbers, temperature: float) -> Numbers:
    """Returns what the probabilities were before the logits were divided by `temperature`."""
    return softmax(np.log(np.maximum(probabilities, SMALLEST)), 1 / temperature)
