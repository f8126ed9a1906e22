"""Snapshots: what is restored goes on as if it had never stopped, wherever a crash fell.

A stream of state is played by a dict, which is what compaction leaves at its most thorough.
"""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.records import AlertEvent, ModelChange, Scored, ScoredRecord, encode
from monitor.surge.baseline import Learning
from monitor.surge.partition import PartitionWatch
from monitor.surge.rounds import Rounds, erase, restore
from tests.surge.log import (
    MINUTE,
    NEGATIVE,
    NEUTRAL,
    feed,
    plan,
    retraction,
    rule,
)
from tests.surge.test_properties import LATENESS, RULES, Item, items, log_of

PLAN = plan(
    *RULES,
    rule("count >= 2", alert="Wire", match={"source": "wire"}, window="4m"),
    rule(type="surge", alert="Brief", window="5m", min_support=2, false_alarms="1 per 3m"),
    rule(
        type="surge",
        alert="Either",
        on="either",
        window="9m",
        false_alarms="1 per 3m",
        min_support=2,
        max_episode="4m",
    ),
    learning=Learning(half_life=30 * MINUTE, warm_up=3 * MINUTE, settling=MINUTE),
    lateness=LATENESS,
    horizon=6,
    news_partitions=3,
)
Stream = dict[bytes, bytes | None]


@st.composite
def logs(draw: st.DrawFn) -> list[Scored]:
    """Items on two series, one of which nobody knew beforehand, and retractions among them."""
    chance = draw(st.randoms(use_true_random=False))
    return busy(draw(items()), chance, draw(st.integers(0, 4)))


def busy(found: list[Item], chance: Random, retractions: int) -> list[Scored]:
    log = [
        msgspec.structs.replace(
            each,
            key=chance.choice(["banking", "banking", "oil"]),
            item=msgspec.structs.replace(each.item, source=chance.choice([None, "wire"])),
        )
        if isinstance(each, ScoredRecord)
        else each
        for each in log_of(found, 3, chance)
    ]
    ids = [each.item.id for each in log if isinstance(each, ScoredRecord)]
    for number in range(retractions if ids else 0):
        withdrawn = retraction(
            chance.choice(ids), origin=(9, number), at=chance.randrange(3 + LATENESS * 3)
        )
        log.insert(chance.randrange(len(log)), withdrawn)
    return change_models(log, chance)


def change_models(log: list[Scored], chance: Random) -> list[Scored]:
    """The log with another model from some record on, of which it is told before, or never."""
    cut = chance.randrange(len(log) + 1)
    told = [ModelChange("test-1", "test-2", {"oil": 2.0}, entities=1.0, all=0.7, items=50)]
    return [
        *log[:cut],
        *told[: chance.randrange(2)],
        *(
            msgspec.structs.replace(each, model="test-2")
            if isinstance(each, ScoredRecord)
            else each
            for each in log[cut:]
        ),
    ]


def emitted(watch: PartitionWatch, log: list[Scored], first: int) -> list[tuple[int, bytes]]:
    return [
        (offset, encode(event))
        for offset, each in enumerate(log[first:], first)
        for event in watch.apply(offset, each)
    ]


def write_round(rounds: Rounds, offset: int, stream: Stream) -> None:
    rounds.begin(offset)
    stream.update(rounds.step(offset, 1_000_000))


def dense(seed: int) -> list[Scored]:
    """A fixed log in which every kind of rule has something to tell."""
    chance = Random(seed)
    found = [
        Item(
            at=number / 8,
            story=chance.choice("abcdefghijklmnop"),
            wording=chance.randrange(4),
            mood=chance.choice([NEGATIVE, NEGATIVE, NEUTRAL]),
            delay=chance.randrange(4 * LATENESS) / 4,
            partition=chance.randrange(3),
            item_id=chance.choice([f"id {number}", "x"]),
        )
        for number in range(100)
    ]
    return busy(found, chance, 6)


