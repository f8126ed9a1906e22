"""Precision, recall and F1 by class and averaged, with intervals. Pure: confusion counts in.

Every number here is a function of the confusion matrix, so rows drawn again with replacement are
its cells drawn again from their multinomial distribution, which is the same draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.integer[Any]]
    Floats = NDArray[np.float64]

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 7


class Estimate(msgspec.Struct, frozen=True):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class Average(msgspec.Struct, frozen=True):
    """Precision, recall and F1, averaged over classes in one way."""

    precision: Estimate
    recall: Estimate
    f1: Estimate


class ClassNumbers(msgspec.Struct, frozen=True):
    """One class: `support` rows are of it, `said` rows are said to be."""

    name: str
    support: int
    said: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


class HeadNumbers(msgspec.Struct, frozen=True):
    """One head on one set of rows.

    Each row has one class and gets one, so the micro averages of precision, recall and F1 are all
    the accuracy. `macro` and `weighted` are over the classes that the rows are of, the latter by
    their number of rows. `confusion` is [true class, class said], in rows.
    """

    rows: int
    accuracy: Estimate
    micro: Average
    macro: Average
    weighted: Average
    classes: tuple[ClassNumbers, ...]
    confusion: tuple[tuple[int, ...], ...]


def confusion(truth: Counts, said: Counts, classes: int) -> Counts:
    """Returns how often each class was said of rows of each, [true class, class said]."""
    cells = np.bincount(truth * classes + said, minlength=classes * classes)
    return cells.reshape(classes, classes)


def numbers(matrix: Counts, names: Sequence[str], seed: int = SEED) -> HeadNumbers:
    """Returns all numbers of a confusion matrix of one row or more.

    The intervals are percentiles of `RESAMPLES` draws: Efron & Tibshirani, An Introduction to the
    Bootstrap (1993), section 13.3. They tell what other rows of the same kind would give, not what
    another training would.
    """
    rows = int(matrix.sum())
    chance = np.random.default_rng(seed)
    cells = chance.multinomial(rows, matrix.ravel() / rows, size=RESAMPLES)
    # The first of the "draws" is what was counted.
    draws = np.concatenate([matrix[None], cells.reshape(-1, *matrix.shape)])
    measured = _measure(draws.astype(np.float64))
    classes = tuple(
        ClassNumbers(
            name,
            int(matrix[index].sum()),
            int(matrix[:, index].sum()),
            *(_estimate(measured[what][:, index]) for what in ("precision", "recall", "f1")),
        )
        for index, name in enumerate(names)
    )
    accuracy = _estimate(measured["accuracy"])
    return HeadNumbers(
        rows,
        accuracy,
        Average(accuracy, accuracy, accuracy),
        _average(measured, "macro"),
        _average(measured, "weighted"),
        classes,
        tuple(tuple(int(cell) for cell in line) for line in matrix),
    )


def _average(measured: dict[str, Floats], how: str) -> Average:
    return Average(
        *(_estimate(measured[f"{how} {what}"]) for what in ("precision", "recall", "f1"))
    )


def _estimate(values: Floats) -> Estimate:
    value, drawn = float(np.nan_to_num(values[0])), values[1:][~np.isnan(values[1:])]
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(drawn, [tail, 100 - tail]) if len(drawn) else (value, value)
    return Estimate(*(round(float(each), 4) for each in (value, low, high)))


def _measure(draws: Floats) -> dict[str, Floats]:
    """Returns name → [draws] or [draws, classes] of matrices [draws, true class, class said]."""
    hits = np.diagonal(draws, axis1=1, axis2=2)
    support, said = draws.sum(axis=2), draws.sum(axis=1)
    by_class = {
        "precision": _share(hits, said),
        "recall": _share(hits, support),
        "f1": _share(2 * hits, support + said),
    }
    present, rows = support > 0, support.sum(axis=1)
    found = dict(by_class, accuracy=hits.sum(axis=1) / rows)
    for what, values in by_class.items():
        known = np.nan_to_num(values)  # of a class that is there and never said, precision is 0
        found[f"macro {what}"] = (known * present).sum(axis=1) / present.sum(axis=1)
        found[f"weighted {what}"] = (known * support).sum(axis=1) / rows
    return found


def _share(part: Floats, whole: Floats) -> Floats:
    """Returns part / whole, and NaN where there is nothing to divide by: no draw of that number."""
    result: Floats = np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return result
