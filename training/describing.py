"""What a bundle says of itself: `meta.json` and the model card, measured on what will be served.

Owns temperatures, the comparison with fp32 and the manifest of what was learned from. It fits no
network.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from monitor.model import bundle as bundles
from training.calibration import fit_temperature
from training.card import model_card
from training.evaluation import measure
from training.feeds import FeedReport
from training.gathering import Gathered, as_json
from training.parity import parity
from training.served import served
from training.targets import head_labels, is_labelled

if TYPE_CHECKING:
    from training.metrics import Numbers
    from training.recipe import Recipe


def describe(
    recipe: Recipe,
    gathered: Gathered,
    learned: list[str],
    draft: Path,
    exact: list[Numbers],
    course: dict[str, Any],
) -> bundles.Bundle:
    """Fits the temperatures on what is served, then writes `meta.json` and the model card.

    Args:
        recipe: what was done.
        gathered: the rows, and what became of each feed.
        learned: the SHA-256 of each feed's file, in the recipe's order.
        draft: the bundle's directory; the network is there already.
        exact: the network's probabilities on dev in fp32, by head; [rows, classes].
        course: what the training itself tells of under `metrics`.
    """
    reports, dev = gathered.report.feeds, gathered.dev
    labels = head_labels(dev, len(recipe.topics), recipe.topic_mode)
    meta = bundles.BundleMeta(
        name=recipe.name,
        version=recipe.version,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        topics=recipe.topics,
        topic_mode=recipe.topic_mode,
        temperatures=bundles.Temperatures(),
        max_length=recipe.max_length,
        languages=recipe.languages,
        minimum_words=recipe.minimum_words,
        base_model=bundles.BaseModel(recipe.base.id, recipe.base.sha256, recipe.base.license),
        training_data=_manifest(recipe, reports, learned),
        recipe=recipe.model_dump(mode="json"),
        metrics={},
        files={},
    )
    int8 = served(bundles.Bundle(draft, meta), [row.text for row in dev])
    pairs = zip(labels.items(), exact, int8, strict=True)
    compared = {
        head: parity(fp32, answer, truth)
        for (head, truth), fp32, answer in pairs
        if is_labelled(truth).any()
    }
    fitted = bundles.Temperatures(
        *(fit_temperature(p, truth) for p, truth in zip(int8, labels.values(), strict=True))
    )
    meta = replace(meta, temperatures=fitted)
    metrics = {
        "dev": measure(bundles.Bundle(draft, meta), dev),
        "parity": compared,
        **course,
        "feeds": [report.counts() for report in reports],
        "data": as_json(gathered.report),
    }
    if gathered.holdout:
        held_out = measure(bundles.Bundle(draft, meta), gathered.holdout)
        metrics["evaluations"] = {bundles.FROZEN: held_out}
    meta = replace(meta, metrics=metrics)
    (draft / bundles.CARD).write_text(model_card(meta), encoding="utf-8")
    bundles.write_meta(draft, replace(meta, files=bundles.digests(draft)))
    return bundles.load_bundle(draft)


def _manifest(
    recipe: Recipe, reports: list[FeedReport], learned: list[str]
) -> tuple[bundles.TrainingData, ...]:
    return tuple(
        bundles.TrainingData(feed.name, feed.source, feed.license, sha256, report.kept)
        for feed, report, sha256 in zip(recipe.feeds, reports, learned, strict=True)
    )
