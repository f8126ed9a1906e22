"""What the live page is told of each series, and when: what changed, and each again in time."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.live.records import SPARKS, RuleView, SeriesView
from monitor.records import Scored, Series
from monitor.surge.partition import PartitionWatch
from monitor.surge.rules import Rule
from monitor.watching.looking import look
from monitor.watching.series_shown import show_series
from monitor.watching.series_told import SeriesTold
from tests.surge.log import BANKING, MINUTE, NEUTRAL, feed, mark, minute, plan, record, rule

HOUR_LONG = rule("negative_count >= 3", window="2h", alert="Three", severity="critical")
NEWS: list[Scored] = [
    mark(0),
    record(1, "bad", origin=(0, 0)),
    record(31, "worse", origin=(0, 1)),
    record(31.5, "so-so", NEUTRAL, origin=(0, 2)),
    mark(40),
]


class Page:
    """Takes what is told, by a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = minute(0)
        self.holds = True
        self.told: list[SeriesView] = []
        self._look = SeriesTold(self.told.append, lambda _: self.holds)
        monkeypatch.setattr(time, "time_ns", lambda: self.now * 1_000_000)

    def look(self, watch: PartitionWatch, limit: int = 10) -> list[SeriesView]:
        """What a round tells anew."""
        self.told.clear()
        for _ in show_series([watch], limit, self._look):
            pass
        return list(self.told)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(monkeypatch)


def watching(
    log: list[Scored], *rules: Rule, series: tuple[Series, ...] = (BANKING,)
) -> PartitionWatch:
    found = PartitionWatch(0, plan(*(rules or (HOUR_LONG,)), series=series))
    feed(found, log)
    return found


def test_a_view_shows_the_hour_and_the_rules(page: Page) -> None:
    (view,) = page.look(watching(NEWS))
    assert (view.series, view.state, view.partition) == (BANKING, "calm", 0)
    assert (view.at, view.clock) == (minute(0), minute(40))
    assert (view.story_count, view.negative_count) == (3, 2)
    assert view.rules == (RuleView("Three", "critical", "inactive"),)
    assert view.usual_share is None, "nothing is known of it yet"
    assert view.expected_negative > 0
    assert (view.spark_seconds, len(view.stories)) == (60, 60)
    # The hour ends with minute 40, which is the newest spark.
    assert [at for at, count in enumerate(view.stories) if count] == [20, 50, 51]
    assert [at for at, count in enumerate(view.negative) if count] == [20, 50]


def test_a_dead_man_is_no_rule_that_stands_somehow(page: Page) -> None:
    alive = rule(type="dead_man", by="all", alert="Alive", every="5m")
    three = rule(by="all", alert="Three")
    (view,) = page.look(watching([mark(0), mark(5)], three, alive, series=(Series("all", "all"),)))
    assert [each.rule for each in view.rules] == ["Three"]


def test_what_did_not_change_is_told_again_in_time_only(page: Page) -> None:
    watch = watching([*NEWS, mark(40.5)])
    assert len(page.look(watch)) == 1
    feed(watch, [mark(40.9)], len(NEWS) + 1)
    assert page.look(watch) == []
    page.now += 5_000
    assert page.look(watch) == []
    page.now += 6_000
    assert len(page.look(watch)) == 1


def test_what_changed_is_told_at_once(page: Page) -> None:
    watch = watching(NEWS)
    page.look(watch)
    feed(watch, [record(40, "worst", origin=(0, 3))], len(NEWS))
    (view,) = page.look(watch)
    assert (view.state, view.negative_count) == ("firing", 3)
    assert view.rules[0].state == "firing"


def test_a_step_back_of_the_wall_clock_does_not_silence_it(page: Page) -> None:
    watch = watching(NEWS)
    page.look(watch)
    page.now -= 3_600_000
    assert len(page.look(watch)) == 1


def test_a_partition_that_was_handed_over_is_the_new_owners_to_tell(page: Page) -> None:
    watch = watching(NEWS)
    page.holds = False
    assert page.look(watch) == []
    page.holds = True
    assert len(page.look(watch)) == 1


def test_beyond_the_cap_nothing_is_told(page: Page) -> None:
    topics = tuple(Series("topic", name) for name in ("a", "b", "c"))
    told = page.look(watching(NEWS, series=topics), limit=2)
    assert [each.key for each in told] == ["a", "b"]
    assert page.look(watching(NEWS), limit=0) == []


def test_with_many_series_the_shown_ones_are_looked_at_meanwhile() -> None:
    topics = tuple(Series("topic", f"t{number:04}") for number in range(2_100))
    looks: list[str] = []
    steps = show_series(
        [watching([mark(0), mark(5)], series=topics)],
        3,
        lambda seen: looks.append(seen.followings[0].series.key),
    )
    assert list(steps)
    assert looks == ["t0000", "t0001", "t0002"] * 2


@given(
    slide_minutes=st.integers(1, 90),
    window_panes=st.integers(1, 200),
    ends=st.lists(st.integers(1, 600), max_size=20),
)
def test_a_sparkline_holds_what_is_counted(
    slide_minutes: int, window_panes: int, ends: list[int]
) -> None:
    slide = slide_minutes * MINUTE
    watched = plan(rule(window=f"{slide_minutes * window_panes}m"), horizon=10_000, lateness=10_000)
    statistics = replace(watched.statistics, slide=slide)
    watch = PartitionWatch(0, replace(watched, statistics=statistics))
    stories = [record(end, f"{at}", origin=(0, at)) for at, end in enumerate(sorted(ends))]
    feed(watch, [mark(0), *stories, mark(600)])
    (following,) = watch.followings()
    view = look([following], minute(600)).view(0)
    assert len(view.stories) == len(view.negative) <= SPARKS
    assert sum(view.stories) == view.story_count
    assert sum(view.negative) == view.negative_count
