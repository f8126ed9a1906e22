"""A model that fails: only what it can't take even alone is lost, and the rest keeps its place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.batching import plan
from monitor.model.bundle import Bundle
from monitor.model.judge import Judge, Judgement
from monitor.model.language import Languages
from monitor.model.poison import Failed, Outcome, infer_each, is_out_of_memory
from monitor.model.runtime import load_scorer
from monitor.model.scorer import Batch, Prepared, Scores
from monitor.records import NewsItem
from monitor.settings import ModelSettings
from tests.model.marked_scorer import MARK, MarkedScorer, PanicException
from tests.model.tiny_bundle import tiny_bundle

BUDGET = 32


def prepared(tokens: Sequence[int], lengths: Sequence[int] | None = None) -> Prepared:
    """Texts of one token each, repeated to its length, in batches as the tokenizer makes them."""
    sizes = list(lengths or [1] * len(tokens))
    batches = []
    for rows in plan(sizes, BUDGET):
        width = max(sizes[row] for row in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : sizes[row]] = tokens[row]
            mask[place, : sizes[row]] = 1
        batches.append(Batch(rows, ids, mask))
    return Prepared(len(tokens), tuple(batches))


class Network:
    """Gives each text its own token back as score; `fails` is asked about every batch first."""

    def __init__(self, fails: Callable[[Batch], BaseException | None]) -> None:
        self._fails = fails
        self.shapes: list[tuple[int, ...]] = []

    def infer(self, prepared: Prepared) -> Scores:
        scores = np.zeros((prepared.count, 1), dtype=np.float32)
        for batch in prepared.batches:
            self.shapes.append(batch.ids.shape)
            error = self._fails(batch)
            if error is not None:
                raise error
            scores[batch.rows, 0] = (batch.ids * batch.mask).max(axis=1)
        return Scores(scores, scores)


def told(outcome: Outcome) -> dict[int, float]:
    """The score of each text that has one, by its place."""
    if outcome.scores is None:
        return {}
    return dict(zip(outcome.rows.tolist(), outcome.scores.topic[:, 0].tolist(), strict=True))


def short_above(cost: int) -> Callable[[Batch], BaseException | None]:
    def fails(batch: Batch) -> BaseException | None:
        return RuntimeError("CUDA out of memory.") if batch.ids.size > cost else None

    return fails


def test_a_model_that_works_is_asked_once() -> None:
    network = Network(lambda _: None)
    outcome = infer_each(network, prepared([5, 6, 7]))
    assert told(outcome) == {0: 5.0, 1: 6.0, 2: 7.0}
    assert network.shapes == [(3, 1)]
    assert outcome.tries == []


def test_nothing_is_nothing() -> None:
    outcome = infer_each(Network(lambda _: None), prepared([]))
    assert told(outcome) == {}
    assert outcome.failed == {}


def test_short_of_memory_the_batch_is_halved_until_it_fits() -> None:
    network = Network(short_above(9))
    outcome = infer_each(network, prepared(range(1, 33)))
    assert told(outcome) == {place: place + 1.0 for place in range(32)}
    assert outcome.failed == {}
    # All, again as a batch, then halves of which each fails, then quarters that fit.
    assert [size for size, _ in network.shapes] == [32, 32, 16, 8, 8, 16, 8, 8]
    assert all(one.is_memory for one in outcome.tries)


def test_a_half_is_no_wider_than_its_longest_text() -> None:
    network = Network(short_above(7))
    outcome = infer_each(network, prepared([1, 2, 3, 4], [4, 4, 2, 2]))
    assert set(told(outcome)) == {0, 1, 2, 3}
    assert (2, 2) in network.shapes


def test_a_single_text_that_is_too_much_for_the_memory_fails() -> None:
    outcome = infer_each(Network(short_above(7)), prepared([1, 2, 3], [2, 8, 2]))
    assert set(told(outcome)) == {0, 2}
    assert outcome.failed[1].is_memory


def test_any_other_failure_is_tried_text_by_text() -> None:
    network = Network(lambda batch: ValueError("odd text") if 3 in batch.ids else None)
    outcome = infer_each(network, prepared([1, 2, 3, 4]))
    assert told(outcome) == {0: 1.0, 1: 2.0, 3: 4.0}
    assert outcome.failed == {2: Failed("ValueError: odd text")}
    assert [size for size, _ in network.shapes] == [4, 4, 1, 1, 1, 1]


def test_a_failure_that_does_not_come_again_costs_no_text() -> None:
    errors = iter([RuntimeError("the device was busy")])
    outcome = infer_each(Network(lambda _: next(errors, None)), prepared([1]))
    assert told(outcome) == {0: 1.0}
    assert outcome.failed == {}


def test_scores_that_are_no_numbers_are_a_failure_of_their_text() -> None:
    class Broken(Network):
        def infer(self, prepared: Prepared) -> Scores:
            scores = super().infer(prepared)
            scores.topic[1] = np.nan
            return scores

    outcome = infer_each(Broken(lambda _: None), prepared([1, 2, 3]))
    assert told(outcome) == {0: 1.0, 2: 3.0}
    assert list(outcome.failed) == [1]


def test_a_model_that_fails_on_everything_fails_every_text() -> None:
    outcome = infer_each(Network(lambda _: RuntimeError("lost device")), prepared(range(100)))
    assert outcome.scores is None
    assert outcome.failed.keys() == set(range(100))


def test_what_ends_the_process_is_no_failure_of_a_text() -> None:
    with pytest.raises(KeyboardInterrupt):
        infer_each(Network(lambda _: KeyboardInterrupt()), prepared([1]))


def test_a_chunk_logs_one_warning_however_many_texts_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        infer_each(Network(lambda _: RuntimeError("lost device")), prepared(range(100)))
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info


@given(
    lengths=st.lists(st.integers(1, 12), max_size=40),
    poisoned=st.sets(st.integers(0, 39)),
    memory=st.integers(12, 64),
)
def test_whatever_fails_every_sound_text_is_scored_and_no_other(
    lengths: list[int], poisoned: set[int], memory: int
) -> None:
    def fails(batch: Batch) -> BaseException | None:
        if batch.ids.size > memory:
            return MemoryError()
        bad = {place + 1 for place in poisoned} & set(batch.ids.flatten().tolist())
        return ValueError("poison") if bad else None

    tokens = range(1, len(lengths) + 1)
    outcome = infer_each(Network(fails), prepared(tokens, lengths))
    expected = {place: place + 1.0 for place in range(len(lengths)) if place not in poisoned}
    assert told(outcome) == expected
    assert outcome.failed.keys() == poisoned & set(range(len(lengths)))


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("Exception from src/inference: std::bad_alloc"), True),
        (RuntimeError("[ GENERAL_ERROR ] Failed to allocate 12 bytes"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (ValueError("odd text"), False),
    ],
)
def test_which_errors_say_that_memory_was_short(error: Exception, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory


def test_torchs_own_error_says_that_memory_was_short() -> None:
    torch = pytest.importorskip("torch")
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    assert is_out_of_memory(error)


# The judge, with the real tokenizer and network behind a scorer that fails on a marked text.


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path: Path = tmp_path_factory.mktemp("bundles")
    return tiny_bundle(path / "tiny")


def verdicts(
    bundle: Bundle, scorer_of: Callable[..., MarkedScorer], titles: list[str]
) -> list[Judgement | Failed]:
    scorer = scorer_of(load_scorer(bundle, ModelSettings()))
    judge = Judge(bundle.meta, scorer, Languages(bundle.meta.languages), 0.35)
    return judge.infer(judge.prepare([NewsItem(id="n", title=title) for title in titles]))


TITLES = ["Depositors run on Halden bank", f"Oil {MARK} rises", "oops", "Oil pipeline gains"]


@pytest.mark.parametrize("step", ["prepare", "infer"])
@pytest.mark.parametrize("error", [ValueError("odd"), PanicException("index out of bounds")])
def test_an_item_that_fails_alone_has_its_reason_and_the_others_their_judgement(
    bundle: Bundle, step: str, error: BaseException
) -> None:
    sound = verdicts(bundle, MarkedScorer, [title for title in TITLES if MARK not in title])

    def failing(scorer: MarkedScorer) -> MarkedScorer:
        return MarkedScorer(scorer, step=step, error=error)

    told = verdicts(bundle, failing, TITLES)
    assert isinstance(told[1], Failed)
    assert str(error) in told[1].detail
    assert [told[0], *told[2:]] == sound
