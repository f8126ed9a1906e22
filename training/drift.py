"""What changed between two bodies of text: unknown words, lengths, vocabulary, classes. Pure.

Two samples of one source differ too. So each distance stands beside what chance alone makes of
the same texts, shuffled: only above that is it drift.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from monitor.model.text import normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.integer[Any]]
    Floats = NDArray[np.float64]

SHUFFLES = 40
SEED = 7
WORDS = 12


class Distance(msgspec.Struct, frozen=True):
    """How far two distributions are apart, and the most that `SHUFFLES` shuffles made of it."""

    value: float
    by_chance: float


class ClassShare(msgspec.Struct, frozen=True):
    """The share of texts that the model gives a class, before and now."""

    head: str
    name: str
    before: float
    now: float


class TextNumbers(msgspec.Struct, frozen=True):
    """One body of text. `unknown` is the share of its tokens that the model does not know."""

    name: str
    texts: int
    mean_tokens: float
    cut: float
    unknown: float


class Drift(msgspec.Struct, frozen=True):
    """`recent` beside `reference`.

    `words` is the Jensen-Shannon divergence of their words in bits, from 0 (the same) to 1
    (nothing in common); `new_words` are those that add most to it and are more frequent now.
    `classes` has, by head, half the sum of the differences of the shares in `shares`.
    """

    reference: TextNumbers
    recent: TextNumbers
    words: Distance
    new_words: tuple[str, ...]
    classes: dict[str, Distance]
    shares: tuple[ClassShare, ...]


def divergence(one: Floats, two: Floats) -> Floats:
    """Returns what each item adds to the Jensen-Shannon divergence of two count vectors, in bits.

    Lin, Divergence Measures Based on the Shannon Entropy (1991), with equal weights.
    """
    p, q = one / one.sum(), two / two.sum()
    middle = (p + q) / 2
    result: Floats = (_terms(p, middle) + _terms(q, middle)) / 2
    return result


def word_drift(before: Sequence[str], now: Sequence[str]) -> tuple[Distance, tuple[str, ...]]:
    """Returns the distance of the words of two bodies of text, and the words that are new."""
    numbered: dict[str, int] = {}
    ids = [
        np.array([numbered.setdefault(w, len(numbered)) for w in normalise(text).split()], int)
        for text in [*before, *now]
    ]
    size = max(1, len(numbered))

    def count(chosen: Sequence[int]) -> Floats:
        joined = np.concatenate([ids[each] for each in chosen] or [np.empty(0, int)])
        counted: Floats = np.bincount(joined, minlength=size).astype(np.float64)
        return counted if len(joined) else counted + 1

    distance = _distance(
        len(before), len(now), lambda a, b: float(divergence(count(a), count(b)).sum())
    )
    old, new = count(range(len(before))), count(range(len(before), len(ids)))
    added = np.where(new / new.sum() > old / old.sum(), divergence(old, new), 0.0)
    words = list(numbered)
    top = [words[place] for place in np.argsort(-added, kind="stable")[:WORDS] if added[place] > 0]
    return distance, tuple(top)


def class_drift(before: Counts, now: Counts, classes: int) -> Distance:
    """Returns the total variation distance of the classes given to two bodies of text."""
    joined = np.concatenate([before, now])

    def apart(a: Sequence[int], b: Sequence[int]) -> float:
        shares = [np.bincount(joined[list(each)], minlength=classes) / len(each) for each in (a, b)]
        return float(abs(shares[0] - shares[1]).sum() / 2)

    return _distance(len(before), len(now), apart)


def _distance(
    before: int, now: int, measure: Callable[[Sequence[int], Sequence[int]], float]
) -> Distance:
    chance = np.random.default_rng(SEED)
    shuffled = []
    for _ in range(SHUFFLES):
        order = chance.permutation(before + now)
        shuffled.append(measure(order[:before].tolist(), order[before:].tolist()))
    value = measure(range(before), range(before, before + now))
    return Distance(round(value, 4), round(max(shuffled), 4))


def _terms(share: Floats, middle: Floats) -> Floats:
    ratio = np.divide(share, middle, out=np.ones_like(share), where=share > 0)
    result: Floats = share * np.log2(ratio)
    return result
