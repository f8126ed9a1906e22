"""From cleaned texts to padded batches of token ids, with the bundle's own tokenizer.

Uses `tokenizers` alone, so that serving needs no transformers. It knows no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from tokenizers import Tokenizer

from monitor.errors import BundleError
from monitor.model.batching import Rows, plan
from monitor.model.bundle import Bundle
from monitor.model.scorer import Batch, Ids, Prepared

# Runtimes prepare themselves for each shape that they meet first, which takes longer than a few
# tokens of padding do. Only small batches are padded for that: in large ones it would add up.
_SMALL_BATCH = 4
_MULTIPLE = 8

Allocate = Callable[[tuple[int, int]], Ids]


def _zeros(shape: tuple[int, int]) -> Ids:
    return np.zeros(shape, dtype=np.int64)


class Preparer:
    """Tokenises and batches. Safe to use from one thread at a time.

    Args:
        bundle: whose tokenizer and maximum length to use.
        budget: padded tokens in a batch.
        allocate: makes zeroed int64 arrays; a GPU wants them in pinned memory.

    Raises:
        BundleError: when the tokenizer can't be read.
    """

    def __init__(self, bundle: Bundle, budget: int, allocate: Allocate = _zeros) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(bundle.tokenizer))
        except Exception as error:  # the library raises bare Exception
            raise BundleError(
                f"{bundle.tokenizer}: not a tokenizer that can be read ({error}); fetch the bundle "
                "again or train it again"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(bundle.meta.max_length)
        self._budget = budget
        self._allocate = allocate

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Tokenise texts and group them into batches within the budget."""
        if not texts:
            return Prepared(0, ())
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        lengths = [max(1, len(ids)) for ids in tokens]
        batches = (self._batch(rows, lengths, tokens) for rows in plan(lengths, self._budget))
        return Prepared(len(texts), tuple(batches))

    def _batch(self, rows: Rows, lengths: list[int], tokens: list[list[int]]) -> Batch:
        shape = (len(rows), self._padded(lengths[rows[0]], len(rows)))
        ids, mask = self._allocate(shape), self._allocate(shape)
        for place, row in enumerate(rows):
            length = len(tokens[row])
            ids[place, :length] = tokens[row]
            mask[place, : max(1, length)] = 1  # attention to nothing at all has no value
        return Batch(rows, ids, mask)

    def _padded(self, longest: int, count: int) -> int:
        padded = -(-longest // _MULTIPLE) * _MULTIPLE
        return padded if count <= _SMALL_BATCH and padded * count <= self._budget else longest
