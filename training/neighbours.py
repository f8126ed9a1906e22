"""Near-duplicates among many texts: which texts say nearly the same, and their clusters.

Pure. Two texts are near-duplicates when the Jaccard similarity of their words is at least a
threshold. Candidates are found by locality-sensitive hashing of MinHash signatures (Leskovec,
Rajaraman & Ullman, Mining of Massive Datasets, 3rd ed., section 3.4) and then compared word by
word, so what is found is so; of pairs at a similarity of 0.8 one in 5,000 is missed, at 0.6 one
in nine. Memory is some 100 bytes a text.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.model.signature import sign, words
from monitor.surge.signature import BANDS, BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Indices = NDArray[np.intp]

_WINDOW = 4096
"""In a band that more texts share than this, a text is compared with the so many before it."""
_SLACK = 0.2
"""The signature's estimate has a standard deviation of 0.06 at most."""
_FEW = 8


def clusters(texts: Sequence[str], threshold: float) -> list[int]:
    """Returns for each text the smallest index in its cluster.

    Near-duplicates are in one cluster, and so are those that a chain of them connects.
    """
    compared = _Texts(texts, threshold)
    parents = list(range(len(texts)))
    for group in compared.groups():
        for place in range(1, len(group)):
            one = int(group[place])
            for other in compared.candidates(one, group[max(0, place - _WINDOW) : place]):
                mine, its = _root(parents, one), _root(parents, other)
                if mine != its and compared.are_near(one, other):
                    parents[max(mine, its)] = min(mine, its)
    return [_root(parents, index) for index in range(len(texts))]


def near_any(texts: Sequence[str], others: Sequence[str], threshold: float) -> list[int | None]:
    """Returns for each text the smallest index among `others` found near it, or None."""
    compared = _Texts([*others, *texts], threshold)
    count = len(others)
    found: list[int | None] = [None] * len(texts)
    for group in compared.groups():
        split = int(np.searchsorted(group, count))  # indices in a group ascend
        if split in (0, len(group)):
            continue
        for one in group[split:].tolist():
            best = found[one - count]
            for other in compared.candidates(one, group[:split]):
                if (best is None or other < best) and compared.are_near(one, other):
                    best = other
            found[one - count] = best
    return found


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


class _Texts:
    """Texts with their signatures, [texts, BYTES] of uint8."""

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self._texts = texts
        self._threshold = threshold
        self._floor = int((threshold - _SLACK) * BYTES)
        signatures = b"".join(sign(_folded(text)) for text in texts)
        self._signatures: NDArray[np.uint8] = np.frombuffer(signatures, np.uint8).reshape(-1, BYTES)
        self._words: dict[int, frozenset[str]] = {}

    def groups(self) -> Iterator[Indices]:
        """The indices, ascending, of texts that share a band; for each band and each value."""
        if not len(self._texts):
            return
        width = BYTES // BANDS
        for place in range(BANDS):
            band: Any = np.ascontiguousarray(
                self._signatures[:, place * width : (place + 1) * width]
            )
            values = band.view(f"<u{width}")[:, 0]
            order = np.argsort(values, kind="stable")
            ordered = values[order]
            starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
            sizes = np.diff(np.r_[starts, len(ordered)])
            for start, size in zip(
                starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True
            ):
                yield order[start : start + size]

    def candidates(self, one: int, others: Indices) -> list[int]:
        """Those of `others` that are worth comparing word by word."""
        if len(others) > _FEW:
            equal = (self._signatures[others] == self._signatures[one]).sum(1)
            others = others[equal >= self._floor]
        found: list[int] = others.tolist()
        return found

    def are_near(self, one: int, other: int) -> bool:
        """Whether two texts share so many of their words."""
        a, b = self._words_of(one), self._words_of(other)
        return len(a & b) >= self._threshold * len(a | b)

    def _words_of(self, index: int) -> frozenset[str]:
        known = self._words.get(index)
        if known is None:
            text = _folded(self._texts[index])
            known = self._words[index] = frozenset(words(text)) or frozenset([text])
        return known


def _folded(text: str) -> str:
    """The text with full-width letters and the like as their plain forms (NFKC)."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
