"""Alerts that no rule stands for any more, as a partition that is taken over finds them."""

from dataclasses import replace

from monitor.records import AlertEvent, Series
from monitor.surge.evidence import withdrawal
from monitor.surge.partition import PartitionWatch
from monitor.watching.orphans import Orphans
from tests.surge.log import feed, mark, minute, plan, record, rule

OLD = plan(rule("negative_count >= 1", alert="Old", window="2m"))
NEW = plan(rule("negative_count >= 1", alert="New", window="2m"))
FIRED, RESOLVED = feed(
    PartitionWatch(0, OLD), [mark(0), record(0.5, "a story", origin=(0, 0)), mark(9)]
)


def ends(*told: AlertEvent, known: set[str] | None = None, of: Orphans | None = None) -> list[str]:
    orphans = of or Orphans(NEW, [])
    for event in told:
        orphans.look(event)
    ids = known or {event.id for event in told}
    return [event.id for event in orphans.ends(ids, minute(20))]


def test_one_whose_rule_is_gone_is_ended_at_the_time_of_the_clock() -> None:
    orphans = Orphans(NEW, [])
    orphans.look(FIRED)
    (end,) = orphans.ends({FIRED.id}, minute(20))
    assert (end.id, end.state, end.withdrawn) == (RESOLVED.id, "resolved", True)
    assert end.resolved_at == minute(20)


def test_one_that_was_ended_is_not_ended_again() -> None:
    assert ends(FIRED, RESOLVED) == []


def test_one_of_a_rule_that_is_in_force_finds_its_own_end() -> None:
    assert ends(FIRED, of=Orphans(OLD, [])) == []


def test_one_that_the_state_held_is_ended_unless_that_was_told() -> None:
    end = withdrawal(FIRED, minute(20))
    assert ends(of=Orphans(NEW, [end])) == [end.id]
    assert ends(FIRED, of=Orphans(NEW, [end])) == [end.id]
    assert ends(RESOLVED, of=Orphans(NEW, [end])) == []


def test_without_a_clock_it_ends_when_it_fired() -> None:
    assert withdrawal(FIRED, None).resolved_at == FIRED.fired_at


def test_of_a_dead_man_only_the_last_is_ended() -> None:
    alive = plan(rule(type="dead_man", alert="Alive", by="all", every="1m"))
    alive = replace(alive, series=(Series("all", "all"),))
    beats = feed(PartitionWatch(0, alive), [mark(0), mark(1), mark(2), mark(3)])
    assert len(beats) > 1
    assert ends(*beats) == [withdrawal(beats[-1], None).id]
