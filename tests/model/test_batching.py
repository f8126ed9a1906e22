"""The laws of batching: nothing lost, budget held, little padding."""

import random
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from monitor.model.batching import Rows, plan

LENGTHS = st.lists(st.integers(1, 512), max_size=300)
BUDGETS = st.integers(64, 8192)


@given(LENGTHS, BUDGETS)
@example([], 64)
def test_every_text_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    rows = [int(row) for batch in plan(lengths, budget) for row in batch]
    assert sorted(rows) == list(range(len(lengths)))


@given(LENGTHS, BUDGETS)
def test_the_budget_is_held_unless_one_text_exceeds_it(lengths: list[int], budget: int) -> None:
    for batch in plan(lengths, budget):
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget


def padding(lengths: list[int], batch: Sequence[int] | Rows) -> int:
    held = [lengths[row] for row in batch]
    return max(held) * len(held) - sum(held)


@given(LENGTHS, BUDGETS)
def test_a_batch_ends_only_where_budget_or_padding_would_be_exceeded(
    lengths: list[int], budget: int
) -> None:
    batches = [list(batch) for batch in plan(lengths, budget)]
    for batch, following in pairwise(batches):
        longer = [*batch, following[0]]
        longest = max(lengths[row] for row in longer)
        assert longest * len(longer) > budget or padding(lengths, longer) > budget / 8


@given(LENGTHS, BUDGETS)
def test_at_most_an_eighth_of_the_budget_is_padding(lengths: list[int], budget: int) -> None:
    assert all(padding(lengths, batch) <= budget / 8 for batch in plan(lengths, budget))


def test_headlines_need_hardly_any_padding() -> None:
    draw = random.Random(1)
    lengths = [max(4, round(draw.gauss(28, 10))) for _ in range(512)]
    padded = sum(padding(lengths, batch) for batch in plan(lengths, 1024))
    assert padded < 0.06 * sum(lengths)


@given(LENGTHS, BUDGETS)
def test_longest_first_and_equal_lengths_in_order(lengths: list[int], budget: int) -> None:
    rows = [int(row) for batch in plan(lengths, budget) for row in batch]
    assert rows == sorted(rows, key=lambda row: (-lengths[row], row))
