"""The frozen holdout: which texts of the feeds are held out for good, written down by digest.

Owns the manifest file and its checks. A manifest holds digests only, no text and no label.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from monitor.errors import FeedError
from monitor.model.bundle import HOLDOUT, SENTIMENTS
from training.feeds import IGNORED, Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.recipe import Recipe

_SHOWN = 3


class FrozenError(FeedError):
    """A holdout that is not the one that was frozen."""


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """A holdout by digest: that of each text → that of its labels.

    `sha256` is that of the rows. Two models that were held to manifests of one `sha256` can be
    compared on them.
    """

    recipe: str
    share: float
    seed: int
    rows: dict[str, str]
    sha256: str
    schema_version: int = 1


_decoder = msgspec.json.Decoder(Frozen)


def freeze(recipe: Recipe, rows: Sequence[Row]) -> Frozen:
    """Returns the manifest of a new holdout."""
    digests = dict(sorted((text_digest(row), label_digest(row, recipe.topics)) for row in rows))
    return Frozen(
        recipe=recipe.name,
        share=recipe.holdout_share,
        seed=recipe.split_seed,
        rows=digests,
        sha256=_digest_of(digests),
    )


def text_digest(row: Row) -> str:
    """Identifies a text as duplicates are: case, punctuation and links don't matter."""
    return hashlib.sha256(row.key.encode()).hexdigest()[:32]


def label_digest(row: Row, topics: Sequence[str]) -> str:
    """Identifies what a row says, by the names of classes, so that their order may change."""
    named = None if row.topics is None else sorted(topics[index] for index in row.topics)
    sentiment = None if row.sentiment == IGNORED else SENTIMENTS[row.sentiment]
    return hashlib.sha256(msgspec.json.encode([named, sentiment])).hexdigest()[:16]


def place_of(recipe: Recipe, data: Path) -> Path:
    """Where the manifest of a recipe lies."""
    return data / (recipe.holdout_file or f"{recipe.name}.{HOLDOUT}")


def load(file: Path) -> Frozen | None:
    """Reads a manifest; None where there is none yet.

    Raises:
        FrozenError: it can't be read, or its rows are not those whose digest it states.
    """
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FrozenError(f"{file}: can't be read ({error.strerror}); check the path") from error
    mend = (
        f"restore it (every bundle of the recipe holds a copy, {HOLDOUT}), or delete it to hold "
        "out other texts, on which no earlier model was measured"
    )
    try:
        frozen = _decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise FrozenError(f"{file}: not the manifest of a holdout ({error}); {mend}") from error
    if (actual := _digest_of(frozen.rows)) != frozen.sha256:
        raise FrozenError(
            f"{file}: SHA-256 of its rows is {actual[:12]}…, it states {frozen.sha256[:12]}…, so "
            f"it was changed; {mend}"
        )
    return frozen


def save(frozen: Frozen, file: Path) -> None:
    """Writes a manifest, in one piece.

    Raises:
        FrozenError: it can't be written.
    """
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(frozen)) + b"\n")
        draft.replace(file)
    except OSError as error:
        raise FrozenError(
            f"{file}: the holdout can't be written down ({error.strerror}); make the directory "
            "writable, or name another place with holdout_file"
        ) from error


def check(
    frozen: Frozen,
    held_out: Sequence[Row],
    topics: Sequence[str],
    file: Path,
    torn: Sequence[Row] = (),
) -> None:
    """Checks that the feeds still have the frozen texts, with the frozen labels.

    Args:
        frozen: the manifest.
        held_out: the rows of the feeds whose text is in it, one for each text.
        topics: the classes of the topic head.
        file: the manifest's, for the message.
        torn: a row of each text in it whose rows contradict each other, so that none is left.

    Raises:
        FrozenError: some text is gone, or has other labels.
    """
    changed = [
        row for row in held_out if frozen.rows[text_digest(row)] != label_digest(row, topics)
    ]
    gone = len(frozen.rows) - len(held_out) - len(torn)
    if not gone and not changed and not torn:
        return
    faults = [f"{gone:,} of {len(frozen.rows):,} held-out texts are in no feed any more"] * bool(
        gone
    )
    for rows, what in (
        (changed, "have other labels than when they were frozen"),
        (torn, "have rows with conflicting labels now"),
    ):
        if rows:
            shown = "; ".join(f"{r.feed} {r.line}: {r.text[:60]!r}" for r in rows[:_SHOWN])
            faults.append(f"{len(rows):,} {what} ({shown})")
    raise FrozenError(
        f"{file}: {', and '.join(faults)}; restore those rows in the feeds, or delete the file to "
        "hold out other texts, on which no earlier model was measured"
    )


def separated(rows: Sequence[Row], frozen: Frozen) -> tuple[list[Row], list[Row]]:
    """Splits rows into those whose text is frozen, and the others."""
    keys: dict[str, bool] = {}
    for row in rows:
        if row.key not in keys:
            keys[row.key] = text_digest(row) in frozen.rows
    held_out = [replace(row, group=row.key) for row in rows if keys[row.key]]
    return held_out, [row for row in rows if not keys[row.key]]


def _digest_of(rows: dict[str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode(sorted(rows.items()))).hexdigest()
