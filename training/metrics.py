"""How good probabilities are against labels: accuracy, F1, calibration error. Pure arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.feeds import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.floating[Any]]
    Labels = NDArray[np.integer[Any]]

ECE_BINS = 15


def head_metrics(probabilities: Numbers, labels: Labels, classes: Sequence[str]) -> dict[str, Any]:
    """Returns one head's metrics over the labelled rows; empty where no row is labelled.

    Args:
        probabilities: [rows, classes].
        labels: [rows], the class index, or `IGNORED`.
        classes: names in the order of the columns.
    """
    labelled = labels != IGNORED
    if not labelled.any():
        return {}
    truth, kept = labels[labelled], probabilities[labelled]
    chosen = kept.argmax(1)
    per_class = {
        name: _class_metrics(truth == index, chosen == index) for index, name in enumerate(classes)
    }
    # A class without one row here has no recall; averaging over it would punish the file.
    present = [m["f1"] for m in per_class.values() if m["support"]]
    return {
        "rows": int(labelled.sum()),
        "accuracy": round(float((chosen == truth).mean()), 4),
        "macro_f1": round(float(np.mean(present)), 4),
        "ece": round(calibration_error(kept, truth), 4),
        "classes": per_class,
    }


def softmax(logits: Numbers, temperature: float = 1.0) -> Numbers:
    """Returns probabilities, [rows, classes], of logits divided by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(1, keepdims=True))
    result: Numbers = exponents / exponents.sum(1, keepdims=True)
    return result


def calibration_error(probabilities: Numbers, truth: Labels) -> float:
    """Returns the expected calibration error over `ECE_BINS` equal-width bins of confidence.

    Guo et al., On Calibration of Modern Neural Networks (2017), section 2.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = (abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(ECE_BINS))
    return float(sum(gaps) / len(truth))


def _class_metrics(truth: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> dict[str, Any]:
    hits, said, support = int((truth & chosen).sum()), int(chosen.sum()), int(truth.sum())
    precision = hits / said if said else 0.0
    recall = hits / support if support else 0.0
    f1 = 2 * hits / (said + support) if said + support else 0.0
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(f1, 4),
        "support": support,
    }
