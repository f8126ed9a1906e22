"""Inference that fails: which texts the network can't take, found by giving it less and less.

Pure policy over whatever runs the network. It decides no record's fate, and keeps no exception:
the frames behind one would hold the device's memory that the next try needs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from monitor.model.batching import Rows
from monitor.model.scorer import Batch, Prepared, Scores

log = logging.getLogger(__name__)
ResultT = TypeVar("ResultT")

# Words of torch, OpenVINO, oneDNN, CUDA's libraries and C++ for the same trouble. They come as
# RuntimeErrors, and to know torch's own class would be to import torch.
_OUT_OF_MEMORY = ("out of memory", "bad_alloc", "cannot allocate memory", "failed to allocate")
# What a panic in a Rust library becomes (PyO3). It is no Exception, yet it is one text's trouble.
_PANIC = "PanicException"


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a text could not be judged: `detail` in words, and whether memory was short."""

    detail: str
    is_memory: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of prepared texts.

    `rows` [n] are the places, ascending, of the texts that have scores, and `scores` has a row
    for each of them (None where n is 0). `failed` has all the others, by their place. `tries` are
    the tries that failed, each of one batch or more.
    """

    rows: Rows
    scores: Scores | None
    failed: dict[int, Failed] = field(default_factory=dict)
    tries: list[Failed] = field(default_factory=list)


class Infers(Protocol):
    """What is asked of a scorer here."""

    def infer(self, prepared: Prepared) -> Scores:
        """Run the network."""


def tried(work: Callable[[], ResultT], level: int = logging.DEBUG) -> ResultT | Failed:
    """Do work that may fail of its data; its failure is returned, and logged at the level."""
    try:
        return work()
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        log.log(level, "the model failed; less is tried at once", exc_info=True)
        words = " ".join(str(error).split())
        return Failed(f"{type(error).__name__}: {words}", is_out_of_memory(error))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was short, whichever library raised it."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(each in words for each in _OUT_OF_MEMORY)


def infer_each(scorer: Infers, prepared: Prepared) -> Outcome:
    """Run the network on everything that it can take.

    All at once first, since that is fastest. If it fails, batch by batch; a batch that fails is
    halved where memory was short, and taken text by text where it was anything else. Only a text
    that fails alone has failed; so has one whose scores are not numbers. Each text is tried twice
    at least before it is given up.
    """
    outcome = Outcome(np.arange(0), None)
    whole = tried(lambda: scorer.infer(prepared), logging.WARNING)
    if isinstance(whole, Scores):
        done = [(np.arange(prepared.count), whole)]
    else:
        outcome.tries.append(whole)
        done = _in_parts(scorer, list(prepared.batches), outcome)
    _gather(done, outcome)
    return outcome


def _in_parts(scorer: Infers, waiting: list[Batch], outcome: Outcome) -> list[tuple[Rows, Scores]]:
    done = []
    while waiting:
        batch = waiting.pop()
        result = _alone(scorer, batch)
        if isinstance(result, Scores):
            done.append((batch.rows, result))
            continue
        outcome.tries.append(result)
        if len(batch.rows) == 1:
            outcome.failed[int(batch.rows[0])] = result
        else:
            waiting += _divided(batch, 2 if result.is_memory else len(batch.rows))
    return done


def _alone(scorer: Infers, batch: Batch) -> Scores | Failed:
    count = len(batch.rows)
    one = Prepared(count, (Batch(np.arange(count), batch.ids, batch.mask),))
    return tried(lambda: scorer.infer(one))


def _divided(batch: Batch, count: int) -> list[Batch]:
    """The batch in so many parts, each no wider than its longest text."""
    parts = []
    for places in np.array_split(np.arange(len(batch.rows)), count):
        mask = batch.mask[places]
        width = max(1, int(mask.sum(axis=1).max()))
        ids = np.ascontiguousarray(batch.ids[places, :width])
        parts.append(Batch(batch.rows[places], ids, np.ascontiguousarray(mask[:, :width])))
    return parts


def _gather(done: list[tuple[Rows, Scores]], outcome: Outcome) -> None:
    """Put the parts' scores together in the texts' order, without those that are no numbers."""
    if not done:
        return
    rows = np.concatenate([each for each, _ in done])
    topic = np.concatenate([scores.topic for _, scores in done])
    sentiment = np.concatenate([scores.sentiment for _, scores in done])
    sound = np.isfinite(topic).all(axis=1) & np.isfinite(sentiment).all(axis=1)
    for row in rows[~sound]:
        outcome.failed[int(row)] = Failed("the network's scores are not numbers")
    order = np.flatnonzero(sound)
    order = order[np.argsort(rows[order], kind="stable")]
    if len(order):
        outcome.rows = rows[order]
        outcome.scores = Scores(topic[order], sentiment[order])
