"""Without season, prior and forgetting, time has no scale: all times doubled, the same is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.records import Mark, ScoredRecord
from monitor.surge.baseline import Learning
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.prior import Prior, SeriesPrior
from monitor.surge.track import Statistics
from tests.surge.log import BANKING, DAY, MINUTE, feed, mark, record, rule


def alarms(scale: int, gaps: list[int]) -> list[tuple[str, float]]:
    """What is told, and in which unscaled minute, of stories so many half minutes apart."""
    surge = rule(
        type="surge",
        window=f"{scale}d",
        false_alarms=f"1 per {4 * scale}d",
        max_episode=f"{6 * scale}h",
    )
    statistics = Statistics(
        slide=scale * MINUTE,
        allowed_lateness=2 * scale * MINUTE,
        duplicate_horizon=60 * scale * MINUTE,
        negative_threshold=0.5,
        prior=Prior("a test", SeriesPrior(2.0 / scale, 48.0 * scale, 0.5, 50.0)),
        # Never trusted, so that no rhythm of the week is learnt.
        learning=Learning(10**18, 10**18, 60 * scale * MINUTE),
    )
    watch = PartitionWatch(
        0, WatchPlan(statistics, (surge,), 1, idle_timeout=10**9, series=(BANKING,))
    )
    # Hours of the week have no meaning here, so both begin at a multiple of everything.
    log: list[tuple[float, ScoredRecord | Mark]] = []
    at = 0.5
    for number, gap in enumerate(gaps):
        log.append((at * scale, record(at * scale, f"story {number}", origin=(0, number))))
        log += [(m * scale, mark(m * scale)) for m in range(int(at), int(at + gap / 2))]
        at += gap / 2
    log += [(m * scale, mark(m * scale)) for m in range(int(at), int(at) + 600, 10)]
    events = feed(watch, [one for _, one in sorted(log, key=lambda pair: pair[0])])
    return [
        (one.state, ((one.resolved_at or one.fired_at) - DAY) / scale / MINUTE) for one in events
    ]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=4, max_size=20),
    st.lists(st.integers(1, 9), max_size=25),
)
def test_all_times_doubled_the_same_is_told(usual: list[int], rush: list[int]) -> None:
    once, doubled = alarms(1, [*usual, *rush]), alarms(2, [*usual, *rush])
    assert [state for state, _ in doubled] == [state for state, _ in once]
    # Sums that fall on a level may be rounded to either side of it: a pane's difference.
    assert [at for _, at in doubled] == pytest.approx([at for _, at in once], abs=1)


def test_and_something_is_told() -> None:
    assert alarms(2, [60] * 9 + [2] * 30)[0][0] == "firing"
