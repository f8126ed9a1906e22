"""Where names stand in a text: thousands of them looked for at once.

Owns what counts as the same writing, where a word begins and ends, and which of two names that
overlap is meant. Pure: it knows no file and no news item.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from monitor.model.text import clean

LONGEST_TICKER = 5
"""The most characters of a spelling in capitals that is looked for as it is written."""

# Signs that are set in more than one way within names. A trade mark's sign would become two
# letters of the word before it.
_SET_ALIKE = (("’", "'"), ("‘", "'"), ("ʼ", "'"), ("‐", "-"), ("‑", "-"), ("™", ""), ("℠", ""))  # noqa: RUF001

# Scripts that are written without a space between words, and Korean, whose particles follow a
# name without one: Thai to Tibetan, Burmese, Hangul, Khmer, radicals, kana, Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029"
    "\u3031-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)


class _Hit(NamedTuple):
    """A name in a text, from `start` up to `end`."""

    start: int
    end: int
    key: str


class NameFinder:
    """Finds names in texts.

    Args:
        spellings: names as they are written, and the key that each stands for. Those that are
            not `is_telling` are not looked for.
    """

    def __init__(self, spellings: Mapping[str, str]) -> None:
        written = {plain(spelling): key for spelling, key in spellings.items()}
        sought = {each: key for each, key in written.items() if is_telling(each)}
        self._tickers = _Automaton({each: key for each, key in sought.items() if is_ticker(each)})
        self._names = _Automaton(
            {each.casefold(): key for each, key in sought.items() if not is_ticker(each)}
        )

    def find(self, text: str) -> list[str]:
        """The keys of the names in a text, in the order of appearance; some perhaps repeatedly.

        Of names that overlap the longest is meant, and the first of several as long.
        """
        written = plain(text)
        hits = [*self._names.hits(written.casefold()), *self._tickers.hits(written)]
        if len(hits) > 1:
            hits = _longest(hits, len(written))
        return [hit.key for hit in hits]


class _Automaton:
    """The places of patterns, each where it stands as a word of its own."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._keys = tuple(patterns.values())
        self._edges = tuple((in_word(each[0]), in_word(each[-1])) for each in patterns)
        self._automaton = AhoCorasick(patterns, store_patterns=False)

    def hits(self, text: str) -> list[_Hit]:
        # Overlapping ones too: the longest at a place may not end where a word does.
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        return [
            _Hit(start, end, self._keys[number])
            for number, start, end in found
            if not (start and self._edges[number][0] and in_word(text[start - 1]))
            and not (end < len(text) and self._edges[number][1] and in_word(text[end]))
        ]


def plain(text: str) -> str:
    """A text as names are compared in it, but for its case.

    It is `clean`, of one form where Unicode has several (NFKC: composed accents, letters and
    digits of one width), and with straight apostrophes and plain hyphens. Every character is one
    that `casefold` makes no longer, so that places in the folded text are places in this one.
    """
    text = clean(text)
    if text.isascii():
        return text
    for variant, usual in _SET_ALIKE:
        text = text.replace(variant, usual)
    text = unicodedata.normalize("NFKC", text)
    if len(text.casefold()) == len(text):
        return text
    folds = ((character, character.casefold()) for character in text)
    return "".join(fold if len(fold) > 1 else character for character, fold in folds)


def is_ticker(spelling: str) -> bool:
    """Whether it is looked for as it is written: capitals, and short enough to be a word too."""
    return len(spelling) <= LONGEST_TICKER and spelling.isupper()


def is_telling(spelling: str) -> bool:
    """Whether it can be looked for in texts: two letters or digits at least, one a letter."""
    signs = [character for character in spelling if character.isalnum()]
    return len(signs) > 1 and any(map(str.isalpha, signs))


@lru_cache(maxsize=4096)
def in_word(character: str) -> bool:
    """Whether it is part of a word, in a script that sets words apart."""
    if _UNSPACED.match(character):
        return False
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


def _longest(hits: Iterable[_Hit], length: int) -> list[_Hit]:
    """Those that don't overlap a longer one, in their order, in a text of this length."""
    kept = []
    covered = bytearray(length)
    for hit in sorted(hits, key=lambda hit: (hit.start - hit.end, hit.start)):
        # What covers part of a hit is at least as long, so it covers one of its ends.
        if not covered[hit.start] and not covered[hit.end - 1]:
            covered[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
            kept.append(hit)
    return sorted(kept)
