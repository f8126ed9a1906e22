"""Laws of an alert's evidence, on invented logs with repeats, retractions and a change of model.

What each alert says of itself is held against the log's records, taken one by one: no pane and no
window is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings

from monitor.records import AlertEvent, OffsetRange, Scored, ScoredRecord, Series
from monitor.surge.baseline import Learning
from monitor.surge.partition import PartitionWatch
from monitor.surge.rules import ThresholdRule
from tests.surge.log import BANKING, DAY, MINUTE, NEUTRAL, Desk, plan, rule
from tests.surge.test_properties import LATENESS, RULES
from tests.surge.test_snapshots import dense, logs

RAW = (
    rule("negative_count >= 3 and count < 9", alert="Many", counting="raw", window="4m"),
    rule("negative_share > 0.6", alert="Bad", counting="raw", min_support=3, window="6m"),
    rule("mean_score <= -0.3", alert="Low", counting="raw", min_support=2, window="2m"),
)
PLAN = plan(
    *RULES,
    *RAW,
    rule(type="surge", alert="Brief", window="5m", min_support=2, false_alarms="1 per 3m"),
    learning=Learning(half_life=30 * MINUTE, warm_up=3 * MINUTE, settling=MINUTE),
    lateness=LATENESS,
    horizon=6,
    news_partitions=3,
    series=(BANKING, Series("topic", "oil")),
)


@dataclass(frozen=True)
class Said:
    """An alert, and the records that its track had taken by then, with their offsets."""

    event: AlertEvent
    taken: list[tuple[int, ScoredRecord]]

    @property
    def in_window(self) -> list[tuple[int, ScoredRecord]]:
        window = self.event.window
        begin = window.end - window.length_seconds * 1000
        return [one for one in self.taken if begin < one[1].event_time <= window.end]


def said(log: list[Scored]) -> Iterator[Said]:
    """Every alert of a log; what was late, or of an origin applied before, was not taken."""
    watch = PartitionWatch(0, PLAN)
    taken: dict[Series, list[tuple[int, ScoredRecord]]] = {}
    for offset, each in enumerate(log):
        before = watch.outcomes.copy()
        events = watch.apply(offset, each)
        (outcome, *_) = [*(watch.outcomes - before), ""]
        if isinstance(each, ScoredRecord) and outcome in ("counted", "repeated_id"):
            taken.setdefault(each.series, []).append((offset, each))
        for event in events:
            yield Said(event, list(taken.get(event.series, [])))


def check(log: list[Scored]) -> None:
    for one in said(log):
        check_range(one)
        check_models(one)
        check_without_duplicates(one.event)


def check_range(one: Said) -> None:
    """It covers every record of the window, and ends with records of the window."""
    offsets = [offset for offset, _ in one.in_window]
    expected = OffsetRange(0, min(offsets), max(offsets)) if offsets else None
    assert one.event.offsets == expected
    assert one.event.window.raw_count <= len(offsets)
    shown = {record.item.id for _, record in one.in_window}
    assert {story.id for story in one.event.stories} <= shown


def check_models(one: Said) -> None:
    """The event's models are those of the window's records, of which the newest is the series'."""
    event = one.event
    models = {record.model for _, record in one.in_window}
    assert set(event.models or ([event.model] if models else [])) == models
    assert event.models != (event.model,)


def check_without_duplicates(event: AlertEvent) -> None:
    """A raw rule says what the same rule, counting stories, finds in the very window shown."""
    (own,) = (each for each in PLAN.rules if each.alert == event.rule)
    if event.state != "firing" or not isinstance(own, ThresholdRule) or own.counting == "novel":
        assert event.without_duplicates is None
        return
    window = event.window
    seen = {
        "count": window.novel_count,
        "negative_count": window.novel_negative,
        "negative_share": window.negative_share,
        "mean_score": window.mean_score,
    }
    compare = {">=": float.__ge__, ">": float.__gt__, "<=": float.__le__, "<": float.__lt__}
    holds = all(compare[t.operator](float(seen[t.quantity]), t.value) for t in own.when)
    assert event.without_duplicates is (holds and window.novel_count >= own.min_support)


@settings(max_examples=50)
@given(logs())
def test_evidence_is_what_the_log_says(log: list[Scored]) -> None:
    check(log)


@pytest.mark.parametrize("seed", range(8))
def test_so_it_is_on_a_dense_log(seed: int) -> None:
    check(dense(seed))


def test_the_dense_logs_are_worth_it() -> None:
    events = [one.event for seed in range(8) for one in said(dense(seed))]
    assert {event.without_duplicates for event in events} == {None, True, False}
    assert any(event.models for event in events)
    assert {event.rule for event in events} >= {"Brief", "Raw", "Many", "Bad", "Low", "Silent"}


def test_a_raw_rule_and_its_twin_that_counts_stories_disagree_only_over_duplicates() -> None:
    # the twin on `novel` fires at once too where the raw rule says so, and else it does not
    chance = Random(1)
    answers = set()
    for _ in range(60):
        twins = [
            rule("negative_count >= 3", alert=name, counting=name.lower(), window="9m")
            for name in ("Raw", "Novel")
        ]
        desk = Desk(*twins)
        events: list[AlertEvent] = []
        at = 0.0
        while not any(event.rule == "Raw" for event in events):
            at += 0.5
            story = chance.choice("abcd")
            mood = {} if chance.random() < 0.7 else {"sentiment": NEUTRAL}
            events = desk.news(at, story, wording=chance.randrange(1, 9), **mood)
        (raw,) = (event for event in events if event.rule == "Raw")
        assert raw.fired_at > DAY
        novel_fires = any(event.rule == "Novel" for event in desk.watch.firing())
        assert raw.without_duplicates is novel_fires
        answers.add(novel_fires)
    assert answers == {True, False}


def test_models_are_named_where_the_window_holds_another_than_the_newest() -> None:
    log = dense(3)
    mixed = [one for one in said(log) if one.event.models]
    assert mixed
    for one in mixed:
        assert list(one.event.models) == sorted({record.model for _, record in one.in_window})
