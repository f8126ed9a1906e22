"""How texts are grouped into batches: by length, under a budget of padded tokens.

Pure: lengths in, indices out. What a batch costs is its longest text times its size
(Hugging Face text-embeddings-inference closes its batches by the same measure).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


# The share of the budget that may be padding: to go on beyond it costs more than another batch.
_PADDING = 1 / 8


def plan(lengths: Sequence[int] | NDArray[np.int64], budget: int) -> list[Rows]:
    """Group texts of the given lengths (tokens, each at least 1) into batches.

    Every index is in exactly one batch. Longest texts come first, so a batch too big for the
    device's memory fails at once and not after minutes. In each batch longest x count is at
    most `budget`, unless it is a single text that is longer alone, and at most an eighth of the
    budget is padding. Equal lengths keep their order, so the same lengths always give the same
    batches.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        longest = int(sizes[order[start]])
        rows = order[start : start + max(1, budget // longest)]
        padding = np.cumsum(longest - sizes[rows])
        rows = rows[: np.searchsorted(padding, budget * _PADDING, side="right")]
        batches.append(rows)
        start += len(rows)
    return batches
