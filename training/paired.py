"""Two models on the same rows: F1 of rows that are drawn again, and the interval of a difference.

Pure arithmetic on flags; it knows no bundle and gives no verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.gate_limits import GateLimits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]


def difference_interval(
    truth: Flags, challenger: Flags, champion: Flags, limits: GateLimits
) -> tuple[float, float]:
    """The percentile interval of the difference of macro-F1, challenger minus champion.

    The paired bootstrap: rows are drawn with replacement, and both models are measured on the
    same draw (Koehn, Statistical Significance Tests for Machine Translation Evaluation, 2004;
    the interval: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3).
    Macro-F1 depends only on how many rows there are of each pattern (label, answer, answer), so
    counts of patterns are drawn from their multinomial distribution, which is the same draw.

    Args:
        truth: [rows, classes].
        challenger: [rows, classes], what it said.
        champion: [rows, classes], likewise.
        limits: how many draws, from which seed, and how wide the interval.
    """
    patterns, counts = np.unique(
        np.concatenate([truth, challenger, champion], axis=1), axis=0, return_counts=True
    )
    labels, new, old = np.split(patterns, 3, axis=1)
    chance = np.random.default_rng(limits.seed)
    rows = int(counts.sum())
    draws = chance.multinomial(rows, counts / rows, size=limits.resamples).astype(np.float64)
    differences = macro_f1(draws, labels, new) - macro_f1(draws, labels, old)
    tail = (1 - limits.confidence) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return float(low), float(high)


def class_f1(weights: Floats, truth: Flags, said: Flags) -> Floats:
    """F1 by class, [draws, classes], of rows that count `weights` [draws, rows] times."""
    hits = weights @ (truth & said).astype(np.float64)
    both = weights @ truth.astype(np.float64) + weights @ said.astype(np.float64)
    result: Floats = np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0)
    return result


def macro_f1(weights: Floats, truth: Flags, said: Flags) -> Floats:
    """The mean F1 of the classes that a draw has rows of, [draws]; as `metrics.head_metrics`."""
    present = (weights @ truth.astype(np.float64)) > 0
    f1 = np.where(present, class_f1(weights, truth, said), 0.0)
    result: Floats = f1.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return result
