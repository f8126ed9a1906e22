"""A trace: the log, replayed for one series, leads to the very event, and to who told what.

The logs are those of the core's own laws: repeats, retractions, lateness, a change of model.
"""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings

from monitor.explaining.reckoning import rule_of
from monitor.explaining.recounting import counts, counts_of, records, reproduction
from monitor.explaining.trace import Trace, Traced
from monitor.records import AlertEvent, Mark, Origin, Scored, ScoredRecord, encode
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from tests.surge.log import NEUTRAL, Desk, feed, mark, plan, record, retraction, rule
from tests.surge.test_snapshots import PLAN, dense, logs


def traced(event: AlertEvent, log: list[Scored], watched: WatchPlan = PLAN) -> Traced:
    trace = Trace(event, watched, 0)
    for offset, each in enumerate(log):
        trace.take(offset, each)
        if trace.done:
            break
    return trace.traced()


def leaping(log: list[Scored], every: int) -> list[Scored]:
    """The log with one mark in so many, so that time leaps over several boundaries at once."""
    marks = iter(range(len(log)))
    return [each for each in log if not isinstance(each, Mark) or next(marks) % every == 0]


def check(log: list[Scored]) -> None:
    for event in feed(PartitionWatch(0, PLAN), log):
        found = traced(event, log)
        assert found.event is not None
        assert encode(found.event) == encode(event)
        assert counts(found.tally) == counts_of(event.window)
        told = records(event, found, {}, 0)
        named = [story for story in told.stories if story.shown]
        assert [one.first.id for one in named] == [story.id for story in event.stories]
        again = [len(one.near_duplicates) for one in named]
        assert again == [story.near_duplicates for story in event.stories]
        assert told.counted == event.window.raw_count
        assert told.calm + len(told.stories) == event.window.novel_count
        for member in found.members:
            assert member.entry.record == log[member.entry.offset]


@settings(max_examples=25, deadline=None)
@given(logs())
def test_every_alert_is_reproduced_with_its_counts_and_stories(log: list[Scored]) -> None:
    check(log)


@pytest.mark.parametrize("seed", range(5))
def test_so_it_is_on_a_dense_log(seed: int) -> None:
    check(dense(seed))


@pytest.mark.parametrize("seed", range(5))
def test_so_it_is_where_time_leaps(seed: int) -> None:
    check(leaping(dense(seed), 9))


