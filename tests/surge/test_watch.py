"""How one partition behaves: early and on time, who is concerned, silence.

Pictures show minutes after the start; `n` is a negative story, `✓` an evaluation on time.
"""

import pytest

from monitor.records import Series
from monitor.surge.partition import PartitionWatch
from monitor.surge.rules import Rule
from tests.surge.log import (
    BANKING,
    NEUTRAL,
    Desk,
    minute,
    plan,
    rule,
    told,
)

OIL, NONE = Series("topic", "oil"), Series("topic", "none")


class TestEarly:
    def test_fires_at_the_record_that_meets_the_condition(self) -> None:
        # ✓0        n1    n1.2  n1.4
        #                       └ fires
        desk = Desk(rule("negative_count >= 3"))
        desk.mark(0)
        assert desk.news(1, "a") == desk.news(1.2, "b") == []
        (event,) = desk.news(1.4, "c")
        assert (event.state, event.started_at, event.fired_at) == (
            "firing",
            minute(1.4),
            minute(1.4),
        )

    def test_takes_the_time_of_the_clock_where_it_is_ahead(self) -> None:
        desk = Desk(rule("negative_count >= 1"))
        desk.mark(1.5)
        (event,) = desk.news(1.2, "a")
        assert event.fired_at == minute(1.5)

    def test_looks_at_the_window_that_ends_in_the_newest_pane(self) -> None:
        # window 2    n1 n1   n5      only (3,5] counts at 5
        desk = Desk(rule("negative_count >= 3", window="2m"))
        desk.mark(0)
        for at, story in [(1, "a"), (1, "b"), (5, "c")]:
            desk.news(at, story)
        assert desk.events == []

    def test_cannot_end_an_alert(self) -> None:
        # share >= 0.5: one negative fires; ten neutral ones drown it, and only ✓2 resolves
        desk = Desk(rule("negative_share >= 0.5"))
        desk.mark(0)
        desk.news(1.1, "a")
        for n in range(10):
            desk.news(1.2, f"calm {n}", NEUTRAL)
        assert told(desk.events) == [("firing", 1.1)]
        desk.mark(2)
        assert told(desk.events) == [("firing", 1.1), ("resolved", 2)]

    def test_cannot_end_what_is_pending(self) -> None:
        # for 2m      n1.1 starts it; calm at 1.2 doesn't end it, n1.9 n1.9 outweigh it before ✓2
        desk = Desk(rule("negative_share >= 0.5", for_="2m"))
        desk.mark(1)
        desk.news(1.1, "a")
        desk.news(1.2, "calm 1", NEUTRAL)
        desk.news(1.3, "calm 2", NEUTRAL)
        desk.news(1.8, "b")
        desk.mark(2)
        desk.mark(3)
        desk.mark(4)
        assert told(desk.events) == [("firing", 4)]
        assert desk.events[0].started_at == minute(1.1)

    def test_happens_before_the_first_mark_too(self) -> None:
        desk = Desk(rule("negative_count >= 1"))
        desk.news(1, "a")
        assert told(desk.events) == [("firing", 1)]

    @pytest.mark.parametrize("condition", ["count < 3", "count <= 2", "negative_count < 1"])
    def test_does_not_tell_that_there_was_little_news(self, condition: str) -> None:
        # The window that ends in the newest pane is not over: more may come. ✓1 has seen it all.
        desk = Desk(rule(condition, window="1m"))
        desk.mark(0)
        desk.news(0.1, "a", NEUTRAL)
        assert desk.events == []
        desk.mark(1)
        assert told(desk.events) == [("firing", 1)]

    def test_is_not_done_for_what_was_not_counted(self) -> None:
        desk = Desk(rule("negative_count >= 1", for_="1m"))
        desk.mark(0)
        desk.news(1, "a", item_id="x")
        desk.news(2.5, "b", item_id="x")
        assert desk.events == []


