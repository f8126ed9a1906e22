"""`newsurge train`, top to bottom: feeds → rows → network → int8 graph → bundle.

Read this first. Each step is one call; what can fail early (recipe, feeds, encoder) comes first,
and the bundle appears in one piece at the end or not at all. Until then the work directory holds
what a training that was interrupted goes on from.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import to_builtins

from monitor.errors import NewsurgeError
from monitor.model import bundle as bundles
from training import frozen as freezing
from training import processes, teaching, trackers, tune_result
from training.checkpoints import open_work
from training.describing import describe
from training.evaluation import HEADS
from training.gathering import DataReport, Gathered, gather
from training.label_account import HELD_OUT, files_of, labels_of
from training.metrics import probabilities_of
from training.parity import tell
from training.report import ending

if TYPE_CHECKING:
    from training.recipe import Recipe

Say = Callable[[str], None]


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
    resume: bool = False,
    work: Path | None = None,
    told: Callable[[DataReport], None] = lambda _: None,
) -> bundles.Bundle:
    """Follows `recipe` and writes the bundle into directory `out`, and the report beside it.

    Args:
        recipe: what to do.
        data: the directory that the recipe's files are relative to.
        out: must not exist yet, or be empty.
        full: keep the fp32 weights too, for GPU serving and for training on from them.
        start: a full bundle to train on from, instead of the base encoder with new heads.
        resume: go on with a training that was interrupted, if there is one.
        work: where checkpoints are kept until the bundle is there; OUT.work by default.
        say: is told each step in one line.
        told: is given the report on the data before training starts.

    In several processes (torchrun), all fit and the main one does everything else; the others exit
    when the network is fitted.

    Raises:
        NewsurgeError: a feed, the encoder, `out` or `work` can't be used.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TrainingError(f"{out}: exists already; name a new directory with -o")
    place = (work or out.parent / f"{out.name}.work").resolve()
    _keep_apart(out, place)
    trackers.require(recipe.trackers)
    say = say if processes.is_main() else _say_nothing
    # Only one process reports, so only it needs the tests; what is wrong in them is told first.
    tests = ending.tests_for(recipe, data) if processes.is_main() else ()
    tuning = tune_result.read(recipe.tune.found) if recipe.tune.found else None
    # Before the rows are: a label that comes into a stream meanwhile counts as new the next time.
    labels = processes.shared(lambda: labels_of(recipe, data))
    gathered = processes.shared(lambda: _gather(recipe, data, say, told))
    learned = processes.shared(lambda: files_of(recipe.feeds, data))
    kept_out = processes.shared(lambda: files_of(recipe.holdouts, data))
    fitted, dev = gathered.train, gathered.dev

    from transformers import set_seed

    from training.export import export, save_weights
    from training.network import build, find_encoder
    from training.offsets import move_heads
    from training.start import take_weights
    from training.trainer import fit, predict

    folder = find_encoder(recipe.base)
    set_seed(recipe.hyper.seed)  # before the heads are drawn
    network, tokenizer = build(recipe, folder)
    if start is not None:
        take_weights(network, recipe, start)
    taught = processes.shared(lambda: teaching.answers(recipe, data, fitted, say))
    checkpoint = processes.shared(
        lambda: _open(place, _facts(recipe, data, gathered, start), say, resume=resume)
    )
    trackers.place_logs(recipe.trackers, out.parent / "runs" / out.name)
    epochs = fit(
        recipe,
        network,
        tokenizer,
        fitted,
        dev,
        place,
        checkpoint=checkpoint,
        teacher=taught,
        say=say,
    )
    processes.part()
    say("Exporting: ONNX, int8 weights")
    draft = place / "bundle"
    shutil.rmtree(draft, ignore_errors=True)  # of an export that was interrupted
    draft.mkdir()
    logits = predict(network, tokenizer, dev, recipe)
    logits = move_heads(network, logits, dev, recipe)
    exact = [
        probabilities_of(told.numpy(), head, recipe.topic_mode)
        for head, told in zip(HEADS, logits, strict=True)
    ]
    export(network, tokenizer, draft)
    if full:
        save_weights(network, draft)
    if gathered.frozen is not None:
        freezing.save(gathered.frozen, draft / bundles.HOLDOUT)
    account = {bundles.LABELS: labels, HELD_OUT: sorted(kept_out)}
    began = {"start": start.meta.version if start else None, "tuning": tuning}
    course = {"epochs": epochs, **to_builtins(account | began)}
    made = describe(recipe, gathered, learned, draft, exact, course)
    tell(made.meta.metrics["parity"], say)
    say("Reporting: behaviour tests, and every set in full")
    report = ending.report_on(made, {"dev": dev, bundles.FROZEN: gathered.holdout}, tests)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        out.rmdir()
    shutil.move(draft, out)
    shutil.rmtree(place)
    say(f"Report: {ending.write_beside(out, report)}")
    return bundles.load_bundle(out)


def _keep_apart(out: Path, work: Path) -> None:
    """Refuses a work directory that would be deleted with the bundle in it, or hold its place."""
    made = out.resolve()
    if made.is_relative_to(work) or work.is_relative_to(made):
        raise TrainingError(
            f"{work}: the work directory goes when the bundle is there, so neither it nor {out} "
            "may lie in the other; name another with --work"
        )


def _say_nothing(_: str) -> None:
    """What the processes beside the main one say."""


def _gather(recipe: Recipe, data: Path, say: Say, told: Callable[[DataReport], None]) -> Gathered:
    gathered = gather(recipe, data)
    told(gathered.report)
    say(
        f"{len(gathered.train):,} texts to learn from, {len(gathered.dev):,} for choices (dev), "
        f"{len(gathered.holdout):,} held out for good"
    )
    if gathered.frozen is not None and gathered.is_new:
        freezing.save(gathered.frozen, freezing.place_of(recipe, data))
    return gathered


def _facts(
    recipe: Recipe, data: Path, gathered: Gathered, start: bundles.Bundle | None
) -> dict[str, str]:
    """What two trainings must agree in, for one to go on where the other stopped."""
    wanted = recipe.model_dump_json(exclude={"tune", "trackers", "description"})
    rows = repr([(r.text, r.topics, r.sentiment, r.weight) for r in gathered.train])
    rows += repr([(r.text, r.topics, r.sentiment) for r in gathered.dev])
    return {
        "recipe": hashlib.sha256(wanted.encode()).hexdigest(),
        "rows": hashlib.sha256(rows.encode()).hexdigest(),
        "weights to start from": start.meta.files[bundles.WEIGHTS] if start else "",
        "teachers": teaching.digests(recipe, data),
        "number of processes": str(processes.count()),
    }


def _open(work: Path, facts: dict[str, str], say: Say, *, resume: bool) -> Path | None:
    checkpoint = open_work(work, facts, resume=resume)
    if checkpoint is not None:
        say(f"Going on from {checkpoint}")
    else:
        nothing = "Nothing to resume. " if resume else ""
        say(f"{nothing}Checkpoints are kept in {work}; if interrupted, go on with --resume")
    return checkpoint
