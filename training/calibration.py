"""Temperature scaling: one number for each head, fitted on rows the network did not learn from.

Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.feeds import IGNORED
from training.metrics import softmax

if TYPE_CHECKING:
    from training.metrics import Labels, Numbers

BOUNDS = (0.1, 10.0)
PRECISION = 1e-4  # of the temperature's logarithm
SMALLEST = 1e-30  # a probability of zero has no logarithm


def fit_temperature(probabilities: Numbers, labels: Labels) -> float:
    """Returns the temperature with the least negative log-likelihood; 1 where no row is labelled.

    Args:
        probabilities: [rows, classes], at temperature 1; their logarithms are as good as logits.
        labels: [rows], the class index, or `IGNORED`.
    """
    labelled = labels != IGNORED
    if not labelled.any():
        return 1.0
    logits = np.log(np.maximum(probabilities[labelled], SMALLEST))
    truth = labels[labelled]
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        chosen = softmax(logits, float(np.exp(log_temperature)))[rows, truth]
        return float(-np.log(np.maximum(chosen, SMALLEST)).mean())

    # The loss has one minimum (it is convex in 1/T), so thirds close in on it.
    low, high = np.log(BOUNDS)
    while high - low > PRECISION:
        third = (high - low) / 3
        if loss(low + third) < loss(high - third):
            high -= third
        else:
            low += third
    return round(float(np.exp((low + high) / 2)), 4)
