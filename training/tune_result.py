"""What a tuning found, and the file that keeps it: `tune.json`, which a report draws.

It searches nothing, and needs no Optuna.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import NewsurgeError


class TuneError(NewsurgeError):
    """A study that can't be gone on with, or whose result can't be read."""


class Outcome(msgspec.Struct, frozen=True):
    """One trial; `quality` is the mean of the heads' macro-F1 after its best epoch.

    `state` is `complete`, `pruned` (given up: behind the others after the same epochs, so its
    quality is that of its last epoch) or `fail` (interrupted).
    """

    number: int
    state: str
    quality: float | None
    seconds: float
    values: dict[str, Any]


class Texts(msgspec.Struct, frozen=True):
    """How many texts of train the trials learned from, and how many they were judged on."""

    learned: int
    judged: int


class Found(msgspec.Struct, frozen=True):
    """All trials of a recipe's tuning, and the best one. `log` are keys with a logarithmic axis."""

    recipe: str
    texts: Texts
    best: Outcome
    trials: tuple[Outcome, ...]
    log: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(Found)


def encode(found: Found) -> bytes:
    """Returns it as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2)


def read(file: Path) -> Found:
    """Reads a `tune.json`.

    Raises:
        TuneError: it can't be read, or is none.
    """
    try:
        return _decoder.decode(file.read_bytes())
    except OSError as error:
        why = error.strerror or "can't be read"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = str(error)
    raise TuneError(
        f"{file}: not what `newsurge tune` found ({why}), and tune.found of the recipe names it; "
        "give the file, or take the line out"
    )
