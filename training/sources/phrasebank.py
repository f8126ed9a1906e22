"""The format of the Financial PhraseBank: `sentence@label`, one a line, Latin-1 or UTF-8.

Malo et al., Good debt or bad debt: detecting semantic orientations in economic texts (2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from training.sources.encodings import detected, lines
from training.sources.record import Broken, Record

TEXT, LABEL = "text", "sentiment"
"""The columns that the two parts of a line are read as."""
NO_LABEL = "no @label at the end of the line"


def read_phrasebank(file: Path, encoding: str | None) -> Iterator[Record | Broken]:
    """The sentences of a file with their labels, as the columns `text` and `sentiment`.

    The label is what follows the last `@`. Without `encoding` the file is taken for UTF-8 where
    it is valid as such, and for Latin-1 otherwise, in which the data set is published.
    """
    for number, line in lines(file, encoding or detected(file)):
        if not line.strip():
            continue
        text, sign, label = line.rpartition("@")
        yield Record(number, {TEXT: text, LABEL: label}) if sign else Broken(number, NO_LABEL)
