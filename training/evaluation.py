"""Measures a bundle, as served, on labelled rows it never learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from monitor.errors import BundleError
from monitor.model.bundle import CARD, META, digest, write_meta
from training.answers import Answers, answer
from training.card import model_card
from training.feeds import read_feed, read_held_out
from training.metrics import head_metrics
from training.recipe_data import Feed, Source
from training.sources.opening import format_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from monitor.model.bundle import Bundle
    from training.feeds import FeedReport, Row

HEADS = ("topic", "sentiment")
_BY_CONTENT = ("phrasebank", "label-studio")  # no file's ending tells them


def feed_like(bundle: Bundle, name: str, file: str) -> Feed:
    """Returns `file` read with the columns and classes of the recipe's feed called `name`.

    Raises:
        BundleError: the bundle's recipe has no such feed.
    """
    feeds = [Feed.model_validate(feed) for feed in bundle.meta.recipe.get("feeds", ())]
    for feed in feeds:
        if feed.name == name:
            kind = feed.format if feed.format in _BY_CONTENT else format_of(file)
            return feed.model_copy(update={"file": file, "format": kind, "sha256": None})
    known = ", ".join(repr(feed.name) for feed in feeds)
    raise BundleError(f"{bundle.path}: its recipe has no feed {name!r}; it has {known}")


def evaluate(
    bundle: Bundle, feed: Feed, data: Path, without: Sequence[Path] = ()
) -> tuple[dict[str, Any], FeedReport]:
    """Measures `bundle` on one labelled file.

    Args:
        bundle: what is measured.
        feed: how the file is read; its name is only shown.
        data: the directory that the file lies in.
        without: files with the same text column whose texts are left out.

    Returns:
        Metrics by head (see `metrics.head_metrics`), and what became of the file's rows.

    Raises:
        FeedError: a file can't be read, or holds no row that could be judged.
    """
    rows, report = labelled_rows(bundle, feed, data, without)
    return measure(bundle, rows), report


def labelled_rows(
    bundle: Bundle, feed: Feed, data: Path, without: Sequence[Path] = ()
) -> tuple[list[Row], FeedReport]:
    """Returns the rows that `evaluate` would measure, and what became of the others."""
    several = bundle.meta.topic_mode == "multi"
    rows, report = read_feed(feed, bundle.meta.topics, data, several=several)
    seen: set[str] = set()
    for file in without:
        how = feed.model_dump(include={"format", "text_column", "encoding", "delimiter"})
        source = Source(file=file.name, **how)
        seen.update(read_held_out(source, file.parent).texts)
    kept = [row for row in rows if row.key not in seen]
    if len(kept) < len(rows):
        report.dropped["left out"] = len(rows) - len(kept)
    report.kept = len(kept)
    return kept, report


def measure(bundle: Bundle, rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the metrics of both heads on `rows`; a head that no row labels is left out."""
    return metrics_of(answer(bundle, rows))


def metrics_of(answers: Answers) -> dict[str, Any]:
    """Returns the metrics of each head that a row labels."""
    heads = {
        each.head: head_metrics(each.probabilities, each.labels, each.classes)
        for each in answers.heads
    }
    return {head: metrics for head, metrics in heads.items() if metrics}


def may_keep(bundle: Bundle) -> None:
    """Checks that a bundle may be written to: one that a registry holds never changes.

    Raises:
        BundleError: it may not.
    """
    if not (bundle.path / META).stat().st_mode & 0o222:
        raise BundleError(
            f"{bundle.path}: is read-only, as every bundle in a registry is; record on the bundle "
            "before it is promoted, or write a --report"
        )


def record(bundle: Bundle, name: str, metrics: dict[str, Any]) -> None:
    """Keeps an evaluation called `name` in the bundle's `meta.json` and model card."""
    evaluations = {**bundle.meta.metrics.get("evaluations", {}), name: metrics}
    keep(bundle, {"evaluations": evaluations})


def keep(bundle: Bundle, parts: dict[str, Any]) -> Bundle:
    """Puts `parts` into `metrics` of the bundle's `meta.json` and writes its card anew."""
    meta = msgspec.structs.replace(bundle.meta, metrics={**bundle.meta.metrics, **parts})
    card = bundle.path / CARD
    card.write_text(model_card(meta), encoding="utf-8")
    meta = msgspec.structs.replace(meta, files={**meta.files, CARD: digest(card)})
    write_meta(bundle.path, meta)
    return msgspec.structs.replace(bundle, meta=meta)