class TestOnTime:
    def test_is_done_at_each_boundary_that_the_clock_crosses(self) -> None:
        # n1 n1 in a window of 2m: met at ✓1 … ✓2, no more at ✓3, however far the clock leaps
        desk = Desk(rule("negative_count >= 2", window="2m"))
        desk.mark(0)
        desk.news(0.5, "a")
        desk.news(0.5, "b")
        desk.mark(60)
        assert told(desk.events) == [("firing", 0.5), ("resolved", 3)]

    def test_sees_what_an_early_look_could_not(self) -> None:
        # Another news partition is behind: its records arrive after the newest pane has moved on.
        desk = Desk(rule("negative_count >= 3", window="2m"), news_partitions=2)
        for at, story, origin in [
            (9, "ahead", (0, 1)),
            (1, "a", (1, 1)),
            (1, "b", (1, 2)),
            (2, "c", (1, 3)),
        ]:
            desk.news(at, story, origin=origin)
        assert desk.events == []
        desk.mark(9, 0)
        desk.mark(1, 1)
        desk.mark(2, 1)
        assert told(desk.events) == [("firing", 2)]

    def test_waits_for(self) -> None:
        # for 2m      n1 n1 │ ✓1 pending  ✓2  ✓3 fires
        desk = Desk(rule("negative_count >= 2", for_="2m"))
        desk.mark(0)
        desk.news(1, "a")
        desk.news(1, "b")
        for at in (1, 2, 3):
            desk.mark(at)
        (event,) = desk.events
        assert (event.started_at, event.fired_at) == (minute(1), minute(3))

    def test_keeps_firing_for(self) -> None:
        # window 1m, keep 3m      n0.5 fires   ✓1 met   ✓2 ✓3 unmet   ✓4 resolves
        desk = Desk(rule("negative_count >= 1", window="1m", keep_firing_for="3m"))
        desk.mark(0)
        desk.news(0.5, "a")
        for at in range(1, 6):
            desk.mark(at)
        assert told(desk.events) == [("firing", 0.5), ("resolved", 4)]

    def test_a_boundary_before_the_start_does_not_undo_a_pending_alert(self) -> None:
        # for 2m     n1.2 n1.2 arrive before the mark that crosses ✓1, where there was nothing
        desk = Desk(rule("negative_count >= 2", for_="2m"))
        desk.mark(0)
        desk.news(1.2, "a")
        desk.news(1.2, "b")
        for at in (1, 2, 3, 4):
            desk.mark(at)
        (event,) = desk.events
        assert event.started_at == minute(1.2)


class TestConcern:
    def test_none_must_be_named(self) -> None:
        desk = Desk(rule("count >= 1"), series=[])
        desk.news(1, "a", series=NONE)
        assert (desk.events, desk.watch.outcomes) == ([], {"unwatched": 1})
        desk = Desk(rule("count >= 1", match={"key": "none"}), series=[])
        assert desk.news(1, "a", series=NONE)

    def test_a_rule_is_about_its_dimension_and_its_keys(self) -> None:
        desk = Desk(rule("count >= 1", match={"key": ["oil"]}), series=[])
        desk.news(1, "a", series=BANKING)
        desk.news(1, "a", series=Series("entity", "oil"))
        assert desk.events == []
        assert desk.news(1, "a", series=OIL)

    @pytest.mark.parametrize(
        ("match", "counted"),
        [
            ({}, 4),
            ({"source": "Wire"}, 2),
            ({"language": ["en", "de"]}, 2),
            ({"source": ["Wire", "Post"], "language": "en"}, 1),
            ({"source": "Other"}, 0),
        ],
    )
    def test_matchers_on_source_and_language(self, match: dict[str, object], counted: int) -> None:
        desk = Desk(rule("count >= 99", match=match))
        items = [("Wire", "en"), ("Wire", None), ("Post", "de"), (None, "fr")]
        for story, (source, language) in zip("abcd", items, strict=True):
            desk.news(1, story, source=source, language=language)
        assert desk.watch.outcomes["counted"] == counted
        assert desk.watch.outcomes["unwatched"] == 4 - counted

    def test_rules_with_the_same_matchers_share_a_track(self) -> None:
        watch = PartitionWatch(
            0,
            plan(
                rule(alert="A", match={"source": ["Wire", "Post"]}),
                rule(alert="B", match={"source": ["Post", "Wire"]}, window="10m"),
                rule(alert="C"),
            ),
        )
        assert [len(one.watched) for one in watch._followings[BANKING]] == [2, 1]

    def test_a_series_counts_apart_from_every_other(self) -> None:
        desk = Desk(rule("count >= 2"), series=[BANKING, OIL])
        desk.news(1, "a", series=BANKING, origin=(0, 1))
        desk.news(1, "a", series=OIL, origin=(0, 1))
        assert desk.watch.outcomes == {"counted": 2}
        assert desk.events == []


