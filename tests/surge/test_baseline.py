"""The baseline and its tail, against sums in exact fractions."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.surge.baseline import Baseline, Prior, negative_binomial_tail


def exact_tail(r: int, p: Fraction, count: int) -> Fraction:
    """P(N >= count) for a whole r, in exact arithmetic."""
    q = 1 - p
    return 1 - sum((comb(k + r - 1, k) * p**r * q**k for k in range(count)), Fraction(0))


@settings(max_examples=150)
@given(st.integers(1, 25), st.integers(1, 63), st.integers(0, 80))
def test_the_tail_equals_the_exact_sum(r: int, p64: int, count: int) -> None:
    p = Fraction(p64, 64)
    exact = exact_tail(r, p, count)
    # Beyond the mean a small tail keeps its digits; before it the rest to 1 does.
    beyond = count > r * (1 - p) / p
    expected = float(exact)
    near = pytest.approx(expected, rel=1e-9) if beyond else pytest.approx(expected, abs=1e-11)
    assert negative_binomial_tail(r, float(p), count) == near


@given(st.floats(0.1, 500), st.floats(0.01, 0.99), st.integers(1, 400))
def test_the_tail_falls_with_the_count_and_stays_a_probability(
    r: float, p: float, count: int
) -> None:
    more, fewer = (negative_binomial_tail(r, p, n) for n in (count, count - 1))
    assert 0 <= more <= fewer * (1 + 1e-9) <= 1 + 1e-9


def test_the_tail_far_out_keeps_its_digits() -> None:
    # r = 1 is geometric: P(N >= k) = (1 - p)^k
    assert negative_binomial_tail(1, 0.5, 900) == pytest.approx(0.5**900, rel=1e-9)
    assert negative_binomial_tail(1, 0.9, 10_000) == 0.0


def test_of_nothing_seen_the_prior_speaks() -> None:
    baseline = Baseline(Prior(stories=3, panes=60), half_life=1000, warm_up=10)
    assert baseline.expected(20) == 1
    assert not baseline.trusted


def test_zeros_are_data() -> None:
    baseline = Baseline(Prior(1, 1), half_life=1e9, warm_up=10)
    for _ in range(9):
        baseline.learn(0)
    assert baseline.expected(10) == pytest.approx(1)
    assert not baseline.trusted
    baseline.learn(0)
    baseline.learn(0)
    assert baseline.trusted


def test_what_is_seen_outweighs_the_prior_and_is_halved_after_the_half_life() -> None:
    baseline = Baseline(Prior(1e-9, 1e-9), half_life=10, warm_up=1)
    baseline.learn(8)
    for _ in range(10):
        baseline.learn(0)
    weight = sum(0.5 ** (age / 10) for age in range(11))
    assert baseline.observed_panes == pytest.approx(weight)
    assert baseline.expected(1) == pytest.approx(8 * 0.5 / weight)


def test_a_wider_window_expects_more_and_is_less_surprised() -> None:
    baseline = Baseline(Prior(2, 60), half_life=1000, warm_up=10)
    assert baseline.expected(60) == 2
    assert baseline.tail(30, 10) < baseline.tail(60, 10)
