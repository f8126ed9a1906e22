"""Which language a text is in, and whether the model can judge it.

The publisher's word counts; without one, py3langid looks at the text. Headlines are short and
full of names, so a text is only called foreign on strong evidence: an English headline that is
not judged is a loss, a foreign one that is judged is noise among thousands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# Languages that news is published in. More of them only adds ways to be wrong: of 43,791
# English headlines 5 % are taken for one of the 142 that the library knows, such as Latin,
# Walloon or Nigerian Pidgin, and 1.7 % for one of these.
_CANDIDATES = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he",
    "hi", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "nl", "no", "pl", "pt", "ro",
    "ru", "sk", "sl", "sr", "sv", "ta", "te", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
# Measured on the same headlines: 0.13 % called foreign, and most of those are; all 49 invented
# foreign ones of tests/model/foreign.json found.
_SURE_FOREIGN = 0.6
_MAYBE_SUPPORTED = 0.05
_MINIMUM_BYTES = 16
_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE)
_UNDETERMINED = ("und", "mul", "mis", "zxx")
_THREE_LETTERS = {
    "ara": "ar", "chi": "zh", "deu": "de", "dut": "nl", "eng": "en", "fra": "fr", "fre": "fr",
    "ger": "de", "hin": "hi", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "pol": "pl",
    "por": "pt", "rus": "ru", "spa": "es", "swe": "sv", "tur": "tr", "zho": "zh",
}  # fmt: skip


class Languages:
    """Tells the languages of texts for a model that supports some of them.

    Args:
        supported: the bundle's languages, as two-letter codes; the first is what a text is
            taken for when nothing tells otherwise.
    """

    def __init__(self, supported: Iterable[str]) -> None:
        self._supported = tuple(primary(tag) or tag for tag in supported)
        self._identifier = _identifier(frozenset({*_CANDIDATES, *self._supported}))

    def tell(self, text: str, stated: str | None) -> str:
        """The language of a cleaned text, as a two- or three-letter code.

        Args:
            text: the text.
            stated: the publisher's word, a tag such as `en-GB`; followed where it is one.
        """
        own = primary(stated)
        if own is not None:
            return own
        if len(text.encode("utf-8", "replace")) < _MINIMUM_BYTES:
            return self._supported[0]
        ranking = self._identifier.rank(text)
        best, probability = ranking[0]
        if best in self._supported:
            return str(best)
        supported = sum(share for language, share in ranking if language in self._supported)
        if probability >= _SURE_FOREIGN and supported <= _MAYBE_SUPPORTED:
            return str(best)
        return next((str(name) for name, _ in ranking if name in self._supported), self.default)

    @property
    def default(self) -> str:
        """What a text is taken for when nothing tells otherwise."""
        return self._supported[0]

    def supports(self, language: str) -> bool:
        """Whether the model was trained on this language."""
        return language in self._supported


@cache
def _identifier(candidates: frozenset[str]) -> LanguageIdentifier:
    """Loaded once for each set of candidates: unpacking the model takes half a second."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted(candidates.intersection(identifier.labels)))
    return identifier


def primary(tag: str | None) -> str | None:
    """The language of a tag such as `en-GB` (BCP 47) or `eng`; None where it names none."""
    match = _TAG.fullmatch(tag.strip()) if tag else None
    if match is None:
        return None
    code = match[1].lower()
    return None if code in _UNDETERMINED else _THREE_LETTERS.get(code, code)
