"""Snapshots: what is restored goes on as if it had never stopped, wherever a crash fell.

A stream of state is played by a dict, which is what compaction leaves at its most thorough.
"""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.records import AlertEvent, ModelChange, Scored, ScoredRecord, Series, encode
from monitor.surge import ledger
from monitor.surge.baseline import Learning
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import Rounds, erase, restore
from monitor.surge.state import RefusedError
from tests.surge.log import (
    BANKING,
    MINUTE,
    NEGATIVE,
    NEUTRAL,
    feed,
    mark,
    minute,
    plan,
    record,
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


def snapshot(of: WatchPlan, log: list[Scored]) -> Stream:
    watch = PartitionWatch(0, of)
    feed(watch, log)
    stream: Stream = {}
    write_round(Rounds(watch), len(log), stream)
    return stream


SHORT: list[Scored] = [
    mark(0),
    *(record(n / 9, f"story {n}", origin=(0, n)) for n in range(1, 9)),
    mark(1),
    *(record(1 + n / 9, f"later {n}", origin=(0, 10 + n)) for n in range(1, 9)),
    mark(2),
]
SIMPLE = rule("negative_count >= 3", alert="Simple")


class TestRefusal:
    def test_other_statistics(self) -> None:
        stream = snapshot(plan(SIMPLE), SHORT)
        with pytest.raises(RefusedError, match="other statistics") as refusal:
            restore(0, plan(SIMPLE, lateness=3), stream.items())
        assert refusal.value.reason == "statistics"

    def test_another_version(self) -> None:
        stream = snapshot(plan(SIMPLE), SHORT)
        for key, value in stream.items():
            stream[key] = value and value.replace(b'"version":1', b'"version":2')
        with pytest.raises(RefusedError, match="of version 2") as refusal:
            restore(0, plan(SIMPLE), stream.items())
        assert refusal.value.reason == "version"

    def test_what_is_no_state(self) -> None:
        stream = snapshot(plan(SIMPLE), SHORT)
        key = next(key for key in stream if b"pane/" in key)
        stream[key] = b"{"
        with pytest.raises(RefusedError) as refusal:
            restore(0, plan(SIMPLE), stream.items())
        assert refusal.value.reason == "unreadable"

    def test_a_missing_piece(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ledger, "CHUNK_BYTES", 500)
        stream = snapshot(plan(SIMPLE), SHORT)
        assert restore(0, plan(SIMPLE), stream.items()) is not None
        del stream[next(key for key in stream if key.endswith(b",1]"))]
        with pytest.raises(RefusedError, match="a piece is missing") as refusal:
            restore(0, plan(SIMPLE), stream.items())
        assert refusal.value.reason == "incomplete"


def test_without_a_commit_there_is_nothing_to_restore() -> None:
    assert restore(0, plan(SIMPLE), [(b"streams", b"{}")]) is None
    stream = snapshot(plan(SIMPLE), SHORT)
    assert restore(1, plan(SIMPLE), stream.items()) is None


def test_a_flood_in_one_pane_is_written_in_pieces() -> None:
    flood = [record(1.5, f"story {n} " * 20, origin=(0, 100 + n)) for n in range(1500)]
    stream = snapshot(plan(SIMPLE), [*SHORT, *flood])
    assert max(len(value or b"") for value in stream.values()) < 262_144
    assert sum(b"pane/" in key for key in stream) > 3
    restored = restore(0, plan(SIMPLE), stream.items())
    assert restored is not None
    (following,) = restored.watch.followings()
    assert sum(len(pane.entries) for pane in following.track.panes.values()) == 1516


class TestOtherRules:
    def test_a_changed_rule_starts_anew_on_the_track_that_is_kept(self) -> None:
        stream = snapshot(plan(SIMPLE), SHORT)
        changed = rule("negative_count >= 15", alert="Simple")
        restored = restore(0, plan(changed), stream.items())
        assert restored is not None
        assert restored.watch.firing() == []
        (event,) = restored.watch.apply(len(SHORT), record(2.5, "one more", origin=(0, 30)))
        assert (event.rule, event.window.raw_negative) == ("Simple", 17)

    def test_a_new_track_starts_warming_and_a_removed_one_is_forgotten(self) -> None:
        elsewhere = rule(
            type="surge", alert="Surge", timezone="Asia/Tokyo", match={"source": "wire"}
        )
        restored = restore(0, plan(elsewhere), snapshot(plan(SIMPLE), SHORT).items())
        assert restored is not None
        (following,) = restored.watch.followings()
        assert following.track.panes == {}
        assert following.track.followed_for(minute(3)) == 60_000

    def test_a_series_that_nobody_knew_beforehand_is_followed_again(self) -> None:
        oil = Series("topic", "oil")
        log: list[Scored] = [mark(0), record(0.5, "a spill", origin=(0, 1), series=oil), mark(1)]
        restored = restore(0, plan(SIMPLE), snapshot(plan(SIMPLE), log).items())
        assert restored is not None
        assert [one.series for one in restored.watch.followings()] == [BANKING, oil]


def test_only_what_changed_is_written_again() -> None:
    watch = PartitionWatch(0, plan(SIMPLE))
    feed(watch, [*SHORT, mark(30)])
    rounds = Rounds(watch)
    first, second = Stream(), Stream()
    write_round(rounds, len(SHORT) + 1, first)
    watch.apply(len(SHORT) + 1, mark(31))
    write_round(rounds, len(SHORT) + 2, second)
    assert any(b"pane/" in key for key in first)
    assert not any(b"pane/" in key for key in second)


def test_what_expired_is_erased() -> None:
    watch = PartitionWatch(0, plan(SIMPLE, horizon=10))
    feed(watch, SHORT)
    rounds = Rounds(watch)
    stream: Stream = {}
    write_round(rounds, len(SHORT), stream)
    # Within a day, as no record comes to rouse the series.
    feed(watch, [mark(hour * 60) for hour in range(1, 27)], len(SHORT))
    write_round(rounds, len(SHORT) + 26, stream)
    kept = [key for key, value in stream.items() if value is not None]
    assert not any(b"pane/" in key for key in kept)


class TestAnOwnerThatLostThePartition:
    """It may go on writing for a while: what it leaves is refused, never taken for the truth."""

    @pytest.fixture
    def stream(self) -> Stream:
        return snapshot(plan(SIMPLE), SHORT[:9])

    def writes(self, stream: Stream, through: int, epoch: int) -> list[tuple[bytes, bytes | None]]:
        """The round that an owner writes who took over and came so far."""
        restored = restore(0, plan(SIMPLE), stream.items(), epoch)
        assert restored is not None
        for offset in range(restored.as_of, through):
            restored.watch.apply(offset, SHORT[offset])
        restored.rounds.begin(through)
        return list(restored.rounds.step(through, 1_000_000))

    def test_its_core_beside_a_later_commit(self, stream: Stream) -> None:
        late = self.writes(stream, 12, epoch=2)
        stream.update(self.writes(stream, 15, epoch=3))
        assert restore(0, plan(SIMPLE), stream.items()) is not None
        stream.update(late[:-1])
        with pytest.raises(RefusedError, match="lost the partition") as refusal:
            restore(0, plan(SIMPLE), stream.items())
        assert refusal.value.reason == "overtaken"

    def test_its_parts_under_a_later_core(self, stream: Stream) -> None:
        late = self.writes(stream, 12, epoch=2)
        stream.update(self.writes(stream, 15, epoch=3))
        stream.update(one for one in late if b"pane/" in one[0])
        with pytest.raises(RefusedError) as refusal:
            restore(0, plan(SIMPLE), stream.items())
        assert refusal.value.reason == "incomplete"

    def test_owners_that_follow_each_other_are_fine_though_nothing_changed(
        self, stream: Stream
    ) -> None:
        for _ in range(3):
            stream.update(self.writes(stream, 9, epoch=1))
        restored = restore(0, plan(SIMPLE), stream.items())
        assert restored is not None
        assert restored.as_of == 9


def test_a_series_that_no_rule_is_about_any_more_is_erased() -> None:
    stream = snapshot(plan(SIMPLE), SHORT)
    other = plan(rule("count >= 2", alert="Oil", match={"key": "oil"}))
    restored = restore(0, other, stream.items())
    assert restored is not None
    write_round(restored.rounds, len(SHORT), stream)
    assert not any(b"banking" in key for key, value in stream.items() if value is not None)


def test_a_commit_tells_from_where_on_later_alerts_are_to_be_sought() -> None:
    watch, stream = PartitionWatch(0, plan(SIMPLE)), Stream()
    rounds = Rounds(watch)
    rounds.begin(0, {0: 17, 3: 4})
    stream.update(rounds.step(0, 10))
    restored = restore(0, plan(SIMPLE), stream.items())
    assert restored is not None
    assert restored.alerts == {0: 17, 3: 4}
