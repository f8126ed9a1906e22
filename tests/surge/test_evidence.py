"""What an alert carries: its stories, its numbers, the offsets that it rests on, its identity."""

from typing import Any

import pytest

from monitor.records import OffsetRange, Sentiment, Series, decode_alert, encode
from monitor.surge.baseline import Learning
from monitor.surge.partition import PartitionWatch
from monitor.surge.prior import Prior, SeriesPrior
from monitor.surge.rules import Rule
from tests.surge.log import MINUTE, NEUTRAL, Desk, minute, plan, rule

OIL = Series("topic", "oil")


def negative(probability: float) -> Sentiment:
    return Sentiment(probability, 1 - probability, 0.0)


def test_stories_come_the_most_negative_first_then_the_earliest() -> None:
    desk = Desk(rule("negative_count >= 4"))
    for at, probability in [(1.3, 0.7), (1.2, 0.9), (1.1, 0.7), (1.4, 0.8)]:
        desk.news(at, f"at {at}", negative(probability))
    (event,) = desk.events
    assert [story.title for story in event.stories] == ["at 1.2", "at 1.4", "at 1.1", "at 1.3"]
    assert event.stories[0].event_time == minute(1.2)
    assert event.stories[0].negative == 0.9


def test_only_negative_stories_of_the_window_are_shown_and_no_more_than_the_cap() -> None:
    desk = Desk(rule("negative_count >= 4", window="2m"), max_stories=3)
    desk.news(0.5, "long ago")
    desk.news(3, "calm", NEUTRAL)
    for n in range(4):
        desk.news(3, f"bad {n}", negative(0.9 - n / 10))
    (event,) = desk.events
    assert [story.title for story in event.stories] == ["bad 0", "bad 1", "bad 2"]


@pytest.mark.parametrize("clock", [1, 3, 4, 6], ids=["all open", "first closed", "all", "long ago"])
def test_near_duplicates_are_counted_whether_their_pane_is_open_or_closed(clock: float) -> None:
    # the story at 1, told again at 1 and at 2 (twice); another story makes the rule fire at 6
    desk = Desk(rule("negative_count >= 2", window="10m"), lateness=2)
    desk.mark(0)
    for at, wording in [(1, 0), (1, 1), (2, 2), (2, 3)]:
        desk.news(at, "Northgate halts withdrawals", negative(0.9), wording=wording)
    desk.mark(clock)
    desk.news(6, "another", negative(0.8))
    (event,) = desk.events
    assert [(story.title, story.near_duplicates) for story in event.stories] == [
        ("Northgate halts withdrawals", 3),
        ("another", 0),
    ]


def test_near_duplicates_follow_the_telling_that_settles_as_the_story() -> None:
    # 1.8 arrives first and is the story while open; 1.2 is earlier, and the story once settled.
    # What comes then in the very words of 1.8 tells the story of 1.2.
    desk = Desk(rule("negative_count >= 2", window="10m"), lateness=2)
    desk.mark(0)
    desk.news(1.8, "a", negative(0.9))
    desk.news(1.2, "a", negative(0.7), wording=1)
    desk.news(2.5, "a", negative(0.9), wording=2)
    desk.mark(4)
    desk.news(4.2, "a", negative(0.9))
    desk.news(4.5, "b", negative(0.6))
    (event,) = desk.events
    assert [(story.negative, story.near_duplicates) for story in event.stories] == [
        (0.7, 3),
        (0.6, 0),
    ]


def test_the_window_is_described_by_its_stories_and_its_reach() -> None:
    desk = Desk(rule("negative_count >= 2", window="2m"))
    desk.news(1.2, "a", negative(0.9))
    desk.news(1.3, "a", negative(0.9), wording=1)
    desk.news(1.4, "calm", NEUTRAL)
    desk.news(1.5, "b", negative(0.8))
    (event,) = desk.events
    window = event.window
    assert (window.length_seconds, window.end) == (120, minute(2))
    assert (window.raw_count, window.raw_negative) == (4, 3)
    assert (window.novel_count, window.novel_negative) == (3, 2)
    assert window.negative_share == pytest.approx(2 / 3)
    assert window.mean_score == pytest.approx((-0.9 + 0 - 0.8) / 3)


def test_offsets_span_the_records_of_the_window() -> None:
    # offset   0      1      2      3      4
    #          mark   n1     calm   n4     n4 fires
    # window 2m at 4:                [────────
    desk = Desk(rule("negative_count >= 2", window="2m"))
    desk.mark(0)
    desk.news(1, "a")
    desk.news(2, "calm", NEUTRAL)
    desk.news(4, "b")
    desk.news(4, "c")
    (event,) = desk.events
    assert event.offsets == OffsetRange(0, first=3, last=4)


def test_an_alert_on_nothing_has_no_offsets_and_no_stories() -> None:
    desk = Desk(rule(type="absent"))
    desk.mark(0)
    (event,) = desk.mark(5)
    assert (event.offsets, event.stories, event.window.raw_count) == (None, (), 0)


def test_without_duplicates_tells_what_a_raw_rule_would_have_said_of_stories() -> None:
    for stories, said in [("aaa", False), ("abc", True)]:
        desk = Desk(rule("negative_count >= 3", counting="raw"))
        for n, story in enumerate(stories):
            desk.news(1, story, wording=n)
        (event,) = desk.events
        assert event.without_duplicates is said


