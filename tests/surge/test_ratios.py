"""Likelihood ratios against exact sums, and their return periods against a simulation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.surge.ratios import (
    IDEAL,
    Tail,
    raised_share,
    rate_period,
    rate_ratio,
    share_period,
    share_ratio,
)

FACTORS = st.floats(1.2, 16)
EXPECTED = st.floats(0.01, 30)


def poisson_ratio(count: int, expected: float, factor: float) -> float:
    return count * math.log(factor) - (factor - 1) * expected


class TestRateRatio:
    @given(st.integers(0, 100), EXPECTED, FACTORS)
    def test_tends_to_that_of_poisson_counts_as_the_usual_rate_gets_known(
        self, count: int, expected: float, factor: float
    ) -> None:
        known = rate_ratio(count, expected, 1e12, factor)
        assert known == pytest.approx(poisson_ratio(count, expected, factor), abs=1e-4)

    @given(EXPECTED, st.floats(1, 100), FACTORS)
    def test_says_nothing_on_average_of_its_exponential_when_all_is_usual(
        self, expected: float, shape: float, factor: float
    ) -> None:
        # The sum over n of P(n | usual) exp(ratio) is that of P(n | risen): 1.
        usual, risen, total = shape / (shape + expected), 0.0, 0.0
        log_p = shape * math.log(usual)
        for count in range(20_000):
            total += math.exp(log_p)
            risen += math.exp(log_p + rate_ratio(count, expected, shape, factor))
            if 1 - risen < 1e-9:
                break
            log_p += math.log((shape + count) / (count + 1) * (1 - usual))
        assert risen == pytest.approx(1, abs=1e-6)
        assert total == pytest.approx(1, abs=1e-3)

    @given(st.integers(0, 50), EXPECTED, st.floats(0.1, 1e6), FACTORS)
    def test_rises_with_the_count_and_falls_with_what_was_expected(
        self, count: int, expected: float, shape: float, factor: float
    ) -> None:
        here = rate_ratio(count, expected, shape, factor)
        assert rate_ratio(count + 1, expected, shape, factor) > here
        assert rate_ratio(count, expected * 1.1, shape, factor) < here

    def test_says_less_the_less_is_known_of_the_usual(self) -> None:
        said = [rate_ratio(12, 3.0, shape, 2.0) for shape in (1, 10, 100, 1e6)]
        assert said == sorted(said)
        assert said[0] < said[-1] / 2


class TestShareRatio:
    SHARES = st.floats(0.02, 0.9)

    @given(st.integers(0, 60), SHARES, st.floats(0.5, 1000), FACTORS)
    def test_says_nothing_on_average_of_its_exponential_when_all_is_usual(
        self, stories: int, share: float, worth: float, factor: float
    ) -> None:
        a, b = share * worth, (1 - share) * worth
        risen = 0.0
        for negative in range(stories + 1):
            usual = math.comb(stories, negative) * math.exp(
                log_beta(a + negative, b + stories - negative) - log_beta(a, b)
            )
            risen += usual * math.exp(share_ratio(negative, stories, share, worth, factor))
        assert risen == pytest.approx(1, abs=1e-7)

    @given(st.integers(0, 40), st.integers(0, 40), SHARES, FACTORS)
    def test_tends_to_that_of_independent_stories_as_the_usual_share_gets_known(
        self, negative: int, others: int, share: float, factor: float
    ) -> None:
        raised = raised_share(share, factor)
        independent = negative * math.log(raised / share) + others * math.log(
            (1 - raised) / (1 - share)
        )
        known = share_ratio(negative, negative + others, share, 1e8, factor)
        assert known == pytest.approx(independent, abs=1e-3)

    @given(SHARES, FACTORS)
    def test_the_raised_share_has_so_many_times_the_odds(self, share: float, factor: float) -> None:
        raised = raised_share(share, factor)
        assert raised / (1 - raised) == pytest.approx(factor * share / (1 - share))
        assert share < raised < 1


def log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def mean_passage(
    step: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], height: float, walks: int = 1200
) -> float:
    """The mean time until a walk that can't stay below zero reaches a height.

    `step` takes where the walks stand and returns where they come to, and how long that takes.
    """
    level, time = np.zeros(walks), np.zeros(walks)
    going = np.ones(walks, dtype=bool)
    while going.any():
        level[going], took = step(level[going])
        time[going] += took
        going &= level < height
    return float(time.mean())


class TestReturnPeriods:
    @pytest.mark.parametrize(("factor", "height"), [(1.5, 2.0), (2.0, 3.0), (4.0, 4.0), (8.0, 4.0)])
    def test_of_volume_agree_with_a_simulation(self, factor: float, height: float) -> None:
        chance = np.random.default_rng(1)

        def arrive(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            waits = chance.exponential(size=level.size)
            return np.maximum(0, level - (factor - 1) * waits) + math.log(factor), waits

        assert rate_period(height, factor) == pytest.approx(mean_passage(arrive, height), rel=0.15)

    @pytest.mark.parametrize(
        ("share", "factor", "height"),
        [(0.1, 2.0, 3.0), (0.25, 2.0, 3.0), (0.25, 4.0, 3.0), (0.4, 8.0, 4.0)],
    )
    def test_of_share_agree_with_a_simulation(
        self, share: float, factor: float, height: float
    ) -> None:
        chance = np.random.default_rng(2)
        raised = raised_share(share, factor)
        up, down = math.log(raised / share), math.log((1 - share) / (1 - raised))

        def arrive(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            bad = chance.random(level.size) < share
            return np.maximum(0, level + np.where(bad, up, -down)), np.ones(level.size)

        found = share_period(height, share, factor)
        assert found == pytest.approx(mean_passage(arrive, height), rel=0.35)

    @given(st.floats(0, 12), FACTORS, st.floats(0.3, 1))
    def test_grow_with_the_height(self, height: float, factor: float, slope: float) -> None:
        tail = Tail(slope)
        assert 0 <= rate_period(height, factor, tail) < rate_period(height + 0.5, factor, tail)
        low, high = (share_period(h, 0.3, factor, tail) for h in (height, height + 0.5))
        assert 0 <= low < high

    def test_are_zero_at_zero_and_stay_finite_however_high(self) -> None:
        assert rate_period(0, 2.0) == share_period(0, 0.3, 2.0) == 0
        assert rate_period(1e4, 2.0) == share_period(1e4, 0.3, 2.0) < math.inf

    def test_of_a_tail_with_slope_and_scale_one_are_the_ideal(self) -> None:
        for height in (0.5, 3.0, 9.0):
            assert rate_period(height, 2.0, Tail(1, 1)) == rate_period(height, 2.0)
            assert share_period(height, 0.3, 2.0, Tail(1, 1)) == share_period(height, 0.3, 2.0)
        assert Tail() == IDEAL

    def test_are_shorter_where_news_comes_in_waves(self) -> None:
        # A lower slope reaches the same period only at a greater height, here just twice.
        assert rate_period(12.0, 2.0, Tail(slope=0.5)) == pytest.approx(rate_period(6.0, 2.0))
        assert rate_period(6.0, 2.0, Tail(scale=0.5)) == pytest.approx(rate_period(6.0, 2.0) / 2)
