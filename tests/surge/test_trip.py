"""The trip level, which spares a record the full statistic, decides exactly as that does."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.surge.baseline import Counts
from tests.surge.counts import ask, baseline, detector

SETTLED = st.lists(st.integers(0, 3), max_size=30)


@given(
    SETTLED,
    st.lists(st.integers(1, 3), min_size=2, max_size=12),
    st.sampled_from([1.5, 2.0, 4.0]),
    st.sampled_from([0.2, 2.0, 30.0]),
    st.integers(1, 12),
)
def test_story_by_story_it_says_what_a_fresh_look_says(
    settled: list[int], arrivals: list[int], factor: float, per_hour: float, support: int
) -> None:
    # pane     1 2 3 ... n   n + 1
    # settled  0 3 1 ... 0   newest: looked at again with each arrival
    usual = baseline(per_hour, worth=200)
    fields: dict[str, Any] = {"factor": factor, "false_alarms": "1 per 2d", "min_support": support}
    fields |= {"min_factor": 1.1, "window": "10m"}
    closed = [Counts(pane, n, n) for pane, n in enumerate(settled, 1) if n]
    newest, count = len(settled) + 1, 0
    asked_often = detector(**fields)
    asked_often.settle(closed, len(settled), usual)
    for arrival in arrivals:
        count += arrival
        asked_once = detector(**fields)
        asked_once.settle(closed, len(settled), usual)
        counts = Counts(newest, count, count)
        assert ask(asked_often, counts, usual).met == ask(asked_once, counts, usual).met


@given(SETTLED, st.sampled_from([0.5, 5.0]))
def test_it_is_reached_by_some_number_of_stories(settled: list[int], per_hour: float) -> None:
    usual = baseline(per_hour, worth=200)
    one = detector(false_alarms="1 per 2d")
    one.settle([Counts(p, n, n) for p, n in enumerate(settled, 1) if n], len(settled), usual)
    newest = len(settled) + 1
    met = [ask(one, Counts(newest, count, count), usual).met for count in range(1, 60)]
    assert met == sorted(met)
    assert met[-1]


def test_a_rise_that_the_gate_rules_out_lends_no_strength_to_a_blip() -> None:
    # Ten an hour where six are usual, for six days: below `min_factor`. Then three at once.
    usual = baseline(6.0)
    fields: dict[str, Any] = {"min_factor": 2.0, "false_alarms": "1 per 30d", "window": "7d"}
    blip = Counts(8645, 3, 3)
    drifted, fresh = detector(**fields), detector(**fields)
    drifted.settle([Counts(pane, 1, 1) for pane in range(1, 8641, 6)], 8640, usual)
    fresh.settle([], 8640, usual)
    assert not ask(drifted, blip, usual).met
    assert ask(drifted, blip, usual).hours <= 2 * ask(fresh, blip, usual).hours
