"""Reading near-duplicate signatures: similarity of two, and bands to look candidates up by.

Pure. Signatures are made by `monitor.model.signature`; this half is what the core needs.
A signature is `BYTES` bytes, each the low byte of one MinHash of the text's words (b-bit
minwise hashing: Li & Koenig, WWW 2010), base64 on the wire.
"""

from __future__ import annotations

import struct

BYTES = 64
BANDS = 16
_BANDS = struct.Struct(f"<{BANDS}I")
_CHANCE = 1 / 256
"""How often two bytes are equal although the words behind them are not."""


def similarity(a: bytes, b: bytes) -> float:
    """The estimated Jaccard similarity (0 to 1) of the two texts' words."""
    return similarity_of(equal_bytes(int.from_bytes(a), b))


def similarity_of(equal: int) -> float:
    """The estimated Jaccard similarity of two texts whose signatures have so many equal bytes."""
    return max(0.0, (equal / BYTES - _CHANCE) / (1 - _CHANCE))


def equal_bytes(a: int, b: bytes) -> int:
    """How many bytes of two signatures are equal; the first is given as a big-endian number."""
    return (a ^ int.from_bytes(b)).to_bytes(BYTES).count(0)


def bands(signature: bytes) -> tuple[int, ...]:
    """Look-up keys, one for each place: texts that share one are candidates for the same story."""
    return _BANDS.unpack(signature)
