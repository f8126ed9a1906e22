"""Which labels a bundle has learned from, and so which are new: a digest of each feed's.

Owns the account that every training keeps under `metrics` of its bundle, and the digests of the
files that were learned from and held out. It trains nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from monitor.model.bundle import LABELS, digest
from training.feeds import read_feed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from monitor.model.bundle import Bundle
    from training.recipe import Recipe
    from training.recipe_data import Source

HELD_OUT = "held_out"  # under `metrics` of a bundle


class Labels(msgspec.Struct, frozen=True):
    """The labels of a feed, files and streams alike: how many rows, and a digest of them all."""

    rows: int
    sha256: str


def labels_of(recipe: Recipe, data: Path) -> dict[str, Labels]:
    """What each feed of a recipe holds now; the order of its rows means nothing."""
    found = {}
    for feed in recipe.feeds:
        rows, _ = read_feed(feed, recipe.topics, data, several=recipe.topic_mode == "multi")
        told = sorted(f"{row.key}\0{row.topics}\0{row.sentiment}" for row in rows)
        found[feed.name] = Labels(len(rows), hashlib.sha256("\n".join(told).encode()).hexdigest())
    return found


def files_of(sources: Iterable[Source], data: Path) -> list[str]:
    """The SHA-256 of each source's file, as it is now; empty for the stream.

    To be asked when they have been read, for one that is missing is no `NewsurgeError` here.
    """
    return ["" if each.format == "stream" else digest(data / each.file) for each in sources]


def new_labels(labels: dict[str, Labels], champion: Bundle | None) -> dict[str, int]:
    """How many rows each feed has that the champion did not learn from, for feeds that changed.

    Of a feed whose labels were changed, and not only added to, all rows count as new.
    """
    known: Any = champion.meta.metrics.get(LABELS, {}) if champion else {}
    new = {}
    for name, each in labels.items():
        before = known.get(name)
        if before is None:
            new[name] = each.rows
        elif before["sha256"] != each.sha256:
            more = each.rows - int(before["rows"])
            new[name] = more if more > 0 else each.rows
    return new
