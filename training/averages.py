"""Precision, recall and F1 by class and averaged, with intervals. Pure arithmetic.

Of a head with one class a text every number is a function of the confusion matrix, so rows drawn
again with replacement are its cells drawn again from their multinomial distribution, which is the
same draw. Of a head with several classes a text the rows themselves are drawn.
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
_AT_ONCE = 200  # draws of all rows, which take memory
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

    `accuracy` is the share of rows whose classes are all right. Where each row has one class and
    gets one, the micro averages of precision, recall and F1 are all the accuracy. `macro` and
    `weighted` are over the classes that the rows are of, the latter by their number of rows.
    `confusion` is [true class, class said], in rows; empty where a row may have several classes.
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
    draws = np.concatenate([matrix[None], cells.reshape(-1, *matrix.shape)]).astype(np.float64)
    hits = np.diagonal(draws, axis1=1, axis2=2)
    measured = _measure(hits, draws.sum(axis=2), draws.sum(axis=1), hits.sum(axis=1) / rows)
    told = tuple(tuple(int(cell) for cell in line) for line in matrix)
    return _numbers(rows, names, matrix.sum(1), matrix.sum(0), measured, told)


def numbers_of_several(
    is_of: Floats, says: Floats, names: Sequence[str], seed: int = SEED
) -> HeadNumbers:
    """Returns all numbers of rows that may have several classes each, of one row or more.

    Args:
        is_of: [rows, classes], 1 where a row is of a class, else 0.
        says: [rows, classes], 1 where the model said so.
        names: of the classes.
        seed: of the draws of rows; see `numbers`.
    """
    rows, chance = len(is_of), np.random.default_rng(seed)
    each = np.concatenate(
        [is_of * says, is_of, says, (is_of == says).all(axis=1, keepdims=True)], axis=1
    )
    drawn = [each.sum(axis=0, keepdims=True)]
    for first in range(0, RESAMPLES, _AT_ONCE):
        size = min(_AT_ONCE, RESAMPLES - first)
        drawn.append(chance.multinomial(rows, np.full(rows, 1 / rows), size=size) @ each)
    hits, support, said, right = np.split(
        np.concatenate(drawn), [len(names), 2 * len(names), 3 * len(names)], axis=1
    )
    measured = _measure(hits, support, said, right[:, 0] / rows)
    return _numbers(rows, names, support[0], said[0], measured, ())


def _numbers(
    rows: int,
    names: Sequence[str],
    support: Sequence[Any] | Floats,
    said: Sequence[Any] | Floats,
    measured: dict[str, Floats],
    matrix: tuple[tuple[int, ...], ...],
) -> HeadNumbers:
    classes = tuple(
        ClassNumbers(
            name,
            int(support[index]),
            int(said[index]),
            *(_estimate(measured[what][:, index]) for what in ("precision", "recall", "f1")),
        )
        for index, name in enumerate(names)
    )
    micro, macro, weighted = (_average(measured, how) for how in ("micro", "macro", "weighted"))
    accuracy = _estimate(measured["accuracy"])
    return HeadNumbers(rows, accuracy, micro, macro, weighted, classes, matrix)


def _average(measured: dict[str, Floats], how: str) -> Average:
    return Average(
        *(_estimate(measured[f"{how} {what}"]) for what in ("precision", "recall", "f1"))
    )


def _estimate(values: Floats) -> Estimate:
    value, drawn = float(np.nan_to_num(values[0])), values[1:][~np.isnan(values[1:])]
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(drawn, [tail, 100 - tail]) if len(drawn) else (value, value)
    return Estimate(*(round(float(each), 4) for each in (value, low, high)))


def _measure(hits: Floats, support: Floats, said: Floats, right: Floats) -> dict[str, Floats]:
    """Returns name → [draws] or [draws, classes] of counts by class, [draws, classes] each.

    Args:
        hits: rows that are of a class and were said to be.
        support: rows that are of it.
        said: rows that were said to be.
        right: [draws], the share of rows that were right altogether.
    """
    by_class = {
        "precision": _share(hits, said),
        "recall": _share(hits, support),
        "f1": _share(2 * hits, support + said),
    }
    present, labels = support > 0, support.sum(axis=1)
    all_hits, all_said = hits.sum(axis=1), said.sum(axis=1)
    found = dict(by_class, accuracy=right)
    found["micro precision"] = _share(all_hits, all_said)
    found["micro recall"] = _share(all_hits, labels)
    found["micro f1"] = _share(2 * all_hits, labels + all_said)
    for what, values in by_class.items():
        known = np.nan_to_num(values)  # of a class that is there and never said, precision is 0
        found[f"macro {what}"] = _share((known * present).sum(axis=1), present.sum(axis=1))
        found[f"weighted {what}"] = _share((known * support).sum(axis=1), labels)
    return found


def _share(part: Floats, whole: Floats) -> Floats:
    """Returns part / whole, and NaN where there is nothing to divide by: no draw of that number."""
    nothing = np.full(np.shape(whole), np.nan)
    result: Floats = np.divide(part, whole, out=nothing, where=whole > 0)
    return result
