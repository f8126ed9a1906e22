"""How values and words stand in a message to the person who wrote a rule. Pure.

Owns no rule: what is wrong, and how to mend it, is said where it is found.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MAX_CHARACTERS = 60
_LIKENESS = 0.6
"""From this share of matching characters on, one word is taken for a slip of the other."""


class WrongWordError(ValueError):
    """A value of which one word is wrong; `word` is where in it to look."""

    def __init__(self, message: str, word: str) -> None:
        super().__init__(message)
        self.word = word


def shown(value: object) -> str:
    """A value as its owner wrote it, or nearly: short, on one line, without control characters."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            cut = value if len(value) <= _MAX_CHARACTERS else value[: _MAX_CHARACTERS - 1] + "…"
            return "'" + "".join(each if each.isprintable() else "�" for each in cut) + "'"
        case int() | float():
            return str(value)
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return f"a {type(value).__name__}"


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word that `word` is likely to be a slip of, if there is one."""
    if not isinstance(word, str):
        return None
    by_folded = {each.casefold(): each for each in known}
    folded = word.casefold()[:200]
    found = difflib.get_close_matches(folded, by_folded, 1, _LIKENESS)
    if not found and len(folded) >= 3:
        found = [each for each in by_folded if each.startswith(folded) or folded.startswith(each)]
    return by_folded[found[0]] if len(found) == 1 else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The end of a message: the nearest known word, or nothing."""
    found = nearest(word, known)
    return "" if found is None else f"; did you mean {shown(found)}?"


def one_of(word: object, known: Iterable[str]) -> str:
    """That a word is none of a few known ones, and which it may have been meant to be."""
    words = list(known)
    if len(words) == 1:
        return f"can only be {words[0]}, not {shown(word)}"
    return f"{shown(word)} is not one of {', '.join(words)}{did_you_mean(word, words)}"
