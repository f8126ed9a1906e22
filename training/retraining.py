"""`newsurge retrain`: are there new labels? Then train on from the champion, and promote or report.

Owns what is new and where training starts; the training is `training.pipeline`'s, the verdict and
the registry are `training.promotion`'s.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.errors import BundleError, NewsurgeError
from monitor.model.bundle import CONFIG, WEIGHTS, Bundle, load_bundle
from monitor.model.registry import VERSIONS, is_version, load_version
from monitor.model.rollback import serving_or_none
from training.gate_limits import GateError, GateLimits
from training.holdout import Holdout
from training.label_account import labels_of, new_labels
from training.promotion import Promotion, promote
from training.recipe import Holdout as HeldOut
from training.recipe import Recipe

CHALLENGERS = "challengers"  # in a registry: what the gate was against, to be looked into

Say = Callable[[str], None]


@dataclass(frozen=True)
class Retraining:
    """What came of it; `promotion` is None where there was nothing new to learn."""

    new: dict[str, int]
    promotion: Promotion | None = None
    challenger: Path | None = None


def retrain(
    recipe: Recipe,
    data: Path,
    registry: Path,
    holdouts: Sequence[Holdout],
    limits: GateLimits,
    *,
    version: str | None = None,
    least: int = 1,
    say: Say = lambda _: None,
) -> Retraining:
    """Train a challenger on all labels of the recipe, if some are new, and promote it if it may.

    It starts at the champion's weights where that is a full bundle of the same encoder, else at
    the recipe's base model. Rows that share a text with a holdout of the gate leave train. A
    challenger that is refused, or could not be judged, stays in `challengers/` of the registry.

    Args:
        recipe: what to do; its version is replaced.
        data: the directory that its files are relative to.
        registry: where the champion serves from.
        holdouts: what the gate judges on.
        limits: of the gate.
        version: of the challenger; the recipe's with the time of day by default.
        least: how many rows must be new.
        say: is told each step in one line.

    Raises:
        NewsurgeError: a feed, the champion or the registry can't be used, or the recipe would
            learn from the holdouts.
    """
    if recipe.hygiene.across == "keep":
        raise GateError(
            "the recipe says hygiene.across: keep, so the challenger would learn from the gate's "
            "holdouts; say remove or exact"
        )
    serving = serving_or_none(registry)
    champion = None if serving is None else load_version(registry, serving)
    labels = labels_of(recipe, data)
    new = new_labels(labels, champion)
    if sum(new.values()) < least:
        return Retraining(new)
    say("new labels: " + ", ".join(f"{name} {rows:,}" for name, rows in new.items()))
    named = version or f"{recipe.version}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if not is_version(named):
        raise BundleError(f"{named[:80]!r} can't name a directory; give another --version")
    if (registry / VERSIONS / named).exists():
        raise BundleError(
            f"{registry} has a version {named} already, and versions never change; give another "
            "--version"
        )
    out = registry / CHALLENGERS / named
    start = champion if champion is not None and can_go_on(champion, recipe) else None
    say(f"starting at {start.meta.version if start else recipe.base.id}")
    _train(challenger_recipe(recipe, named, holdouts), data, out, start, say)
    try:
        done = promote(registry, str(out), holdouts, limits, say=say)
    except NewsurgeError:
        say(f"{named} is trained but was not judged; it is kept in {out}, for `newsurge promote`")
        raise
    if done.is_promoted:
        shutil.rmtree(out, ignore_errors=True)
        return Retraining(new, done)
    return Retraining(new, done, load_bundle(out).path)


def can_go_on(champion: Bundle, recipe: Recipe) -> bool:
    """Whether a bundle has weights, and they are those of the recipe's encoder."""
    is_full = {WEIGHTS, CONFIG} <= champion.meta.files.keys()
    return is_full and champion.meta.base_model.sha256 == recipe.base.sha256


def challenger_recipe(recipe: Recipe, version: str, holdouts: Sequence[Holdout]) -> Recipe:
    """The recipe under its new version, with the gate's holdouts kept out of train."""
    kept_out = (
        holdout.feed.model_dump(include=set(HeldOut.model_fields))
        | {"file": str(holdout.file.resolve())}
        for holdout in holdouts
    )
    known = recipe.model_dump()
    changed = {"version": version, "holdouts": (*known["holdouts"], *kept_out)}
    return Recipe.model_validate({**known, **changed})


def _train(recipe: Recipe, data: Path, out: Path, start: Bundle | None, say: Say) -> None:
    """The one place where retraining meets the pipeline."""
    from training.pipeline import train

    train(recipe, data, out, say=say, full=True, start=start)
