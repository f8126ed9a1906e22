"""What is told of a partition that was taken over, what is left untold, and when it is stored."""

from monitor.records import AlertEvent, Scored
from monitor.surge.partition import PartitionWatch
from monitor.surge.rounds import Rounds
from monitor.watching.owned import Owned
from tests.surge.log import mark, plan, record, rule

TWICE = rule("negative_count >= 2", alert="Twice", window="2m")
LOG: list[Scored] = [
    mark(0),
    record(0.1, "a first story", origin=(0, 0)),
    record(0.2, "another one", origin=(0, 1)),  # fires
    mark(1),
    mark(5),  # resolves
    record(5.1, "a third", origin=(0, 2)),
    record(5.2, "and a fourth", origin=(0, 3)),  # fires again
]


def owned(*, live_from: int = 0, log_end: int = 0, known: set[str] | None = None) -> Owned:
    watch = PartitionWatch(0, plan(TWICE))
    return Owned(
        watch=watch,
        rounds=Rounds(watch),
        position=0,
        live_from=live_from,
        log_end=log_end,
        known=known or set(),
        alerts_from={0: 7},
        alerts_to={0: 9},
        state_end=0,
    )


def told(of: Owned, through: int = len(LOG)) -> list[tuple[int, AlertEvent]]:
    return [
        (offset, event)
        for offset in range(of.position, through)
        for event in of.apply(offset, LOG[offset])
    ]


def test_all_is_told_of_a_log_that_nobody_had_before() -> None:
    assert [(offset, event.state) for offset, event in told(owned())] == [
        (2, "firing"),
        (4, "resolved"),
        (6, "firing"),
    ]


def test_what_was_committed_before_is_rebuilt_in_silence() -> None:
    assert [offset for offset, _ in told(owned(live_from=5))] == [6]


def test_what_fires_where_silence_ends_is_told_unless_it_was() -> None:
    (first, *_) = told(owned())
    fires = [(offset, event.id) for offset, event in told(owned(live_from=4), through=4)]
    assert fires == []
    silent = owned(live_from=3)
    assert [event for _, event in told(silent, through=4)] == [first[1]]
    assert told(owned(live_from=3, log_end=3, known={first[1].id}), through=4) == []


def test_what_an_owner_before_told_without_committing_it_is_not_told_again() -> None:
    ids = [event.id for _, event in told(owned())]
    again = owned(log_end=5, known=set(ids))
    assert told(again, through=5) == []


def test_ids_are_not_kept_beyond_where_the_log_ended() -> None:
    ids = {event.id for _, event in told(owned())}
    again = owned(log_end=5, known=ids)
    told(again)
    assert again.known == set()


def test_there_is_something_to_commit_once_it_has_come_beyond_what_is_committed() -> None:
    one = owned(live_from=2)
    moved = []
    for through in (2, 3):
        told(one, through)
        moved.append(one.has_moved)
    one.committed = one.position
    assert [*moved, one.has_moved] == [False, True, False]


class TestSnapshots:
    def test_are_taken_when_due_and_not_while_nothing_has_come(self) -> None:
        one = owned()
        told(one, through=3)
        one.next_round = 10.0
        assert one.snapshot(5, now=9.0, interval=60) == []
        assert one.snapshot(5, now=10.0, interval=60) != []
        assert one.snapshot(5, now=70.0, interval=60) == []
        told(one, through=4)
        assert one.snapshot(5, now=69.0, interval=60) == []
        assert one.snapshot(5, now=70.0, interval=60) != []

    def test_seek_later_alerts_where_those_known_began_until_all_of_them_are_passed(self) -> None:
        one = owned(log_end=3)
        told(one, through=2)
        assert b'"alerts":{"0":7}' in (one.snapshot(5, 0, 0)[-1].value or b"")
        told(one, through=4)
        assert b'"alerts":{"0":9}' in (one.snapshot(5, 0, 0)[-1].value or b"")
        one.written([(0, 20), (1, 3), (0, 12)])
        told(one, through=5)
        assert b'"alerts":{"0":21,"1":4}' in (one.snapshot(5, 0, 0)[-1].value or b"")


def test_a_record_that_can_not_be_read_is_passed_over_and_counted() -> None:
    one = owned()
    one.skip(0)
    assert one.position == 1
    assert one.watch.outcomes["unreadable"] == 1
