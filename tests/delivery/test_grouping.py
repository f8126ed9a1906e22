"""Which alerts become one notification: the laws, and what a reader can check by eye."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.delivery import grouping
from monitor.delivery.grouping import Due, GroupField, Grouping, GroupPolicy, Item, shared
from monitor.records import AlertPlace, Queued
from tests.desk.desk import fires, resolves

MINUTE = GroupPolicy(wait_seconds=60)
FIELDS: tuple[GroupField, ...] = ("rule", "series", "severity", "by")


def item(number: int, at: float = 0, **fields: object) -> Item:
    return Item(fires(number, **fields), AlertPlace(0, number), at)  # type: ignore[arg-type]


def numbers(due: Due | None) -> list[int]:
    return [each.place.offset for each in due.items] if due else []


def all_due(waiting: Grouping, now: float) -> list[list[int]]:
    return list(iter(lambda: numbers(waiting.due(now)), []))


def left(*alerts: int, last: int | None = None) -> Queued:
    names = tuple(f"alert-{number}" for number in alerts)
    return Queued("ntf_left", "desk", names, 0, last_offset=last)


def added(waiting: Grouping, items: Iterable[Item]) -> Grouping:
    for each in items:
        waiting.add(each)
    return waiting


def test_without_a_wait_each_alert_is_due_at_once_and_alone() -> None:
    begins = item(0)
    ends = Item(resolves(1, begins.alert), AlertPlace(0, 1), 0)
    waiting = added(Grouping(GroupPolicy()), [begins, ends, item(2)])
    assert all_due(waiting, 0) == [[0], [1], [2]]


def test_alerts_of_a_rule_within_the_wait_are_one() -> None:
    #  0 s    20 s   59 s   60 s
    #  0      1      2      due      another rule: 3, at 20 s
    waiting = added(Grouping(MINUTE), [item(0, 0), item(1, 20), item(3, 20, rule="other")])
    assert waiting.due(59) is None
    waiting.add(item(2, 59))
    assert waiting.next_due() == 60
    assert all_due(waiting, 60) == [[0, 1, 2]]
    assert waiting.next_due() == 80
    assert all_due(waiting, 80) == [[3]]
    assert (waiting.next_due(), len(waiting)) == (None, 0)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (("rule",), [[0, 2], [1]]),
        (("series",), [[0, 1], [2]]),
        (("severity",), [[0, 2], [1]]),
        (("by",), [[0, 1, 2]]),
        (("rule", "series"), [[0], [1], [2]]),
        ((), [[0, 1, 2]]),
    ],
)
def test_what_groups_have_in_common(by: tuple[GroupField, ...], groups: list[list[int]]) -> None:
    items = [item(0), item(1, rule="other", severity="info"), item(2, key="macro")]
    assert all_due(added(Grouping(GroupPolicy(60, by)), items), 60) == groups


def test_a_later_alert_of_a_rule_on_a_series_joins_the_earlier_one_in_its_group() -> None:
    begins = item(1, 5, severity="critical")
    ends = Item(resolves(2, fires(1, severity="info")), AlertPlace(0, 2), 6)
    waiting = added(
        Grouping(GroupPolicy(60, ("severity",))),
        [item(0, 0, key="other", severity="info"), begins, ends],
    )
    assert all_due(waiting, 65) == [[0], [1, 2]]


def test_a_full_group_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_IDS", 3)
    waiting = added(Grouping(MINUTE), [item(number) for number in range(5)])
    assert waiting.next_due() == 0
    assert all_due(waiting, 0) == [[0, 1, 2]]
    assert all_due(waiting, 60) == [[3, 4]]


def test_when_too_many_wait_the_oldest_group_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MAX_WAITING", 3)
    waiting = Grouping(GroupPolicy(60, ("series",)))
    added(waiting, [item(number, number, key=str(number)) for number in range(3)])
    assert not waiting.gathers
    assert all_due(waiting, 3) == [[0]]
    assert waiting.gathers


def test_what_was_left_behind_is_made_again_as_it_was() -> None:
    waiting, queued = Grouping(MINUTE), left(0, 2, last=2)
    waiting.add(item(0), queued)
    waiting.add(item(1))
    assert waiting.due(1000) is None, "one is missing still"
    assert waiting.next_due() is None
    waiting.add(item(2), queued)
    due = waiting.due(0)
    assert numbers(due) == [0, 2]
    assert due is not None
    assert due.again == queued
    assert all_due(waiting, 60) == [[1]]


def test_what_is_not_meant_for_the_receiver_any_more_is_not_waited_for() -> None:
    waiting, queued = Grouping(MINUTE), left(0, 2, last=2)
    waiting.add(item(0), queued)
    waiting.read_to(2)
    assert waiting.due(0) is None
    waiting.read_to(3)
    assert numbers(waiting.due(0)) == [0]


def test_a_notification_left_behind_by_an_earlier_version_is_of_one_alert() -> None:
    waiting = Grouping(MINUTE)
    waiting.add(item(4), left(4))
    assert numbers(waiting.due(0)) == [4]


def test_a_group_says_what_its_alerts_have_in_common() -> None:
    alerts = [fires(0), fires(1, key="macro", severity="info")]
    assert shared(alerts, FIELDS) == {"rule": "bank-run", "by": "topic"}


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),  # the rule
        st.sampled_from(["x", "y"]),  # the series' key
        st.sampled_from(["info", "critical"]),
        st.floats(0, 40),  # seconds since the one before
        st.booleans(),  # whether what is due is taken out then
    ),
    max_size=60,
)


@given(
    EVENTS,
    st.sampled_from([0.0, 10.0, 60.0]),
    st.lists(st.sampled_from(FIELDS), unique=True),
    st.integers(1, 5),
)
def test_each_alert_is_in_one_notification_and_none_overtakes_its_own(
    events: list[tuple[str, str, str, float, bool]],
    wait: float,
    by: list[GroupField],
    max_ids: int,
) -> None:
    told: list[list[Item]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "MAX_IDS", max_ids)
        waiting, now = Grouping(GroupPolicy(wait, tuple(by))), 0.0

        def take(now: float) -> None:
            while (due := waiting.due(now)) is not None:
                told.append(list(due.items))

        for number, (rule, key, severity, pause, looks) in enumerate(events):
            now += pause
            waiting.add(item(number, now, rule=rule, key=key, severity=severity))
            if looks:
                take(now)
                soonest = waiting.next_due()
                assert soonest is None or soonest > now
        take(now + wait)
    assert len(waiting) == 0
    flat = [each for group in told for each in group]
    assert sorted(each.place.offset for each in flat) == list(range(len(events)))
    assert all(len(group) <= max_ids for group in told)
    for source in {each.source for each in flat}:
        mine = [each.place.offset for each in flat if each.source == source]
        assert mine == sorted(mine)
    if wait == 0:
        assert all(len(group) == 1 for group in told)