class TestWhatStands:
    """A desk on banking: `calm`, then the story `run` told twice, an item
    that is withdrawn, an id that is repeated, a second story, and another calm one.
    """

    LOG: tuple[Scored, ...] = (
        mark(0),
        record(1, "calm", NEUTRAL, origin=(0, 1)),
        record(2, "run", origin=(0, 2), item_id="first", source="Wire"),
        record(2.5, "run", origin=(0, 3), item_id="again", wording=1),
        record(2.6, "taken back", origin=(0, 4), item_id="mistake"),
        retraction("mistake", origin=(0, 5), at=2.7),
        record(2.6, "run", origin=(0, 6), item_id="first", wording=2),
        record(2.7, "bank shut", origin=(0, 7), item_id="second"),
        record(2.8, "calm too", NEUTRAL, origin=(0, 8)),
        mark(3),
    )
    RULE = rule("negative_count >= 2 and count >= 4", window="5m")

    def event(self) -> AlertEvent:
        (event,) = feed(PartitionWatch(0, plan(self.RULE)), self.LOG)
        return event

    def test_each_record_of_the_window_is_accounted_for(self) -> None:
        event = self.event()
        found = traced(event, list(self.LOG), plan(self.RULE))
        told = records(event, found, {}, 0)
        assert [
            (one.first.id, [each.id for each in one.near_duplicates]) for one in told.stories
        ] == [("first", ["again"]), ("second", [])]
        assert (told.counted, told.calm) == (5, 2)
        assert told.not_counted == {"repeated_id": 1, "withdrawn": 1}
        assert told.stories[0].first.source == "Wire"
        assert told.stories[0].near_duplicates[0].scored_offset == 3
        assert told.stories[0].near_duplicates[0].origin == Origin(0, 3)

    def test_a_rule_that_changed_is_said_and_the_window_is_counted_all_the_same(self) -> None:
        event = self.event()
        other = plan(rule("negative_count >= 9", window="1h"))
        found = traced(event, list(self.LOG), other)
        now = rule_of(event, other, "alerts.yaml")
        assert (now.now, now.hash_then) == ("changed", event.rule_hash)
        assert counts(found.tally) == counts_of(event.window)
        said = reproduction(event, found, now, 0, 0)
        assert said.outcome == "rule_changed"
        assert said.why is not None
        assert str(now.hash_now) in said.why

    def test_so_is_one_that_is_gone(self) -> None:
        event = self.event()
        other = plan(rule(type="absent", alert="Other"))
        found = traced(event, list(self.LOG), other)
        now = rule_of(event, other, "alerts.yaml")
        assert now.now == "gone"
        assert counts(found.tally) == counts_of(event.window)
        assert reproduction(event, found, now, 0, 0).why == (
            "alerts.yaml has no rule Rule any more"
        )

    def test_a_log_that_lost_its_beginning_can_not_lead_to_the_alert_and_says_so(self) -> None:
        event = self.event()
        trace = Trace(event, plan(self.RULE), 0)
        for offset, each in list(enumerate(self.LOG))[4:]:
            trace.take(offset, each)
        trace.take(99, mark(60))
        assert trace.done
        found = trace.traced()
        said = reproduction(event, found, rule_of(event, plan(self.RULE), "f"), 0, 4)
        assert said.outcome == "not_raised"
        assert said.why is not None
        assert "the log begins at offset 4 now" in said.why
        assert records(event, found, {}, 4).gone

    def test_an_edited_annotation_is_told_as_presentation(self) -> None:
        event = self.event()
        same = plan(rule("negative_count >= 2 and count >= 4", annotations={"summary": "Look."}))
        found = traced(event, list(self.LOG), same)
        said = reproduction(event, found, rule_of(event, same, "f"), 0, 0)
        assert said.outcome == "differs"
        assert [one.field for one in said.differing] == ["annotations"]
        assert said.why is not None
        assert "only its presentation" in said.why

    def test_an_event_that_was_written_otherwise_is_shown_by_its_fields(self) -> None:
        event = self.event()
        false = msgspec.structs.replace(
            event, window=msgspec.structs.replace(event.window, raw_count=99)
        )
        found = traced(false, list(self.LOG), plan(self.RULE))
        said = reproduction(false, found, rule_of(event, plan(self.RULE), "f"), 0, 0)
        assert (said.outcome, said.why) == ("differs", None)
        (difference,) = said.differing
        assert (difference.written["raw_count"], difference.found["raw_count"]) == (99, 5)


def test_an_alert_on_silence_rests_on_no_record() -> None:
    watched = plan(rule(type="absent"))
    log: list[Scored] = [mark(0), mark(5), mark(6)]
    (event,) = feed(PartitionWatch(0, watched), log)
    found = traced(event, log, watched)
    assert found.event == event
    told = records(event, found, {}, 0)
    assert (told.counted, told.stories, told.gone) == (0, (), False)


def test_a_story_from_before_the_window_that_is_told_again_is_told_apart() -> None:
    watched = plan(rule("count >= 2", window="2m"))
    desk = Desk(rule("count >= 2", window="2m"))
    log: list[Scored] = [
        mark(0),
        record(1, "old", origin=(0, 1)),
        mark(2),
        record(8, "old", origin=(0, 2), item_id="again", wording=1),
        record(8, "new", origin=(0, 3)),
        record(8, "newer", origin=(0, 4)),
    ]
    for each in log:
        desk.apply(each)
    (event,) = desk.events
    told = records(event, traced(event, log, watched), {}, 0)
    assert [one.id for one in told.retold] == ["again"]
    assert (told.counted, len(told.stories)) == (3, 2)


def test_other_series_and_other_rules_change_nothing() -> None:
    log = dense(2)
    event = feed(PartitionWatch(0, PLAN), log)[-1]
    own = tuple(each for each in PLAN.rules if each.alert == event.rule)
    others = sum(isinstance(each, ScoredRecord) and each.series != event.series for each in log)
    assert others
    assert traced(event, log, replace(PLAN, rules=own)).event == event
