"""Temperature scaling: one number for each head, fitted on rows the network did not learn from.

Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.metrics import sigmoid, softmax
from training.targets import is_labelled

if TYPE_CHECKING:
    from training.metrics import Numbers
    from training.targets import Labels

BOUNDS = (0.1, 10.0)
PRECISION = 1e-4  # of the temperature's logarithm
SMALLEST = 1e-30  # a probability of zero has no logarithm


def fit_temperature(probabilities: Numbers, labels: Labels) -> float:
    """Returns the temperature with the least negative log-likelihood; 1 where no row is labelled.

    Args:
        probabilities: [rows, classes], at temperature 1; their logarithms are as good as logits.
        labels: [rows] or [rows, classes], as `targets.head_labels` returns them. In the latter
            case each class has a probability of its own, and all share the temperature.
    """
    labelled = is_labelled(labels)
    if not labelled.any():
        return 1.0
    kept, truth = probabilities[labelled].astype(np.float64), labels[labelled]
    rows = np.arange(len(truth))
    logits = np.log(np.maximum(kept, SMALLEST))
    if labels.ndim == 2:
        logits -= np.log(np.maximum(1.0 - kept, SMALLEST))

    def loss(log_temperature: float) -> float:
        temperature = float(np.exp(log_temperature))
        if labels.ndim == 2:
            said = sigmoid(logits, temperature)
            chosen = np.where(truth == 1, said, 1.0 - said)
        else:
            chosen = softmax(logits, temperature)[rows, truth]
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
