"""Making near-duplicate signatures: which words of a text count, and their MinHashes.

Reading them (similarity, look-up) is `monitor.surge.signature`, which needs no library. Stored
signatures outlive a process, so the tests pin one: a change of algorithm is a change of schema.
"""

from __future__ import annotations

import re

from rensa import RMinHash

from monitor.model.text import normalise
from monitor.surge.signature import BYTES

_SEED = 1
# Scripts that put no spaces between words: Thai to Lao, Myanmar, Khmer, kana, ideographs.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def sign(text: str) -> bytes:
    """The near-duplicate signature of a text.

    It depends on the set of the text's words alone (`words`): case, punctuation, links, order
    and repetition do not matter. Two signatures estimate the Jaccard similarity of two sets.
    """
    # MinHash of no word at all is one value: every such text would tell the same story.
    tokens = words(text) or [text]
    sketch = RMinHash(BYTES, _SEED)  # one text at a time needs no thread pool: 5 us, not 50
    sketch.update(tokens)
    return bytes([value & 0xFF for value in sketch.digest()])


def words(text: str) -> list[str]:
    """The words of a text, normalised; pairs of characters where the script has no word spaces."""
    key = normalise(text)
    if key.isascii() or not _UNSPACED.search(key):
        return key.split()
    pairs = [pair for run in _UNSPACED.findall(key) for pair in _pairs(run)]
    return _UNSPACED.sub(" ", key).split() + pairs


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(max(1, len(run) - 1))]
