"""SCORE's own clock under a wall clock that is set."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.steady_clock import SteadyClock

NOON = 1_750_000_000_000
SECOND, HOUR = 1000, 3_600_000


def test_it_is_the_wall_clock_while_that_runs_evenly() -> None:
    clock = SteadyClock()
    told = [clock.now(NOON + passed, 5000 + passed) for passed in range(0, 60_000, 700)]
    assert told == [NOON + passed for passed in range(0, 60_000, 700)]


def test_set_forward_it_gains_a_tenth_until_they_agree() -> None:
    clock = SteadyClock()
    clock.now(NOON, 0)
    assert clock.now(NOON + HOUR + SECOND, SECOND) == NOON + 1100
    assert clock.now(NOON + HOUR + 11 * SECOND, 11 * SECOND) == NOON + 12_100
    assert clock.now(NOON + 12 * HOUR, 11 * HOUR) == NOON + 12 * HOUR


def test_set_back_it_goes_on_a_tenth_slower_until_they_agree() -> None:
    clock = SteadyClock()
    clock.now(NOON, 0)
    assert clock.now(NOON - HOUR + SECOND, SECOND) == NOON + 900
    assert clock.now(NOON + 10 * HOUR, 11 * HOUR) == NOON + 10 * HOUR


def test_after_a_sleep_the_brokers_stamp_bears_the_wall_clock_out() -> None:
    clock = SteadyClock()
    clock.now(NOON, 0)
    clock.now(NOON + 8 * HOUR, SECOND)
    clock.heard(NOON + 8 * HOUR - 50)
    assert clock.now(NOON + 8 * HOUR, SECOND) == NOON + 8 * HOUR - 50


def test_a_stamp_beyond_the_wall_clock_moves_nothing() -> None:
    clock = SteadyClock()
    clock.now(NOON, 0)
    clock.heard(NOON + HOUR)
    assert clock.now(NOON + SECOND, SECOND) == NOON + SECOND


@given(st.lists(st.tuples(st.integers(0, HOUR), st.integers(-HOUR, HOUR)), max_size=30))
def test_it_never_goes_back(turns: list[tuple[int, int]]) -> None:
    clock, elapsed, last = SteadyClock(), 0, 0
    for passed, step in turns:
        elapsed += passed
        now = clock.now(NOON + elapsed + step, elapsed)
        assert now >= last
        last = now
