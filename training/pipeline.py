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
from training.calibration import fit_temperature
from training.card import model_card
from training.evaluation import HEADS, measure
from training.feeds import IGNORED, FeedReport, Row, holdout_keys, read_feed
from training.hygiene import split, tidy
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
    told: Callable[[list[FeedReport]], None] = lambda _: None,
) -> bundles.Bundle:
    """Follows `recipe` and writes the bundle into directory `out`, and the report beside it.

    Args:
        recipe: what to do.
        data: the directory that the recipe's files are relative to.
        out: must not exist yet, or be empty.
        full: keep the fp32 weights too, for GPU serving and for training on from them.
        say: is told each step in one line.
        told: is given the feed report before training starts.

    Raises:
        NewsurgeError: a feed, the encoder or `out` can't be used.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TrainingError(f"{out}: exists already; name a new directory with -o")
    tests = ending.tests_for(recipe, data)
    rows, reports = gather(recipe, data)
    told(reports)
    fitted, dev = split(rows, recipe.hyper.dev_share, recipe.hyper.seed)
    say(f"{len(rows):,} texts: {len(fitted):,} to learn from, {len(dev):,} for choices (dev)")

    from transformers import set_seed

    from training.export import export, save_weights
    from training.network import build, find_encoder
    from training.trainer import fit, predict

    folder = find_encoder(recipe.base)
    set_seed(recipe.hyper.seed)  # before the heads are drawn
    network, tokenizer = build(recipe, folder)
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
        made = _describe(recipe, reports, draft, epochs, dev, exact)
        _tell(made.meta.metrics["parity"], say)
        say("Reporting: behaviour tests, and dev in full")
        report = ending.report_on(made, dev, tests)
        if out.exists():
            out.rmdir()
        shutil.move(draft, out)
    say(f"Report: {ending.write_beside(out, report)}")
    return bundles.load_bundle(out)


def gather(recipe: Recipe, data: Path) -> tuple[list[Row], list[FeedReport]]:
    """Reads all feeds and returns the rows worth learning from, and what became of the others."""
    rows: list[Row] = []
    reports: list[FeedReport] = []
    for feed in recipe.feeds:
        found, report = read_feed(feed, recipe.topics, data)
        rows += found
        reports.append(report)
    return tidy(rows, holdout_keys(recipe.holdouts, data), reports), reports


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
    reports: list[FeedReport],
    draft: Path,
    epochs: list[dict[str, float]],
    dev: list[Row],
    exact: list[Numbers],
) -> bundles.Bundle:
    """Fits the temperatures on what is served, then writes `meta.json` and the model card."""
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
        "feeds": [{**vars(report), "dropped": dict(report.dropped)} for report in reports],
    }
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
