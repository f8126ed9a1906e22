"""`newsurge evaluate`, top to bottom: rows, answers, numbers, behaviour, report, record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import FeedError
from training.answers import answer
from training.behaviour.judging import Outcome, as_metrics
from training.behaviour.loading import digest_of, load_tests, shipped
from training.behaviour.running import run
from training.evaluation import keep, labelled_rows, may_keep, metrics_of, record
from training.feeds import FeedReport
from training.report.ending import report_on_file, write

if TYPE_CHECKING:
    from monitor.model.bundle import Bundle
    from training.recipe_data import Feed


@dataclass(frozen=True)
class Wanted:
    """What an evaluation is to end in. `name` is the measured file's, as shown."""

    name: str
    html: Path | None = None
    json: Path | None = None
    behaviour: Path | None = None
    against: Path | None = None
    record: str | None = None


@dataclass(frozen=True)
class Done:
    """Metrics by head, what became of the file's rows, and the behaviour tests that were run."""

    metrics: dict[str, Any]
    feed: FeedReport
    behaviour: tuple[Outcome, ...]


def evaluate(
    bundle: Bundle, feed: Feed, data: Path, without: Sequence[Path], wanted: Wanted
) -> Done:
    """Measures a bundle on one file and writes what is wanted.

    Args:
        bundle: what is measured.
        feed: how the file is read.
        data: the directory that the file lies in.
        without: files whose texts are left out.
        wanted: what to write and to keep.

    Raises:
        NewsurgeError: a file or a behaviour test can't be used, or the report not be written.
    """
    # What can fail early comes first: the tests are read before a text is judged.
    if wanted.record:
        may_keep(bundle)
    tests = load_tests(shipped(), *([wanted.behaviour] if wanted.behaviour else []))
    rows, counts = labelled_rows(bundle, feed, data, without)
    if not rows:
        raise FeedError(
            f"{data / feed.file}: all of its texts are in {', '.join(map(str, without))} too, so "
            "nothing is left to measure on; give another file, or fewer --without"
        )
    answers = answer(bundle, rows)
    metrics = metrics_of(answers)
    asked = wanted.html or wanted.json or wanted.behaviour
    outcomes = run(bundle, tests) if asked else ()
    if wanted.html or wanted.json:
        made = report_on_file(
            bundle,
            wanted.name,
            answers,
            counts.dropped,
            behaviour=(tests, outcomes),
            against=wanted.against,
        )
        write(made, wanted.html, wanted.json)
    if wanted.record:
        if outcomes:
            kept = {"behaviour": as_metrics(outcomes), "behaviour_sha256": digest_of(tests)}
            bundle = keep(bundle, kept)
        record(bundle, wanted.record, metrics)
    return Done(metrics, counts, outcomes)
