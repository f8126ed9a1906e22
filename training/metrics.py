"""How good probabilities are against labels: accuracy, F1, calibration error. Pure arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.targets import is_labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.targets import Labels

    Numbers = NDArray[np.floating[Any]]

ECE_BINS = 15
SAID = 0.5  # the probability from which one of several classes counts as said


def head_metrics(probabilities: Numbers, labels: Labels, classes: Sequence[str]) -> dict[str, Any]:
    """Returns one head's metrics over the labelled rows; empty where no row is labelled.

    With several classes a text, a class is said from probability `SAID`; `accuracy` is the share
    of rows whose classes are all right, and `ece` is over every row's every class.

    Args:
        probabilities: [rows, classes].
        labels: [rows] or [rows, classes], as `targets.head_labels` returns them.
        classes: names in the order of the columns.
    """
    labelled = is_labelled(labels)
    if not labelled.any():
        return {}
    truth, kept = labels[labelled], probabilities[labelled]
    if labels.ndim == 2:
        is_of, said = truth == 1, kept >= SAID
        right, error = (is_of == said).all(1), cell_error(kept, is_of)
    else:
        chosen = kept.argmax(1)
        is_of, said = (index[:, None] == np.arange(len(classes)) for index in (truth, chosen))
        right, error = chosen == truth, calibration_error(kept, truth)
    per_class = {
        name: _class_metrics(is_of[:, index], said[:, index]) for index, name in enumerate(classes)
    }
    # A class without one row here has no recall; averaging over it would punish the file.
    columns = zip(is_of.T, said.T, strict=True)
    present = [_f1(one, guess) for one, guess in columns if one.any()]
    return {
        "rows": int(labelled.sum()),
        "accuracy": round(float(right.mean()), 4),
        "micro_f1": _class_metrics(is_of, said)["f1"],
        "macro_f1": round(float(np.mean(present)), 4) if present else 0.0,
        "ece": round(error, 4),
        "classes": per_class,
    }


def softmax(logits: Numbers, temperature: float = 1.0) -> Numbers:
    """Returns probabilities, [rows, classes], of logits divided by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(1, keepdims=True))
    result: Numbers = exponents / exponents.sum(1, keepdims=True)
    return result


def sigmoid(logits: Numbers, temperature: float = 1.0) -> Numbers:
    """Returns probabilities of logits divided by `temperature`, each by itself."""
    scaled = np.clip(logits.astype(np.float64) / temperature, -60, 60)
    result: Numbers = 1.0 / (1.0 + np.exp(-scaled))
    return result


def probabilities_of(logits: Numbers, head: str, topic_mode: str) -> Numbers:
    """Returns one head's probabilities, [rows, classes], of its logits at temperature 1."""
    return sigmoid(logits) if head == "topic" and topic_mode == "multi" else softmax(logits)


def calibration_error(probabilities: Numbers, truth: Labels) -> float:
    """Returns the expected calibration error over `ECE_BINS` equal-width bins of confidence.

    Guo et al., On Calibration of Modern Neural Networks (2017), section 2.
    """
    return _bin_error(probabilities.max(1), probabilities.argmax(1) == truth)


def cell_error(probabilities: Numbers, is_of: NDArray[np.bool_]) -> float:
    """Returns the calibration error over every row's every class, both [rows, classes]."""
    return _bin_error(probabilities.ravel(), is_of.ravel())


def _bin_error(confidence: Numbers, right: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = (abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(ECE_BINS))
    return float(sum(gaps) / len(right))


def _class_metrics(truth: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> dict[str, Any]:
    hits, said, support = int((truth & chosen).sum()), int(chosen.sum()), int(truth.sum())
    precision = hits / said if said else 0.0
    recall = hits / support if support else 0.0
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(_f1(truth, chosen), 4),
        "support": support,
    }


def _f1(truth: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
    both = int(chosen.sum()) + int(truth.sum())
    return 2 * int((truth & chosen).sum()) / both if both else 0.0
