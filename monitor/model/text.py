"""How a text is prepared before the tokenizer sees it: one function for training and serving.

Pure and quick, since every headline passes through it. It changes neither case nor punctuation,
knows no language and loads no model; the bundle's tokenizer does the rest.
"""

from __future__ import annotations

import html
import re

# A link ends at the first character that is not visible ASCII: Chinese text often follows one
# without a space. The ellipsis belongs to links that a wire has cut short.
_LINK = re.compile(r"(?:https?://|www\.)[!-~…]+", re.IGNORECASE)

# What a reader never sees: controls other than white space, soft hyphens, zero-width and
# direction marks, byte-order marks, lone surrogates, and the mark left by a failed decoding.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffd]+"
)
_NON_WORD = re.compile(r"\W+")


def clean(text: str) -> str:
    """Returns the text as the model reads it; empty when nothing readable is left.

    HTML entities are unescaped, links and invisible characters dropped, and every run of white
    space becomes one space. `clean(clean(text))` may differ from `clean(text)` only for text
    that was escaped twice.
    """
    if "&" in text:
        text = html.unescape(text)
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    if "://" in text or "www." in text.lower():
        text = _LINK.sub(" ", text)
    return " ".join(text.split())


def normalise(text: str) -> str:
    """Returns the key under which two texts count as the same one.

    Lower case, links dropped, every run of non-word characters one space. Labelled rows that
    share a key are duplicates, and a training row that shares one with a held-out row leaks.
    """
    return _NON_WORD.sub(" ", _LINK.sub(" ", text.lower())).strip()
