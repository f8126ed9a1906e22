"""A teacher's answers: the soft labels of a bundle for the rows that a network learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import BundleError
from monitor.model.bundle import load_bundle
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

    The teacher answers for rows of either head, so a head also learns from rows that lack its
    label.

    Raises:
        BundleError: the teacher can't be used, or knows other topics than the recipe.
    """
    distil = recipe.hyper.distil
    if distil is None:
        return None
    teacher = load_bundle(data / distil.bundle)
    meta = teacher.meta
    if (meta.topics, meta.topic_mode) != (recipe.topics, recipe.topic_mode):
        raise BundleError(
            f"{teacher.path}: the teacher's topics are not the recipe's (same names, order and "
            "topic_mode); give another hyper.distil.bundle, or take it out"
        )
    say(f"Learning from {meta.name} {meta.version}, too: it answers for {len(rows):,} texts")
    return served(teacher, [row.text for row in rows])