class TestAbsent:
    def test_is_told_only_when_a_full_window_was_followed(self) -> None:
        # window 5m      followed from ✓0           ✓5 fires
        desk = Desk(rule(type="absent"))
        for at in (0, 1, 2, 3, 4, 4.9):
            assert desk.mark(at) == []
        desk.mark(5)
        assert told(desk.events) == [("firing", 5)]

    def test_ends_on_time_when_something_comes(self) -> None:
        desk = Desk(rule(type="absent"))
        desk.mark(0)
        desk.mark(6)
        desk.news(6.2, "a", NEUTRAL)
        desk.mark(7)
        assert told(desk.events) == [("firing", 5), ("resolved", 7)]

    def test_counts_from_the_last_item(self) -> None:
        desk = Desk(rule(type="absent"))
        desk.mark(0)
        desk.news(2, "a", NEUTRAL)
        for at in range(1, 9):
            desk.mark(at)
        assert told(desk.events) == [("firing", 7)]

    def test_is_never_told_early(self) -> None:
        # An item of (3,4] arrives when the clock is at 8.5: the window (4,9] is empty, not over.
        desk = Desk(rule(type="absent"), lateness=10)
        desk.mark(0)
        desk.news(4, "a", NEUTRAL)
        desk.mark(8.5)
        assert desk.news(4, "b", NEUTRAL) == []

    def test_is_not_told_of_a_series_that_appeared_in_the_middle(self) -> None:
        desk = Desk(rule(type="absent"), series=[])
        desk.mark(100)
        desk.news(100.5, "a", NEUTRAL)
        for at in range(101, 106):
            assert desk.mark(at) == []
        assert told(desk.mark(106)) == [("firing", 106)]


class TestASeriesThatAppearsInTheMiddle:
    RULES = (
        rule("count >= 1", window="1m", alert="Any"),
        rule("count >= 2", window="4m", alert="Two", for_="1m"),
    )

    def desk(self, *rules: Rule, series: list[Series]) -> Desk:
        desk = Desk(*rules, series=series)
        desk.mark(95)
        desk.mark(100.5)
        return desk

    @pytest.mark.parametrize("first", [97.5, 98.5, 99.5, 100.5])
    def test_fares_like_one_followed_from_the_start(self, first: float) -> None:
        # The clock is at 100.5, lateness 2: (98,99] is the oldest open pane.
        appeared, followed = (self.desk(*self.RULES, series=series) for series in ([], [BANKING]))
        for desk in (appeared, followed):
            for at in (first, 99.2, 100.4):
                desk.news(at, f"at {at}")
            for at in range(101, 112):
                desk.mark(at)
        assert appeared.events == followed.events
        assert appeared.watch.outcomes == followed.watch.outcomes

    def test_is_silent_once_it_was_followed_for_a_window(self) -> None:
        # n99.5 arrives at 100.5 and begins it: followed since ✓100, the last boundary crossed
        desk = self.desk(rule(type="absent"), series=[])
        desk.news(99.5, "a")
        for at in range(101, 112):
            desk.mark(at)
        assert told(desk.events) == [("firing", 105)]
