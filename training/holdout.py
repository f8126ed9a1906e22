"""The desk's frozen holdout, and what a bundle says of it as served on a CPU.

The one place where promotion meets feeds and the scorer. It gives no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.model.bundle import Bundle, digest
from monitor.model.promotion_log import Held
from training.feeds import IGNORED, Row, read_feed
from training.gate import Chosen, HeadAnswers
from training.gate_limits import GateError, GateFile, Head
from training.metrics import SAID, calibration_error, cell_error
from training.recipe import Feed
from training.served import served

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADS: tuple[Head, ...] = ("topic", "sentiment")


@dataclass(frozen=True)
class Holdout:
    """A labelled file that no model may learn from, and how it is read.

    `feed.file` is relative to `folder`; `feed.sha256`, where given, freezes it.
    """

    feed: Feed
    folder: Path

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.folder / self.feed.file


@dataclass(frozen=True)
class Labelled:
    """The rows of all holdouts, their topics as indices into a challenger's, and the files.

    `left_out` says of each file what of it can't be used, if anything.
    """

    rows: list[Row]
    files: tuple[Held, ...]
    left_out: tuple[str, ...] = ()


def holdouts_of(gate: GateFile, file: Path) -> tuple[Holdout, ...]:
    """The holdouts that a gate file names."""
    return tuple(Holdout(feed, file.parent) for feed in gate.holdouts)


def read_holdouts(holdouts: Sequence[Holdout], challenger: Bundle) -> Labelled:
    """Read the rows that challenger and champion are both judged on.

    Raises:
        FeedError: a file can't be read as its feed says, or is not the one that was frozen.
        GateError: the challenger learned from one of them, or one is there twice.
    """
    rows: list[Row] = []
    files: list[Held] = []
    left_out: list[str] = []
    given: set[tuple[str, Head]] = set()
    learned = {data.sha256 for data in challenger.meta.training_data}
    for holdout in holdouts:
        several = challenger.meta.topic_mode == "multi"
        found, report = read_feed(
            holdout.feed, challenger.meta.topics, holdout.folder, several=several
        )
        sha256 = digest(holdout.file)
        heads = {(sha256, head) for head in _HEADS if getattr(holdout.feed, head) is not None}
        if heads & given:
            raise GateError(
                f"{holdout.file}: the same holdout is given twice, so each row would count twice "
                "and the verdict look surer than it is; give it once"
            )
        given |= heads
        if sha256 in learned:
            raise GateError(
                f"{holdout.file}: {challenger.meta.version} learned from this very file, so it "
                "says nothing of how good the model is; give a file that was held out"
            )
        rows += found
        files.append(Held(holdout.feed.file, sha256, len(found)))
        counts = {**report.dropped, **report.noted}
        if counts:
            told = ", ".join(f"{reason}: {rows:,}" for reason, rows in counts.items())
            left_out.append(f"{holdout.feed.file}: of {report.read:,} rows not all count ({told})")
    return Labelled(rows, tuple(files), tuple(left_out))


def answers(bundle: Bundle, rows: Sequence[Row]) -> dict[str, HeadAnswers]:
    """What the challenger says of the rows, by head; of each those that are labelled."""
    told: dict[str, HeadAnswers] = {}
    for head, classes, probabilities in _judged(bundle, rows):
        labelled = _is_labelled(rows, head)
        if labelled.any():
            shares, truth = probabilities[labelled], _truth(rows, head, len(classes))[labelled]
            is_multi = head == "topic" and bundle.meta.topic_mode == "multi"
            told[head] = HeadAnswers(
                classes,
                _said(bundle, head, shares),
                truth,
                cell_error(shares, truth)
                if is_multi
                else calibration_error(shares, truth.argmax(1)),
            )
    return told


def choices(bundle: Bundle, rows: Sequence[Row]) -> dict[str, Chosen]:
    """What the champion says of the same rows, in its own classes."""
    return {
        head: Chosen(classes, _said(bundle, head, shares)[_is_labelled(rows, head)])
        for head, classes, shares in _judged(bundle, rows)
    }


def _judged(
    bundle: Bundle, rows: Sequence[Row]
) -> list[tuple[Head, tuple[str, ...], NDArray[np.floating[Any]]]]:
    topic, sentiment = served(bundle, [row.text for row in rows])
    return [
        ("topic", bundle.meta.topics, topic),
        ("sentiment", bundle.meta.sentiments, sentiment),
    ]


def _is_labelled(rows: Sequence[Row], head: Head) -> NDArray[np.bool_]:
    if head == "topic":
        return np.array([row.topics is not None for row in rows], dtype=np.bool_)
    return np.array([row.sentiment != IGNORED for row in rows], dtype=np.bool_)


def _truth(rows: Sequence[Row], head: Head, classes: int) -> NDArray[np.bool_]:
    """Which classes each row is of, [rows, classes]; none where it is not labelled."""
    flags = np.zeros((len(rows), classes), dtype=np.bool_)
    for index, row in enumerate(rows):
        if head == "topic":
            flags[index, list(row.topics or ())] = True
        elif row.sentiment != IGNORED:
            flags[index, row.sentiment] = True
    return flags


def _said(bundle: Bundle, head: Head, shares: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which classes a bundle says of each row: the most probable, or all probable enough."""
    if head == "topic" and bundle.meta.topic_mode == "multi":
        several: NDArray[np.bool_] = shares >= SAID
        return several
    one: NDArray[np.bool_] = np.eye(shares.shape[1], dtype=np.bool_)[shares.argmax(1)]
    return one
