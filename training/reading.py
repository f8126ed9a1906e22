"""How a bundle reads texts before it judges them: tokens, what it does not know, the language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from monitor.model.language import Languages
from monitor.model.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from monitor.model.bundle import Bundle

_UNKNOWN = ("[UNK]", "<unk>")


@dataclass(frozen=True)
class Read:
    """Of each text, [texts]: its tokens before any cut, and how many of them are unknown."""

    tokens: NDArray[np.int64]
    unknown: NDArray[np.int64]


def read(bundle: Bundle, texts: Sequence[str]) -> Read:
    """Tokenises texts as the daemon does, whole. Tokens that only frame a text don't count."""
    tokenizer = Tokenizer.from_file(str(bundle.tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    strangers = {tokenizer.token_to_id(name) for name in _UNKNOWN} - {None}
    found = tokenizer.encode_batch([clean(text) for text in texts], add_special_tokens=False)
    counts = [len(each.ids) for each in found]
    unknown = [sum(token in strangers for token in each.ids) for each in found]
    return Read(np.array(counts, np.int64), np.array(unknown, np.int64))


def languages(bundle: Bundle, texts: Sequence[str]) -> list[str]:
    """Returns the language of each text, as the daemon tells it."""
    telling = Languages(bundle.meta.languages)
    return [telling.tell(clean(text), None) for text in texts]
