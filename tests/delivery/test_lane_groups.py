"""One partition's alerts in groups, silenced, acknowledged; with a broker, see integration."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from monitor import metrics
from monitor.delivery.grouping import GroupPolicy, Item
from monitor.delivery.lane import Lane
from monitor.delivery.sender import sending
from monitor.delivery.webhook import notification_id
from monitor.desk.board import Board
from monitor.desk.records import Expiry, Silence
from monitor.receiver import Delivery, LocalReceiver, receiving
from monitor.records import AlertEvent, AlertPlace, Outcome, Queued
from tests.desk.desk import FOR_EVER, ack, fires, resolves, silence
from tests.test_notify import PATIENT, SECRET, Journal, record

SHORT = GroupPolicy(wait_seconds=0.2)
NOW = time.time_ns() // 1_000_000
LASTING = silence("s-1", 0, NOW + FOR_EVER)
OVER = silence("s-0", 0, NOW - 1)


@contextlib.asynccontextmanager
async def lane(
    receiver: LocalReceiver, journal: Journal, *said: Any, first_offset: int = 0, **options: Any
) -> AsyncIterator[tuple[Lane, Board]]:
    board = Board()
    for each in said:
        board.apply(each)
    async with sending(receiver.target("desk"), PATIENT) as sender:
        options = {"board": board, **options}
        one = Lane("desk", sender, journal, journal.commit, first_offset, **options)
        one.start()
        try:
            yield one, board
        finally:
            await one.close(20)


def put(one: Lane, *alerts: AlertEvent, first: int = 0) -> None:
    for offset, alert in enumerate(alerts, first):
        one.put(record(offset, alert))


def told(deliveries: Sequence[Delivery]) -> list[list[str]]:
    """The alert ids of each request."""
    found = [one.payload["data"] for one in deliveries]
    return [data["alert_ids"] if "alert_ids" in data else [data["id"]] for data in found]


def single(alert: AlertEvent) -> str:
    return notification_id("desk", [alert.id])


def silenced_so_far() -> float:
    name = "newsurge_notifications_silenced_total"
    return metrics.REGISTRY.get_sample_value(name, {"receiver": "desk"}) or 0.0


def outcomes(journal: Journal) -> dict[str, Outcome]:
    return {each.id: each for each in journal.outcomes}


async def test_series_that_fire_together_are_one_notification() -> None:
    journal, alerts = Journal(), [fires(n, key=str(n)) for n in range(5)]
    async with receiving(SECRET) as receiver, lane(receiver, journal, policy=SHORT) as (one, _):
        put(one, *alerts)
        await journal.until("commit 5")
    (delivery,) = receiver.accepted
    assert delivery.id == notification_id("desk", [each.id for each in alerts])
    assert told([delivery]) == [[each.id for each in alerts]]
    assert journal.lines == ["queued " + " ".join(each.id for each in alerts), "ended", "commit 5"]


async def test_a_group_of_one_is_told_as_the_alert_alone() -> None:
    journal = Journal()
    async with receiving(SECRET) as receiver, lane(receiver, journal, policy=SHORT) as (one, _):
        put(one, fires(0))
        await journal.until("commit 1")
    (delivery,) = receiver.accepted
    assert (delivery.payload["type"], delivery.id) == ("alert.firing", single(fires(0)))


async def test_no_offset_is_committed_before_an_earlier_group_has_ended() -> None:
    #  offset  0      1      2         the rule `slow` waits for its receiver; `bank-run` is refused
    #  rule    slow   other  slow      nothing but all of it can be committed
    async def respond(delivery: Delivery) -> int:
        return 503 if delivery.payload["data"]["group"] == {"rule": "slow"} else 204

    journal = Journal()
    async with receiving(SECRET, respond) as receiver, lane(receiver, journal, policy=SHORT) as (
        one, _,
    ):  # fmt: skip
        slow = [fires(n, rule="slow", key=str(n)) for n in (0, 2)]
        put(one, slow[0], fires(1, rule="other"), slow[1], fires(3, rule="other", key="x"))
        await receiver.until(lambda r: len(r.requests) >= 3)
    assert not any(line.startswith("commit") for line in journal.lines)


async def test_what_was_left_behind_is_sent_as_it_was_with_the_body_it_had() -> None:
    alerts = [fires(n, key=str(n)) for n in range(3)]
    bodies: list[Delivery] = []
    for said in ([ack(alerts[0])], []):  # The acknowledgement has been taken back since.
        journal = Journal()
        if bodies:
            queued = Queued(bodies[0].id, "desk", ("alert-0", "alert-2"), 0, {"alert-0": "ada"}, 2)
            journal.left = {single(alerts[0]): queued, single(alerts[2]): queued}
        async with (
            receiving(SECRET) as receiver,
            lane(receiver, journal, *said, policy=SHORT) as (one, _),
        ):
            if bodies:
                put(one, *alerts)
                await journal.until("commit 3")
            else:
                put(one, alerts[0], first=0)
                put(one, alerts[2], first=2)
                await journal.until("commit 3")
        bodies.append(receiver.accepted[0])
    assert bodies[0].id == bodies[1].id
    assert bodies[0].body == bodies[1].body
    assert bodies[0].payload["data"]["alerts"][0]["acknowledged_by"] == "ada"
    assert told(receiver.accepted) == [["alert-0", "alert-2"], ["alert-1"]]


async def test_what_is_silenced_is_not_sent_and_its_outcome_is_written() -> None:
    journal, before = Journal(), silenced_so_far()
    begins = fires(0)
    async with receiving(SECRET) as receiver, lane(receiver, journal, LASTING) as (one, _):
        put(one, begins, fires(1, rule="other"), resolves(2, begins))
        await journal.until("commit 3")
    assert told(receiver.requests) == [["alert-1"]]
    assert silenced_so_far() == before + 2
    firing, _, resolved, begun = journal.outcomes
    assert (firing.delivered, firing.reason, firing.attempts) == (False, "silenced: s-1", 0)
    assert (firing.silence, firing.place) == ("s-1", AlertPlace(3, 0))
    # Its end makes it final: neither is ever told.
    assert (resolved.id, resolved.reason) == (notification_id("desk", ["alert-2"]), firing.reason)
    assert resolved.place is None
    assert (begun.id, begun.place) == (firing.id, None)


async def test_when_a_silence_is_ended_what_fires_still_is_told() -> None:
    journal, begins = Journal(), fires(0)
    async with receiving(SECRET) as receiver, lane(receiver, journal, LASTING) as (one, board):
        put(one, begins)
        await journal.until("commit 1")
        assert receiver.requests == []
        board.apply(msgspec.structs.replace(LASTING, expired=Expiry("bo", NOW)))
        one.hear()
        await receiver.until(lambda r: len(r.accepted) == 1)
        put(one, resolves(1, begins), first=1)
        await journal.until("commit 2")
    assert told(receiver.requests) == [["alert-0"], ["alert-1"]]
    assert receiver.requests[0].payload["data"]["silenced_by"] == "s-1"
    assert outcomes(journal)[single(begins)].delivered


async def test_when_a_silence_ends_by_itself_what_fires_still_is_told() -> None:
    ends_soon = silence("s-2", 0, time.time_ns() // 1_000_000 + 500)
    journal = Journal()
    async with receiving(SECRET) as receiver, lane(receiver, journal, ends_soon) as (one, _):
        put(one, fires(0))
        await receiver.until(lambda r: len(r.accepted) == 1)
    assert [each.delivered for each in journal.outcomes] == [False, True]


@pytest.mark.parametrize("said", [LASTING, OVER], ids=["lasts", "is over"])
async def test_an_alert_kept_back_by_an_earlier_owner(said: Silence) -> None:
    begins, journal = fires(0), Journal()
    held = Item(begins, AlertPlace(3, 0), 0, silenced_by=said.id)
    options: dict[str, Any] = {"first_offset": 1, "held": [held]}
    async with receiving(SECRET) as receiver, lane(receiver, journal, said, **options) as (one, _):
        if said is OVER:
            await receiver.until(lambda r: len(r.accepted) == 1)
        put(one, resolves(1, begins), first=1)
        await journal.until("commit 2")
    assert told(receiver.requests) == ([["alert-0"], ["alert-1"]] if said is OVER else [])


async def test_a_crash_between_the_outcomes_of_an_end_and_of_its_beginning() -> None:
    begins = fires(0)
    ends = resolves(1, begins)
    journal = Journal(ended={single(ends)})
    held = Item(begins, AlertPlace(3, 0), 0, silenced_by="s-1")
    options: dict[str, Any] = {"first_offset": 1, "held": [held]}
    async with receiving(SECRET) as receiver, lane(receiver, journal, LASTING, **options) as (
        one, _,
    ):  # fmt: skip
        put(one, ends, first=1)
        await journal.until("commit 2")
    assert receiver.requests == []
    assert [(each.id, each.place) for each in journal.outcomes] == [(single(begins), None)]


async def test_an_acknowledged_episode_says_so_in_what_is_told_of_it_later() -> None:
    begins = fires(0)
    journal = Journal()
    async with receiving(SECRET) as receiver, lane(receiver, journal) as (one, board):
        put(one, begins)
        await journal.until("commit 1")
        board.apply(ack(begins, until=NOW + FOR_EVER))
        assert board.acknowledged(NOW) == 1
        put(one, resolves(1, begins), fires(2, started_at=7), first=1)
        await journal.until("commit 3")
        assert board.acknowledged(NOW) == 0
    first, ends, other = (delivery.payload["data"] for delivery in receiver.accepted)
    assert ends["acknowledged_by"] == "ada"
    assert "acknowledged_by" not in first
    assert "acknowledged_by" not in other


async def test_closing_while_a_group_waits_sends_and_commits_nothing() -> None:
    journal = Journal()
    policy = GroupPolicy(wait_seconds=60)
    async with receiving(SECRET) as receiver, lane(receiver, journal, policy=policy) as (one, _):
        put(one, fires(0), fires(1, key="macro"))
        await asyncio.sleep(0)
    assert receiver.requests == []
    assert journal.lines == []
