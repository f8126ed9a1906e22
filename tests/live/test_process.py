"""What a process tells of itself: rates and durations of late, and what is not ready."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import metrics
from monitor.health import Health
from monitor.live.measures import quantile, rate, since, summary
from monitor.live.process import ThisProcess
from monitor.live.records import Seconds
from tests.live.views import NOW

BUCKETS = {1.0: 10.0, 2.0: 30.0, 4.0: 40.0, math.inf: 40.0}


def test_a_quantile_lies_within_its_bucket() -> None:
    assert quantile(0.25, BUCKETS) == 1.0
    assert quantile(0.5, BUCKETS) == 1.5
    assert quantile(0.875, BUCKETS) == 3.0
    assert quantile(1, BUCKETS) == 4.0


def test_what_is_above_all_bounds_is_told_as_the_last_of_them() -> None:
    assert quantile(0.99, {1.0: 1.0, 2.0: 1.0, math.inf: 100.0}) == 2.0
    assert quantile(0.5, {math.inf: 3.0}) == 0.0


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile(0.5, {}) is None
    assert quantile(0.5, dict.fromkeys(BUCKETS, 0.0)) is None
    assert summary({}) is None


@given(st.lists(st.floats(0, 50), min_size=1), st.floats(0, 1))
def test_a_quantile_is_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    bounds = [1.0, 5.0, 10.0, math.inf]
    buckets = {bound: float(sum(value <= bound for value in values)) for bound in bounds}
    found = quantile(share, buckets)
    true = sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
    upper = next(bound for bound in bounds if true <= bound)
    lower = max((bound for bound in bounds if bound < upper), default=0)
    assert found is not None
    # A share that falls between two values may be told as the bound between their buckets.
    assert lower <= found <= upper or share * len(values) == math.floor(share * len(values))


def test_what_was_observed_between_two_looks() -> None:
    assert since({1.0: 10.0, math.inf: 12.0}, {1.0: 11.0, math.inf: 20.0}) == {
        1.0: 1.0, math.inf: 8.0,
    }  # fmt: skip
    began_anew = {1.0: 1.0, math.inf: 2.0}
    assert since({1.0: 10.0, math.inf: 12.0}, began_anew) == began_anew


def test_a_rate_of_a_counter_that_began_anew() -> None:
    assert rate(10, 30, 2) == 10
    assert rate(10, 4, 2) == 2


def test_what_is_not_ready_is_told_with_its_reason() -> None:
    health = Health()
    health.expect("watch")
    health.expect("broker")
    health.ready("broker")
    process = ThisProcess(("watch",), health, NOW)
    view = process.view(NOW + 2_000)
    assert (view.is_ready, view.parts) == (False, {"watch": "starting"})
    health.ready("watch")
    view = process.view(NOW + 4_000)
    assert (view.is_ready, view.parts) == (True, {})
    assert (view.at, view.started_at, view.id) == (NOW + 4_000, NOW, process.view(NOW).id)
    assert process.view(NOW, is_gone=True).is_gone


@pytest.fixture
def process() -> ThisProcess:
    return ThisProcess(("score", "watch"), Health(), NOW)


def test_rates_are_of_the_last_seconds(process: ThisProcess) -> None:
    for second in range(2, 22, 2):
        metrics.news_records_total.labels("scored").inc(200)
        metrics.scored_records_total.labels("counted").inc(600)
        view = process.view(NOW + second * 1_000)
    assert (view.items_per_second, view.scored_per_second) == (100, 300)
    for second in range(22, 34, 2):
        view = process.view(NOW + second * 1_000)
    assert (view.items_per_second, view.scored_per_second) == (0, 0)


def test_a_role_that_is_not_played_has_no_rate() -> None:
    view = ThisProcess(("notify",), Health(), NOW).view(NOW + 1_000)
    assert (view.items_per_second, view.scored_per_second) == (None, None)


def test_durations_are_of_the_last_minute(process: ThisProcess) -> None:
    assert process.view(NOW + 1_000).seconds == {}
    metrics.inference_seconds.observe(0.09)
    metrics.notification_seconds.labels("a").observe(0.2)
    metrics.notification_seconds.labels("b").observe(0.2)
    view = process.view(NOW + 2_000)
    assert view.seconds.keys() == {"scoring", "delivering"}
    assert isinstance(view.seconds["scoring"], Seconds)
    assert 0.05 < view.seconds["scoring"].median <= view.seconds["scoring"].p99 <= 0.1
    for second in range(4, 70, 2):
        view = process.view(NOW + second * 1_000)
    assert view.seconds == {}


def test_a_clock_that_is_set_back_breaks_nothing(process: ThisProcess) -> None:
    process.view(NOW + 2_000)
    metrics.news_records_total.labels("scored").inc(10)
    view = process.view(NOW - 3_600_000)
    assert view.items_per_second is not None
    assert view.items_per_second >= 0


def test_lag_is_by_stream_and_receiver(process: ThisProcess) -> None:
    for partition, behind in (("0", 3), ("1", 4)):
        metrics.consumer_lag_records.labels("scored", partition).set(behind)
        metrics.notification_lag_records.labels("pager", partition).set(behind)
    try:
        lag = process.view(NOW).lag_records
    finally:
        for partition in ("0", "1"):
            metrics.consumer_lag_records.remove("scored", partition)
            metrics.notification_lag_records.remove("pager", partition)
    assert (lag["scored"], lag["notify pager"]) == (7, 7)
