"""Teachers' answers: the soft labels of bundles for the rows that a network learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.errors import BundleError
from monitor.model.bundle import META, digest, load_bundle
from training.served import served

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.feeds import Row
    from training.metrics import Numbers
    from training.recipe import Recipe


def answers(
    recipe: Recipe, data: Path, rows: Sequence[Row], say: Callable[[str], None]
) -> tuple[Numbers, Numbers] | None:
    """Returns calibrated probabilities of both heads, [rows, classes]; None without a teacher.

    Teachers answer for rows of either head, so a head also learns from rows that lack its label.
    Of several, the mean probability is taken: an ensemble.

    Raises:
        BundleError: a teacher can't be used, or knows other topics than the recipe.
    """
    distil = recipe.hyper.distil
    if distil is None:
        return None
    teachers = [load_bundle(data / directory) for directory in distil.bundles]
    for teacher in teachers:
        meta = teacher.meta
        if (meta.topics, meta.topic_mode) != (recipe.topics, recipe.topic_mode):
            raise BundleError(
                f"{teacher.path}: the teacher's topics are not the recipe's (same names, order and "
                "topic_mode); give another in hyper.distil.bundles, or take it out"
            )
    names = ", ".join(map(str, distil.bundles))
    say(f"Learning from {names}, too: answers for {len(rows):,} texts")
    texts = [row.text for row in rows]
    topic, sentiment = zip(*(served(teacher, texts) for teacher in teachers), strict=True)
    return np.mean(topic, axis=0), np.mean(sentiment, axis=0)


def digests(recipe: Recipe, data: Path) -> str:
    """The SHA-256 of each teacher's manifest, which has those of its files; empty without one."""
    distil = recipe.hyper.distil
    return " ".join(digest(data / each / META) for each in distil.bundles) if distil else ""
