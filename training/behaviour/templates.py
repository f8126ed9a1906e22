"""What a behaviour test is, and the texts that its templates make. Pure: no file, no model.

A template is a sentence with slots, such as `{company} cuts its dividend`; the fillers of a slot
are what may stand there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Expected = Literal[
    "negative", "neutral", "positive", "not negative", "not positive", "higher", "lower"
]
Fillers = dict[str, tuple[str, ...]]
CASE = "case"  # a swap of the writing, upper or lower case, not of a slot
FILLINGS = 3  # of a template of which something is expected
_SLOT = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Group:
    """Texts that differ in one name, or in their writing, and should be judged alike."""

    swap: str
    template: str
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A text and what is expected of it: a class, or a score beside that of the text `base`."""

    text: str
    expected: Expected
    base: str | None = None


@dataclass(frozen=True, slots=True)
class BehaviourTest:
    """One test: either `groups` (invariance) or `claims` (expectation).

    `language` is that of its texts; a model of other languages is not held to it.
    """

    name: str
    what: str
    language: str
    groups: tuple[Group, ...] = ()
    claims: tuple[Claim, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text that must be judged, each once."""
        found = [text for group in self.groups for text in group.variants]
        for claim in self.claims:
            found += [claim.text] if claim.base is None else [claim.base, claim.text]
        return tuple(dict.fromkeys(found))


def slots(template: str) -> tuple[str, ...]:
    """Returns the names of a template's slots, each once, in order."""
    return tuple(dict.fromkeys(_SLOT.findall(template)))


def group(template: str, swap: str, fillers: Mapping[str, tuple[str, ...]], turn: int) -> Group:
    """Returns the variants of a template: every filler of the slot `swap`, the other slots still.

    Args:
        template: whose slots all have fillers.
        swap: the slot that changes, or `CASE`.
        fillers: by slot.
        turn: which of the fillers the other slots get, so that templates differ.
    """
    still = _pick(template, fillers, turn)
    if swap == CASE:
        text = _fill(template, still)
        return Group(swap, template, _different((text, text.upper(), text.lower(), text.title())))
    filled = (_fill(template, {**still, swap: each}) for each in fillers[swap])
    return Group(swap, template, _different(filled))


def claims(
    template: str,
    base: str | None,
    expected: Expected,
    fillers: Mapping[str, tuple[str, ...]],
    turn: int,
) -> tuple[Claim, ...]:
    """Returns a template filled `FILLINGS` times, its base with the same fillers."""
    both = template if base is None else f"{template} {base}"
    found = []
    for index in range(FILLINGS if slots(both) else 1):
        chosen = _pick(both, fillers, turn * FILLINGS + index)
        against = None if base is None else _fill(base, chosen)
        found.append(Claim(_fill(template, chosen), expected, against))
    return tuple(dict.fromkeys(found))


def _pick(template: str, fillers: Mapping[str, tuple[str, ...]], turn: int) -> dict[str, str]:
    return {slot: fillers[slot][turn % len(fillers[slot])] for slot in slots(template)}


def _fill(template: str, chosen: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda slot: chosen[slot[1]], template)


def _different(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
