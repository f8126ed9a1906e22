"""`newsurge train`, top to bottom: feeds → rows → network → int8 graph → bundle.

Read this first. Each step is one call; what can fail early (recipe, feeds, encoder) comes first,
and the bundle appears in one piece at the end or not at all.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from monitor.errors import NewsurgeError
from monitor.model import bundle as bundles
from training import frozen as freezing
from training.calibration import fit_temperature
from training.card import model_card
from training.evaluation import HEADS, measure
from training.feeds import IGNORED, FeedReport
from training.gathering import DataReport, Gathered, as_json, gather
from training.metrics import softmax
from training.report import ending
from training.served import served

if TYPE_CHECKING:
    from training.metrics import Labels, Numbers
    from training.recipe import Recipe

Say = Callable[[str], None]
PARITY_LIMIT = 0.005  # accuracy that int8 weights may cost on dev: half a point


class TrainingError(NewsurgeError):
    """A training that can't write where it was told to."""


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    say: Say,
    full: bool = False,
    start: bundles.Bundle | None = None,
    told: Callable[[DataReport], None] = lambda _: None,
) -> bundles.Bundle:
    """Follows `recipe` and writes the bundle into directory `out`, and the report beside it.

    Args:
        recipe: what to do.
        data: the directory that the recipe's files are relative to.
        out: must not exist yet, or be empty.
        full: keep the fp32 weights too, for GPU serving and for training on from them.
        start: a full bundle to train on from, instead of the base encoder with new heads.
        say: is told each step in one line.
        told: is given the report on the data before training starts.

    Raises:
        NewsurgeError: a feed, the encoder or `out` can't be used.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TrainingError(f"{out}: exists already; name a new directory with -o")
    tests = ending.tests_for(recipe, data)
    if recipe.topic_mode == "multi":
        raise TrainingError("topic_mode multi can't be trained yet; give each text one topic")
    gathered = gather(recipe, data)
    fitted, dev = gathered.train, gathered.dev
    told(gathered.report)
    say(
        f"{len(fitted):,} texts to learn from, {len(dev):,} for choices (dev), "
        f"{len(gathered.holdout):,} held out for good"
    )
    if gathered.frozen is not None and gathered.is_new:
        freezing.save(gathered.frozen, freezing.place_of(recipe, data))

    from transformers import set_seed

    from training.export import export, save_weights
    from training.network import build, find_encoder
    from training.start import take_weights
    from training.trainer import fit, predict

    folder = find_encoder(recipe.base)
    set_seed(recipe.hyper.seed)  # before the heads are drawn
    network, tokenizer = build(recipe, folder)
    if start is not None:
        take_weights(network, recipe, start)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        epochs = fit(recipe, network, tokenizer, fitted, dev, Path(scratch) / "checkpoints")
        say("Exporting: ONNX, int8 weights")
        draft = Path(scratch) / "bundle"
        draft.mkdir()
        exact = [softmax(p.numpy()) for p in predict(network, tokenizer, dev, recipe.max_length)]
        export(network, tokenizer, draft)
        if full:
            save_weights(network, draft)
        if gathered.frozen is not None:
            freezing.save(gathered.frozen, draft / freezing.FILE)
        made = _describe(recipe, gathered, draft, epochs, exact)
        _tell(made.meta.metrics["parity"], say)
        say("Reporting: behaviour tests, and every set in full")
        report = ending.report_on(made, {"dev": dev, freezing.NAME: gathered.holdout}, tests)
        if out.exists():
            out.rmdir()
        shutil.move(draft, out)
    say(f"Report: {ending.write_beside(out, report)}")
    return bundles.load_bundle(out)


def parity(exact: Numbers, int8: Numbers, labels: Labels) -> dict[str, float]:
    """Compares one head's served probabilities with the fp32 network's, [rows, classes] each."""
    labelled = labels != IGNORED
    hits = [(p.argmax(1) == labels)[labelled] for p in (exact, int8)]
    accuracy = [float(hit.mean()) if len(hit) else 0.0 for hit in hits]
    return {
        "agreement": round(float((exact.argmax(1) == int8.argmax(1)).mean()), 4),
        "accuracy_fp32": round(accuracy[0], 4),
        "accuracy_served": round(accuracy[1], 4),
        "mean_move": round(float(np.abs(exact - int8).max(1).mean()), 4),
    }


def _describe(
    recipe: Recipe,
    gathered: Gathered,
    draft: Path,
    epochs: list[dict[str, float]],
    exact: list[Numbers],
) -> bundles.Bundle:
    """Fits the temperatures on what is served, then writes `meta.json` and the model card."""
    reports, dev = gathered.report.feeds, gathered.dev
    labels = {head: np.array([getattr(row, head) for row in dev]) for head in HEADS}
    meta = bundles.BundleMeta(
        name=recipe.name,
        version=recipe.version,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        topics=recipe.topics,
        temperatures=bundles.Temperatures(),
        max_length=recipe.max_length,
        languages=recipe.languages,
        minimum_words=recipe.minimum_words,
        base_model=bundles.BaseModel(recipe.base.id, recipe.base.sha256, recipe.base.license),
        training_data=_manifest(recipe, reports),
        recipe=recipe.model_dump(mode="json"),
        metrics={},
        files={},
    )
    int8 = served(bundles.Bundle(draft, meta), [row.text for row in dev])
    pairs = zip(labels.items(), exact, int8, strict=True)
    compared = {head: parity(fp32, answer, truth) for (head, truth), fp32, answer in pairs}
    fitted = bundles.Temperatures(
        *(fit_temperature(p, truth) for p, truth in zip(int8, labels.values(), strict=True))
    )
    meta = replace(meta, temperatures=fitted)
    metrics = {
        "dev": measure(bundles.Bundle(draft, meta), dev),
        "parity": compared,
        "epochs": epochs,
        "feeds": [vars(report) for report in reports],
        "data": as_json(gathered.report),
    }
    if gathered.holdout:
        held_out = measure(bundles.Bundle(draft, meta), gathered.holdout)
        metrics["evaluations"] = {freezing.NAME: held_out}
    meta = replace(meta, metrics=metrics)
    (draft / bundles.CARD).write_text(model_card(meta), encoding="utf-8")
    bundles.write_meta(draft, replace(meta, files=bundles.digests(draft)))
    return bundles.load_bundle(draft)


def _manifest(recipe: Recipe, reports: list[FeedReport]) -> tuple[bundles.TrainingData, ...]:
    return tuple(
        bundles.TrainingData(feed.name, feed.source, feed.license, feed.sha256 or "", report.kept)
        for feed, report in zip(recipe.feeds, reports, strict=True)
    )


def _tell(compared: dict[str, dict[str, float]], say: Say) -> None:
    """Says what int8 weights cost. Too much is no reason to throw a long training away."""
    for head, numbers in compared.items():
        say(
            f"{head}: int8 agrees with fp32 on {numbers['agreement']:.2%} of dev, accuracy "
            f"{numbers['accuracy_fp32']:.4f} → {numbers['accuracy_served']:.4f}"
        )
        if numbers["accuracy_fp32"] - numbers["accuracy_served"] > PARITY_LIMIT:
            say(
                f"warning: int8 weights cost the {head} head more than {PARITY_LIMIT:.1%} accuracy "
                "on dev; train longer or with another encoder before you serve this bundle"
            )