def test_the_dense_logs_are_worth_it() -> None:
    logs = map(dense, range(5))
    told = {event.rule for log in logs for event in feed(PartitionWatch(0, PLAN), log)}
    assert told >= {each.alert for each in PLAN.rules} - {"Surge"}


@settings(max_examples=25)
@given(logs())
def test_restored_at_any_record_it_goes_on_as_if_it_had_never_stopped(log: list[Scored]) -> None:
    check_every_cut(log)


@pytest.mark.parametrize("seed", range(5))
def test_so_does_a_dense_log(seed: int) -> None:
    check_every_cut(dense(seed))


def check_every_cut(log: list[Scored]) -> None:
    """A snapshot before every record, each restored and taken to the end of the log."""
    events = emitted(PartitionWatch(0, PLAN), log, 0)
    watch = PartitionWatch(0, PLAN)
    rounds, stream = Rounds(watch), Stream()
    for cut in range(len(log)):
        write_round(rounds, cut, stream)
        restored = restore(0, PLAN, stream.items())
        assert restored is not None
        assert restored.as_of == cut
        assert sorted(map(encode, restored.watch.firing())) == sorted(map(encode, watch.firing()))
        rest = emitted(restored.watch, log, cut)
        assert sorted(rest) == sorted(one for one in events if one[0] >= cut)
        watch.outcomes.clear()
        watch.apply(cut, log[cut])
    write_round(rounds, len(log), stream)
    assert all(value is None or len(value) < 262_144 for value in stream.values())


@settings(max_examples=150)
@given(logs(), st.randoms(use_true_random=False))
def test_crashes_between_any_two_state_records_change_no_alert(
    log: list[Scored], chance: Random
) -> None:
    check_crashes(log, chance)


@pytest.mark.parametrize("seed", range(40))
def test_nor_in_a_dense_log(seed: int) -> None:
    check_crashes(dense(seed), Random(seed))


def check_crashes(log: list[Scored], chance: Random) -> None:
    """Eight starts, each killed after some state record, and a last one that comes through."""
    stream: Stream = {}
    alerts: dict[int, set[bytes]] = {}
    for _ in range(8):
        crash_and_go_on(log, stream, alerts, chance)
    expected: dict[int, set[bytes]] = {}
    for offset, event in emitted(PartitionWatch(0, PLAN), log, 0):
        expected.setdefault(offset, set()).add(event)
    finish(log, stream, alerts)
    assert alerts == expected


def crash_and_go_on(
    log: list[Scored], stream: Stream, alerts: dict[int, set[bytes]], chance: Random
) -> None:
    """Start from what the stream holds, write a series' snapshot at a time, and die somewhere."""
    patience, haste = chance.randrange(80), chance.choice([0.03, 0.2, 1])
    restored = restore(0, PLAN, stream.items())
    if restored is None:
        for key, value in erase(0, stream.items()):
            stream[key] = value
            patience -= 1
            if patience < 0:
                return
        watch, first = PartitionWatch(0, PLAN), 0
        rounds = Rounds(watch)
    else:
        watch, rounds, first = restored.watch, restored.rounds, restored.as_of
    for offset in range(first, len(log)):
        if not rounds.under_way and chance.random() < haste:
            rounds.begin(offset)
        for key, value in rounds.step(offset, 1) if chance.random() < haste else ():
            if patience < 0:
                return
            stream[key] = value
            patience -= 1
        note(alerts, offset, watch.apply(offset, log[offset]))


def finish(log: list[Scored], stream: Stream, alerts: dict[int, set[bytes]]) -> None:
    restored = restore(0, PLAN, stream.items())
    watch = PartitionWatch(0, PLAN) if restored is None else restored.watch
    for offset in range(0 if restored is None else restored.as_of, len(log)):
        note(alerts, offset, watch.apply(offset, log[offset]))


def note(alerts: dict[int, set[bytes]], offset: int, events: list[AlertEvent]) -> None:
    if events:
        alerts.setdefault(offset, set()).update(map(encode, events))
