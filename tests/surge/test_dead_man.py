"""The dead man: his beats are the clock's, the same in every replay and after every restart."""

from monitor.records import AlertEvent, Scored, Series
from monitor.surge.partition import PartitionWatch
from monitor.surge.rounds import Rounds, restore
from tests.surge.log import NEUTRAL, feed, mark, minutes, plan, record, rule

ALL = Series("all", "all")
ALIVE = rule(type="dead_man", by="all", alert="Alive", every="5m")
PLAN = plan(ALIVE, rule("count >= 99", by="all"), series=(ALL,))
LOG: list[Scored] = [
    mark(2),
    record(2.5, "a story", NEUTRAL, origin=(0, 1), series=ALL),
    *(mark(at / 2) for at in range(6, 30)),
    mark(47),
    mark(50.2),
]


def beats(events: list[AlertEvent]) -> list[float]:
    return [minutes(event.fired_at) for event in events]


def test_once_at_the_start_and_once_in_each_slot_of_the_clock() -> None:
    events = feed(PartitionWatch(0, PLAN), LOG)
    assert beats(events) == [2, 5, 10, 47, 50]
    assert {event.state for event in events} == {"firing"}
    assert len({event.id for event in events}) == 5


def test_a_log_whose_beginning_is_gone_has_the_same_beats_from_then_on() -> None:
    whole = feed(PartitionWatch(0, PLAN), LOG)
    later = feed(PartitionWatch(0, PLAN), LOG[4:], 4)
    assert [event.id for event in later][1:] == [event.id for event in whole][1:]


def test_restored_anywhere_it_goes_on_as_if_it_had_never_stopped() -> None:
    whole = feed(PartitionWatch(0, PLAN), LOG)
    watch = PartitionWatch(0, PLAN)
    rounds, stream = Rounds(watch), dict[bytes, bytes | None]()
    told = 0
    for cut, each in enumerate(LOG):
        rounds.begin(cut)
        stream.update(rounds.step(cut, 10))
        restored = restore(0, PLAN, stream.items())
        assert restored is not None
        assert feed(restored.watch, LOG[cut:], cut) == whole[told:]
        assert [event.id for event in restored.watch.firing()] == [whole[-1].id]
        told += len(watch.apply(cut, each))
    assert told == len(whole)


def test_no_series_with_a_dead_man_is_quiet() -> None:
    watch = PartitionWatch(0, plan(ALIVE, series=(ALL,)))
    assert not any(each.is_quiet for each in watch.followings())
    feed(watch, [mark(at) for at in range(20)])
    assert not any(each.is_quiet for each in watch.followings())
