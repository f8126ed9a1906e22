"""What a stream of state holds: what is refused, what is written again, and what is erased.

A stream of state is played by a dict, which is what compaction leaves at its most thorough.
"""

import pytest

from monitor.records import Scored, Series
from monitor.surge import ledger
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import Rounds, restore
from monitor.surge.state import RefusedError
from tests.surge.log import BANKING, feed, mark, minute, plan, record, rule
from tests.surge.test_snapshots import Stream, write_round


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
