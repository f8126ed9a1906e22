"""A prior fitted on a simulated history knows what the history was made of."""

import msgspec
import numpy as np
import pytest

from monitor.surge.baseline import Counts
from monitor.surge.fit import History, fit_prior
from monitor.surge.prior import Prior, decode_prior
from tests.surge.log import DAY, MINUTE

FIRST = DAY // MINUTE + 1
HOURS = 24 * 120
SHARE = 0.4


def history(
    per_hour: float, seed: int, waves: float = 0.0, excluded: tuple[tuple[int, int], ...] = ()
) -> History:
    """Four months of stories, twice as many by day as by night, in waves of six hours."""
    random = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    rate = per_hour / SHARE * np.where((hour % 24 >= 8) & (hour % 24 < 20), 4 / 3, 2 / 3)
    if waves:
        rate = rate * np.repeat(random.gamma(1 / waves, waves, HOURS // 6), 6)
    for first, last in excluded:
        rate[(first - FIRST) // 60 : (last - FIRST) // 60] *= 8
    hours = np.repeat(hour * 60, random.poisson(rate))
    minutes = random.integers(0, 60, size=hours.shape)
    at, stories = np.unique(hours + minutes, return_counts=True)
    negative = np.asarray(random.binomial(stories, SHARE))
    rows = zip(at, negative, stories, strict=True)
    counts = [Counts(int(pane) + FIRST, int(bad), int(all_)) for pane, bad, all_ in rows]
    return History(counts, FIRST, FIRST + HOURS * 60 - 1, excluded)


def fitted(**histories: History) -> Prior:
    """The prior of some series."""
    return fit_prior(histories, MINUTE, "a test")


def test_rate_share_and_rhythm_are_near_the_truth() -> None:
    prior = fitted(oil=history(1.5, seed=1), gold=history(0.3, seed=2))
    assert prior.of("oil").rate == pytest.approx(1.5, rel=0.1)
    assert prior.of("gold").rate == pytest.approx(0.3, rel=0.25)
    assert prior.of("oil").share == pytest.approx(SHARE, rel=0.1)
    weekday = prior.rhythm["weekday"]
    assert np.mean(weekday[10:18]) / np.mean(weekday[0:6]) == pytest.approx(2, rel=0.15)


def test_independent_arrivals_have_near_ideal_tails_and_waves_heavier_ones() -> None:
    prior = fitted(calm=history(1.5, seed=3), waving=history(1.5, seed=4, waves=0.5))
    calm, waving = (prior.of(name).volume_tails.at(2.0) for name in ("calm", "waving"))
    assert calm.slope > 0.8
    assert waving.slope < calm.slope - 0.15


def test_what_is_excluded_makes_no_tail_heavier() -> None:
    busy = (FIRST + 60 * 24 * 40, FIRST + 60 * 24 * 50)
    told = history(0.5, seed=5, excluded=(busy,))
    untold = History(told.counts, told.first, told.last)
    tails = [fitted(oil=one).of("oil").volume_tails.at(2.0).slope for one in (told, untold)]
    assert tails[0] > tails[1]


def test_a_series_of_a_handful_of_stories_is_as_unknown() -> None:
    few = History([Counts(FIRST + 60 * n, 1, 1) for n in range(5)], FIRST, FIRST + 60_000)
    prior = fitted(oil=history(1.5, seed=6), few=few)
    assert set(prior.series) == {"oil"}
    assert prior.of("few") == prior.unknown


def test_where_all_is_negative_the_prior_can_still_be_read() -> None:
    told = history(1.5, seed=7)
    all_bad = [
        Counts(one.pane, one.negative, round(one.negative)) for one in told.counts if one.negative
    ]
    prior = fitted(oil=History(all_bad, told.first, told.last))
    assert decode_prior(msgspec.json.encode(prior), "a test").of("oil").share > 0.99


def test_a_history_with_nothing_negative_is_refused() -> None:
    calm = History([Counts(FIRST, 0, 3)], FIRST, FIRST + 100)
    with pytest.raises(ValueError, match="no negative story"):
        fitted(oil=calm)