def test_without_duplicates_is_said_of_raw_rules_only() -> None:
    desk = Desk(rule("negative_count >= 1"))
    (event,) = desk.news(1, "a")
    assert event.without_duplicates is None


def test_an_event_names_rule_severity_labels_receivers_and_model() -> None:
    desk = Desk(
        rule(
            "negative_count >= 1",
            severity="critical",
            labels={"desk": "credit"},
            annotations={"summary": "Look."},
            receivers=["desk"],
        )
    )
    (event,) = desk.news(1, "a")
    assert (event.rule, event.severity, event.model) == ("Rule", "critical", "test-1")
    assert (event.labels, event.annotations) == ({"desk": "credit"}, {"summary": "Look."})
    assert event.receivers == ("desk",)
    assert decode_alert(encode(event)) == event


class TestIdentity:
    def episode(self, one: Rule, at: float = 1, series: Series = OIL) -> tuple[str, str]:
        desk = Desk(one, series=[series])
        desk.mark(0)
        desk.news(at, "a", series=series)
        desk.mark(at + 60)
        fired, resolved = desk.events
        assert (fired.state, resolved.state) == ("firing", "resolved")
        assert fired.fired_at == resolved.fired_at
        assert resolved.resolved_at is not None
        assert fired.started_at == resolved.started_at <= fired.fired_at < resolved.resolved_at
        return fired.id, resolved.id

    def test_is_stable(self) -> None:
        assert self.episode(rule("count >= 1")) == self.episode(rule("count >= 1"))

    def test_tells_firing_from_resolved_and_one_thing_from_another(self) -> None:
        episodes = [
            self.episode(rule("count >= 1")),
            self.episode(rule("count >= 1", alert="Other")),
            self.episode(rule("negative_count >= 1")),
            self.episode(rule("count >= 1"), at=2),
            self.episode(rule("count >= 1"), series=Series("topic", "gas")),
        ]
        ids = [one for episode in episodes for one in episode]
        assert len(set(ids)) == len(ids)

    def test_tells_one_episode_from_the_next(self) -> None:
        desk = Desk(rule("count >= 1", window="1m"))
        desk.mark(0)
        for at in (1, 5):
            desk.news(at, f"at {at}")
            desk.mark(at + 3)
        assert [event.state for event in desk.events] == ["firing", "resolved"] * 2
        assert len({event.id for event in desk.events}) == 4


def test_the_watch_knows_what_fires_and_where_each_rule_stands() -> None:
    desk = Desk(rule("count >= 1", window="1m"), rule("count >= 2", alert="Other", for_="1m"))
    assert desk.watch.firing() == []
    desk.news(1, "a")
    desk.news(1, "b")
    assert [event.rule for event in desk.watch.firing()] == ["Rule"]
    states = {name: state.value for name, _, state in desk.watch.states()}
    assert states == {"Rule": "firing", "Other": "pending"}
    desk.mark(1)
    desk.mark(2)
    desk.mark(60)
    assert desk.watch.firing() == []


class TestRuleHash:
    def hash_of(self, one: Rule, **fields: Any) -> str:
        (watched,) = (
            PartitionWatch(0, plan(one, **fields))
            ._followings[Series("topic", "banking")][0]
            .watched
        )
        return watched.rule_hash

    @pytest.mark.parametrize(
        "fields",
        [
            {"severity": "critical"},
            {"labels": {"a": "b"}},
            {"annotations": {"a": "b"}},
            {"receivers": ["desk"]},
            {"window": "300s"},
            {"match": {}},
        ],
        ids=str,
    )
    def test_does_not_change_with_what_only_presents(self, fields: dict[str, Any]) -> None:
        assert self.hash_of(rule(**fields)) == self.hash_of(rule(window="5m"))

    def test_does_not_change_with_the_order_of_words(self) -> None:
        one, other = (rule(match={"key": ["banking", *o]}) for o in (["a", "b"], ["b", "a", "b"]))
        assert self.hash_of(one) == self.hash_of(other)

    @pytest.mark.parametrize(
        "fields",
        [
            {"text": "negative_count >= 4"},
            {"window": "6m"},
            {"for_": "1m"},
            {"keep_firing_for": "1m"},
            {"min_support": 7},
            {"counting": "raw"},
            {"match": {"source": "Wire"}},
            {"alert": "Other"},
        ],
        ids=str,
    )
    def test_changes_with_meaning(self, fields: dict[str, Any]) -> None:
        assert self.hash_of(rule(**fields)) != self.hash_of(rule())

    @pytest.mark.parametrize("fields", [{"lateness": 3}, {"horizon": 61}], ids=str)
    def test_changes_with_the_deployments_statistics(self, fields: dict[str, Any]) -> None:
        assert self.hash_of(rule(), **fields) != self.hash_of(rule())

    @pytest.mark.parametrize(
        "fields",
        [
            {"prior": Prior("a test", SeriesPrior(2.0, 60.0, 0.25, 8.0))},
            {"learning": Learning(half_life=86_400_000 + MINUTE)},
        ],
        ids=["prior", "learning"],
    )
    def test_of_a_surge_changes_with_prior_and_memory_that_of_others_does_not(
        self, fields: dict[str, Any]
    ) -> None:
        surge = rule(type="surge")
        assert self.hash_of(surge, **fields) != self.hash_of(surge)
        assert self.hash_of(rule(), **fields) == self.hash_of(rule())

    def test_does_not_change_with_the_number_of_stories_shown(self) -> None:
        assert self.hash_of(rule(), max_stories=99) == self.hash_of(rule())
