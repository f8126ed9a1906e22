"""The baseline: what a series' own past leads one to expect, hour by hour of the week."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.surge.baseline import Baseline, Counts, Learning
from monitor.surge.prior import FLAT, Prior, SeriesPrior
from monitor.surge.week import HOUR, Week
from tests.surge.log import DAY, MINUTE

FOR_EVER = Learning(half_life=10**18)
FIRST = DAY // MINUTE + 1
"""The first pane of Monday."""
AN_HOUR, A_DAY, A_WEEK = 60, 1440, 10_080
OFFICE = (*(0.4,) * 8, *(1.84,) * 10, *(0.4,) * 6)
"""A day that is busy from eight to six; its mean is 1."""


def baseline(prior: Prior = FLAT, learning: Learning = FOR_EVER, **fields: Any) -> Baseline:
    """A baseline of panes of a minute, unless `slide` is given."""
    own_week = fields.pop("own_week", Week())
    return Baseline(prior, "topic=oil", own_week, fields.pop("slide", MINUTE), learning)


def believing(rate: float, rate_hours: float, **fields: Any) -> Prior:
    """A prior that believes so much of every series."""
    return Prior("a test", SeriesPrior(rate, rate_hours, 0.25, 8.0), **fields)


def every(minutes: int, first: int, last: int, negative: int = 1) -> list[Counts]:
    """A pane with so many negative stories, and as many others, every so many minutes."""
    return [Counts(pane, negative, 2 * negative) for pane in range(first, last + 1, minutes)]


def watch(one: Baseline, counts: Sequence[Counts], through: int) -> None:
    """Teach as a partition does: each pane that holds something when it closes."""
    for each in counts:
        one.teach([each], each.pane)
    one.teach([], through)


class TestWhatIsKnown:
    def test_of_nothing_seen_the_prior_speaks(self) -> None:
        one = baseline(believing(6.0, 100.0))
        assert one.expected(FIRST, FIRST + AN_HOUR - 1) == pytest.approx(6.0)
        assert one.rate == pytest.approx(6.0)
        assert one.share == pytest.approx(0.25)
        assert one.rate_worth == pytest.approx(600, rel=0.01)

    def test_zeros_are_data(self) -> None:
        one = baseline(believing(6.0, 10.0))
        one.teach([], FIRST)
        one.teach([], FIRST + 20 * AN_HOUR - 1)
        # 60 stories believed in 10 hours and none in 20.
        assert one.rate == pytest.approx(2.0, rel=0.02)
        assert one.observed == 20 * HOUR

    def test_what_is_seen_outweighs_a_weak_prior_within_minutes(self) -> None:
        one = baseline()
        watch(one, every(2, FIRST, FIRST + 59), FIRST + 59)
        # The prior is worth six minutes, and six more that never fade.
        assert one.rate == pytest.approx(30 / 1.2, rel=0.01)
        assert one.share == pytest.approx(0.5, rel=0.1)

    def test_a_busy_series_is_known_within_a_day(self) -> None:
        one = baseline()
        watch(one, every(2, FIRST, FIRST + A_DAY - 1), FIRST + A_DAY - 1)
        assert one.rate == pytest.approx(30, rel=0.05)

    def test_a_strong_prior_weighs_its_hours(self) -> None:
        # Believed for 30 hours: 2 an hour; seen for 10 hours: 10 an hour.
        one = baseline(believing(2.0, 30.0))
        watch(one, every(6, FIRST, FIRST + 599), FIRST + 599)
        # The rhythm takes a part of what is seen for a busy hour of the day.
        assert one.rate == pytest.approx((2 * 30 + 100) / 40, rel=0.1)

    def test_the_rate_is_never_zero(self) -> None:
        one = baseline(believing(1.0, 1.0), Learning(half_life=24 * HOUR))
        one.teach([], FIRST)
        one.teach([], FIRST + 365 * A_DAY)
        assert 0 < one.rate < 0.01
        assert one.expected(FIRST, FIRST) > 0
        assert 0 < one.share < 1


def test_the_level_of_a_busy_series_taught_hour_by_hour_is_known_after_a_week() -> None:
    one = baseline()
    for first in range(FIRST, FIRST + A_WEEK, AN_HOUR):
        one.teach(every(2, first, first + 59), first + 59)
    assert one.rate == pytest.approx(30, rel=0.05)


def test_what_is_seen_is_halved_after_the_half_life() -> None:
    # 80 negative stories in the first hour, then none: half are left a day later.
    one = baseline(believing(1e-9, 1e-9), Learning(half_life=24 * HOUR))
    one.teach([Counts(FIRST, 80, 160)], FIRST + AN_HOUR - 1)
    left = []
    for day in (0, 1, 2):
        one.teach([], FIRST + day * A_DAY + AN_HOUR - 1)
        left.append((one.rate_worth, one.share_worth))
    # Of the share's prior, worth 8 stories, the same is left, and 1 that never fades.
    assert left == [pytest.approx((80 / 2**day, 168 / 2**day + 1)) for day in (0, 1, 2)]


def test_a_watch_of_half_lives_is_worth_no_more_than_their_sum() -> None:
    half_life = 24
    one = baseline(believing(1e-9, 1e-9), Learning(half_life=half_life * HOUR))
    watch(one, every(30, FIRST, FIRST + 30 * A_DAY), FIRST + 30 * A_DAY)
    hours = 1 / (1 - 0.5 ** (1 / half_life))
    assert one.rate == pytest.approx(2, rel=0.05)
    assert one.rate_worth == pytest.approx(2 * hours, rel=0.05)


class TestTrust:
    LEARNING = Learning(half_life=10**18, warm_up=24 * HOUR, settling=HOUR)

    def test_comes_in_three_steps(self) -> None:
        # watched    0 ──────── 1h ─────────────── 24h ────
        #            silent     warming            trusted
        one = baseline(believing(0.05, 0.1), self.LEARNING)
        one.teach([], FIRST)
        said = []
        for minutes in (59, 60, 23 * 60, 24 * 60):
            one.teach([], FIRST + minutes - 1)
            said.append((one.speaks, one.trusted))
        assert said == [(False, False), (True, False), (True, False), (True, True)]

    def test_is_given_from_the_start_to_a_prior_worth_the_warm_up(self) -> None:
        one = baseline(believing(2.0, 24.0), self.LEARNING)
        assert one.trusted
        assert one.speaks
        assert one.observed == 0


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 5)), max_size=30),
    st.integers(1, 600),
    st.integers(0, 400),
    st.sampled_from([MINUTE, 7 * MINUTE, 45 * MINUTE, 2 * HOUR]),
)
def test_what_is_expected_of_panes_is_the_sum_of_what_is_of_each(
    seen: list[tuple[int, int]], length: int, offset: int, slide: int
) -> None:
    one = baseline(believing(3.0, 20.0, rhythm=dict.fromkeys(DAYS, OFFICE)), slide=slide)
    first = DAY // slide + 1
    counts = [Counts(first + after, n, 2 * n) for after, n in sorted(dict(seen).items())]
    one.teach(counts, first + 400)
    panes = range(first + offset, first + offset + length)
    each = math.fsum(one.expected(pane, pane) for pane in panes)
    assert one.expected(panes[0], panes[-1]) == pytest.approx(each)
    assert one.expected(panes[-1] + 1, panes[-1]) == 0


DAYS = ("weekday", "saturday", "sunday")


class TestRhythm:
    def a_week(self, one: Baseline, hour: int) -> float:
        """What is expected of an hour of the week to come, counted from Monday midnight."""
        start = FIRST + 10 * A_WEEK + hour * AN_HOUR
        return one.expected(start, start + AN_HOUR - 1)

    def learnt(self, weeks: int, prior: Prior = FLAT) -> Baseline:
        """Weeks of one story an hour, but for ten on weekdays from eight to ten."""
        one = baseline(prior)
        counts = [
            Counts(FIRST + hour * AN_HOUR + 6 * n, 1, 2)
            for hour in range(168 * weeks)
            for n in range(10 if hour % 168 < 120 and hour % 24 in (8, 9) else 1)
        ]
        watch(one, counts, FIRST + weeks * A_WEEK - 1)
        return one

    def test_busy_weekday_mornings_are_expected_to_be_busy(self) -> None:
        one = self.learnt(weeks=10)
        assert one.rate == pytest.approx((168 + 90) / 168, rel=0.05)
        assert self.a_week(one, 24 + 8) > 3 * self.a_week(one, 24 + 14)
        assert self.a_week(one, 24 + 14) == pytest.approx(1, rel=0.35)
        for quiet in (5 * 24 + 8, 6 * 24 + 9):
            assert self.a_week(one, quiet) < self.a_week(one, 24 + 8) / 3

    def test_an_hour_borrows_from_its_neighbours(self) -> None:
        one = self.learnt(weeks=10)
        before, middle, aside = (self.a_week(one, 24 + hour) for hour in (7, 8, 4))
        assert aside < before < middle

    def test_what_one_week_shows_is_drawn_to_the_prior(self) -> None:
        ratios = [
            self.a_week(one, 24 + 8) / self.a_week(one, 24 + 14)
            for one in map(self.learnt, (1, 3, 10))
        ]
        assert 1 < ratios[0] < ratios[1] < ratios[2] < 10

    def test_of_the_prior_is_expected_of_a_series_never_seen(self) -> None:
        one = baseline(believing(1.0, 100.0, rhythm=dict.fromkeys(DAYS, OFFICE)))
        assert self.a_week(one, 9) == pytest.approx(1.84)
        assert self.a_week(one, 20) == pytest.approx(0.4)

    def test_a_quiet_night_is_no_reason_to_expect_a_quiet_day(self) -> None:
        # Eight hours of the night as its rhythm has them: the mean rate stays what it was.
        one = baseline(believing(10.0, 8.0, rhythm=dict.fromkeys(DAYS, OFFICE)))
        watch(one, every(15, FIRST, FIRST + 8 * AN_HOUR - 1), FIRST + 8 * AN_HOUR - 1)
        assert one.rate == pytest.approx(10, rel=0.05)

    def test_is_learnt_where_the_desk_is(self) -> None:
        # Busy from eight to nine in New York, in winter and, an hour of UTC earlier, in summer.
        zone = "America/New_York"
        one = baseline(own_week=Week(zone))
        winter, summer = (FIRST - 8 * A_WEEK, 13), (FIRST + A_WEEK, 12)
        for start, busy in (winter, summer):
            hours = [(day * 24 + hour, hour) for day in range(42) for hour in range(24)]
            counts = [
                Counts(start + number * AN_HOUR + 6 * n, 1, 2)
                for number, hour in hours
                for n in range(10 if hour == busy else 1)
            ]
            watch(one, counts, start + 42 * A_DAY - 1)
        noon = FIRST + 20 * A_WEEK + 12 * AN_HOUR
        expected = [one.expected(noon + n * AN_HOUR, noon + n * AN_HOUR + 59) for n in (0, 1)]
        assert expected[0] > 1.3 * expected[1]


def state(one: Baseline, through: int) -> Sequence[float]:
    days = range(through + 1, through + A_WEEK, 6 * AN_HOUR)
    expected = [one.expected(day, day + AN_HOUR) for day in days]
    return [one.rate, one.share, one.rate_worth, one.share_worth, float(one.observed), *expected]


class TestTeachInPieces:
    """Told what panes held hour by hour or all at once, a baseline comes to know the same."""

    HELD = st.lists(
        st.tuples(st.integers(1, 600), st.integers(0, 9), st.integers(1, 3)),
        max_size=40,
        unique_by=lambda one: one[0],
    )

    def taught(self, counts: list[Counts], cuts: list[int]) -> Baseline:
        one = baseline(believing(2.0, 1.0), Learning(half_life=24 * HOUR))
        one.teach([], FIRST)
        begin = FIRST
        for cut in [*sorted(cuts), FIRST + 600]:
            one.teach([each for each in counts if begin < each.pane <= cut], cut)
            begin = max(begin, cut)
        return one

    def law(self, held: list[tuple[int, int, int]], cuts: list[int]) -> None:
        counts = [Counts(FIRST + after, n, n + m) for after, n, m in sorted(held)]
        at_once, pieces = self.taught(counts, []), self.taught(counts, cuts)
        assert state(pieces, FIRST + 600) == pytest.approx(state(at_once, FIRST + 600))

    @given(HELD, st.lists(st.integers(1, 9), max_size=4))
    def test_that_end_with_an_hour(self, held: list[tuple[int, int, int]], cuts: list[int]) -> None:
        self.law(held, [FIRST - 1 + hour * AN_HOUR for hour in cuts])

    def test_of_a_minute_come_to_the_same_as_a_day(self) -> None:
        at_once, pieces = baseline(), baseline()
        counts = every(2, FIRST, FIRST + A_DAY - 1)
        at_once.teach(counts, FIRST + A_DAY - 1)
        for pane in range(FIRST, FIRST + A_DAY):
            pieces.teach(
                [one for one in counts[(pane - FIRST) // 2 :][:1] if one.pane == pane], pane
            )
        assert at_once.rate == pytest.approx(pieces.rate, rel=0.1)

    def test_what_was_taught_is_not_taught_again(self) -> None:
        one = self.taught([Counts(FIRST + 5, 3, 4)], [])
        before = state(one, FIRST + 600)
        one.teach([], FIRST + 300)
        assert state(one, FIRST + 600) == before


class TestMakeNormal:
    def test_lets_the_past_weigh_no_more_than_so_many_hours(self) -> None:
        one = baseline(believing(1e-9, 1e-9))
        watch(one, every(30, FIRST, FIRST + 10 * A_DAY - 1), FIRST + 10 * A_DAY - 1)
        rate, share = one.rate, one.share
        one.make_normal(hours=6.0)
        assert (one.rate, one.share) == pytest.approx((rate, share), rel=0.05)
        assert one.rate_worth == pytest.approx(6 * rate, rel=0.05)
        # Eighteen hours of ten times as much then make three quarters of what is known.
        start = FIRST + 10 * A_DAY
        watch(one, every(3, start, start + 18 * AN_HOUR - 1), start + 18 * AN_HOUR - 1)
        assert one.rate == pytest.approx(0.25 * 2 + 0.75 * 20, rel=0.25)

    def test_leaves_what_weighs_less_as_it_is(self) -> None:
        one = baseline(believing(3.0, 2.0))
        one.make_normal(hours=100.0)
        assert one.rate_worth == pytest.approx(6, rel=0.06)
