"""Which alert is meant, and what receivers were told of it."""

import msgspec
import pytest

from monitor.explaining.choosing import (
    Standing,
    UnknownAlertError,
    choose,
    deliveries,
    sibling,
    standing,
)
from monitor.records import AlertEvent, Outcome, Queued
from tests.surge.log import Desk, rule


@pytest.fixture
def episode() -> list[AlertEvent]:
    """An alert and its end."""
    desk = Desk(rule("count >= 1"))
    desk.mark(0)
    desk.news(1, "a")
    desk.mark(60)
    return desk.events


@pytest.fixture
def known(episode: list[AlertEvent]) -> dict[str, Standing]:
    return standing((event, 0, offset, offset) for offset, event in enumerate(episode))


def test_an_id_or_its_unique_beginning_is_enough(
    known: dict[str, Standing], episode: list[AlertEvent]
) -> None:
    fired, resolved = episode
    assert choose(known, fired.id).event == fired
    assert choose(known, resolved.id[:6]).event == resolved
    assert choose(known, fired.id[:6].upper()).event == fired


def test_the_latest_is_the_one_that_happened_last(
    known: dict[str, Standing], episode: list[AlertEvent]
) -> None:
    assert choose(known, None).event == episode[1]


def test_an_unknown_id_is_told_with_the_nearest(known: dict[str, Standing]) -> None:
    wanted = next(iter(known))
    mistyped = ("0" if wanted[0] != "0" else "1") + wanted[1:]
    with pytest.raises(UnknownAlertError, match=rf"nearest: {wanted} \(Rule firing topic=") as told:
        choose(known, mistyped)
    assert told.value.exit_code == 2
    assert "\n" not in str(told.value)


def test_where_nothing_is_alike_the_latest_are_told(
    known: dict[str, Standing], episode: list[AlertEvent]
) -> None:
    with pytest.raises(UnknownAlertError, match=rf"the latest are: {episode[1].id} "):
        choose(known, "zzz")


def test_a_beginning_of_several_ids_is_refused(episode: list[AlertEvent]) -> None:
    named = [msgspec.structs.replace(episode[0], id=identity) for identity in ("ab1", "ab2", "b")]
    known = standing((event, 0, 0, 0) for event in named)
    with pytest.raises(UnknownAlertError, match="2 alerts begin with ab, such as ab1 "):
        choose(known, "ab")


def test_a_wanted_text_can_not_steer_the_terminal(known: dict[str, Standing]) -> None:
    with pytest.raises(UnknownAlertError) as told:
        choose(known, "\x1b[2J")
    assert "\x1b" not in str(told.value)


def test_no_alert_at_all_is_said() -> None:
    with pytest.raises(UnknownAlertError, match="there is no alert"):
        choose({}, None)


def test_an_event_that_was_written_twice_stands_where_it_was_first(
    episode: list[AlertEvent],
) -> None:
    (fired, _) = episode
    (one,) = standing([(fired, 0, 4, 10), (fired, 0, 9, 20)]).values()
    assert (one.written.offset, one.written.at, one.written.times) == (4, 10, 2)


def test_the_other_end_of_the_episode_is_found(
    known: dict[str, Standing], episode: list[AlertEvent]
) -> None:
    fired, resolved = episode
    (end, begin) = (sibling(known, fired), sibling(known, resolved))
    assert end is not None
    assert begin is not None
    assert (end.id, end.state, end.at) == (resolved.id, "resolved", resolved.resolved_at)
    assert (begin.id, begin.state, begin.at) == (fired.id, "firing", fired.fired_at)
    del known[resolved.id]
    assert sibling(known, fired) is None


def test_deliveries_are_those_that_name_the_alert_with_their_latest_end() -> None:
    told = deliveries(
        [
            Queued("n1", "desk", ("a", "b"), at=10),
            Queued("n2", "risk", ("a",), at=11),
            Queued("n3", "desk", ("c",), at=12),
            Outcome("n3", "desk", delivered=True, attempts=1, at=13),
            Queued("n1", "desk", ("a", "b"), at=20),
            Outcome("n1", "desk", delivered=False, attempts=7, at=30, reason="gone"),
        ],
        "a",
    )
    assert [(one.id, one.receiver, one.alerts, one.queued_at) for one in told] == [
        ("n1", "desk", 2, 10),
        ("n2", "risk", 1, 11),
    ]
    assert (told[0].delivered, told[0].attempts, told[0].reason) == (False, 7, "gone")
    assert told[1].delivered is None
