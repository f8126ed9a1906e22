"""What NOTIFY does with one partition's alerts; with a broker, see tests/integration."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import msgspec
import pytest

from monitor import metrics
from monitor.delivery.lane import Lane
from monitor.delivery.ledger import AlertRecord
from monitor.delivery.sender import sending
from monitor.delivery.webhook import new_secret, notification_id
from monitor.health import Health
from monitor.notify import Notify
from monitor.receiver import Delivery, LocalReceiver, receiving
from monitor.records import AlertEvent, Outcome, Queued, encode
from monitor.settings import NotifySettings, Settings
from tests.delivery.alerts import alert

SECRET = new_secret()
PATIENT = NotifySettings(
    timeout_seconds=20, give_up_after_seconds=60, backoff_seconds=0.01, max_backoff_seconds=0.02
)


def record(offset: int, value: bytes | AlertEvent, *, caught_up: bool = True) -> AlertRecord:
    body = value if isinstance(value, bytes) else encode(value)
    now = asyncio.get_running_loop().time()
    return AlertRecord("newsurge.alerts", 3, offset, body, caught_up, now)


class Journal:
    """A ledger that notes everything, together with commits and requests, in one order."""

    def __init__(self, ended: set[str] | None = None) -> None:
        self.ended = ended or set()
        self.left: dict[str, Queued] = {}
        self.lines: list[str] = []
        self.outcomes: list[Outcome] = []
        self.changed = asyncio.Condition()

    def has_ended(self, identity: str) -> bool:
        return identity in self.ended

    def queued(self, identity: str) -> Queued | None:
        return self.left.get(identity)

    async def queue(self, record: Queued) -> None:
        await self.note(f"queued {' '.join(record.alerts)}")

    async def end(self, record: Outcome) -> None:
        self.outcomes.append(record)
        await self.note("ended")

    async def commit(self, offset: int) -> None:
        await self.note(f"commit {offset}")

    async def note(self, line: str) -> None:
        self.lines.append(line)
        async with self.changed:
            self.changed.notify_all()

    async def until(self, line: str) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: line in self.lines)


@contextlib.asynccontextmanager
async def lane(
    receiver: LocalReceiver, journal: Journal, first_offset: int = 0
) -> AsyncIterator[Lane]:
    async with sending(receiver.target("desk"), PATIENT) as sender:
        lane = Lane("desk", sender, journal, journal.commit, first_offset)
        lane.start()
        try:
            yield lane
        finally:
            await lane.close(20)


def numbers(deliveries: list[Delivery]) -> list[str]:
    return [one.payload["data"]["id"] for one in deliveries]


async def test_queued_then_sent_then_ended_then_committed() -> None:
    journal = Journal()

    async def respond(delivery: Delivery) -> int:
        await journal.note(f"sent {delivery.payload['data']['id']}")
        return 204

    async with receiving(SECRET, respond) as receiver, lane(receiver, journal) as one:
        one.put(record(0, alert(0)))
        one.put(record(1, alert(1)))
        await journal.until("commit 2")
    assert journal.lines == [
        *("queued alert-0", "sent alert-0", "ended", "commit 1"),
        *("queued alert-1", "sent alert-1", "ended", "commit 2"),
    ]
    outcome = journal.outcomes[0]
    assert outcome.id == notification_id("desk", ["alert-0"]) == receiver.accepted[0].id
    assert (outcome.receiver, outcome.delivered, outcome.attempts) == ("desk", True, 1)


async def test_only_alerts_of_the_severities_that_it_asks_for_are_sent() -> None:
    journal = Journal()
    info, critical = (
        msgspec.structs.replace(alert(number), severity=severity)
        for number, severity in enumerate(("info", "critical"))
    )
    async with (
        receiving(SECRET) as receiver,
        sending(receiver.target("desk"), PATIENT) as sender,
    ):
        lane = Lane("desk", sender, journal, journal.commit, 0, severities=("warning", "critical"))
        lane.start()
        lane.put(record(0, info))
        lane.put(record(1, critical))
        await journal.until("commit 2")
        await lane.close(20)
    assert numbers(receiver.accepted) == ["alert-1"]


async def test_order_is_kept_while_a_try_fails() -> None:
    statuses = iter([503, 204, 503, 503, 204, 204])

    async def respond(_: Delivery) -> int:
        return next(statuses)

    journal = Journal()
    async with receiving(SECRET, respond) as receiver, lane(receiver, journal) as one:
        for number in range(3):
            one.put(record(number, alert(number)))
        await journal.until("commit 3")
    assert numbers(receiver.accepted) == ["alert-0", "alert-1", "alert-2"]
    assert [each.attempts for each in journal.outcomes] == [2, 3, 1]


async def test_only_alerts_that_name_the_receiver_or_nobody() -> None:
    journal = Journal()
    async with receiving(SECRET) as receiver, lane(receiver, journal) as one:
        named = [(), ("desk",), ("risk",), ("risk", "desk"), ("desks",)]
        for number, receivers in enumerate(named):
            one.put(record(number, alert(number, receivers)))
        await journal.until("commit 5")
    assert numbers(receiver.accepted) == ["alert-0", "alert-1", "alert-3"]
    # The run of others is committed once, at its end.
    assert [line for line in journal.lines if line.startswith("commit")] == [
        *("commit 1", "commit 2", "commit 4", "commit 5"),
    ]


async def test_what_has_ended_is_not_sent_again() -> None:
    journal = Journal(ended={notification_id("desk", ["alert-0"])})
    async with receiving(SECRET) as receiver, lane(receiver, journal) as one:
        one.put(record(0, alert(0)))
        one.put(record(1, alert(1)))
        await journal.until("commit 2")
    assert numbers(receiver.requests) == ["alert-1"]


async def test_records_before_the_position_are_left_out() -> None:
    journal = Journal()
    async with receiving(SECRET) as receiver, lane(receiver, journal, first_offset=5) as one:
        for offset in (3, 4, 5, 5, 6):
            one.put(record(offset, alert(offset)))
        await journal.until("commit 7")
    assert numbers(receiver.requests) == ["alert-5", "alert-6"]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        encode(alert(1)).replace(b"1700000000001", b"1700000000000000000"),
    ],
    ids=["empty", "bytes", "no fields", "deep", "year 50000"],
)
async def test_a_malformed_record_is_logged_counted_and_skipped(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = malformed()
    journal = Journal()
    async with receiving(SECRET) as receiver, lane(receiver, journal) as one:
        one.put(record(7, value))
        one.put(record(8, alert(8)))
        await journal.until("commit 9")
    assert numbers(receiver.requests) == ["alert-8"]
    (line,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "newsurge.alerts partition 3 offset 7 is not an alert" in line.getMessage()
    assert {"stream": "newsurge.alerts", "partition": 3, "offset": 7}.items() <= vars(line).items()
    assert malformed() == before + 1


def malformed() -> float:
    name = "newsurge_malformed_alerts_total"
    return metrics.REGISTRY.get_sample_value(name, {"receiver": "desk"}) or 0.0


async def test_an_alert_from_a_backlog_says_so() -> None:
    journal = Journal()
    async with receiving(SECRET) as receiver, lane(receiver, journal) as one:
        one.put(record(0, alert(0), caught_up=False))
        one.put(record(1, alert(1)))
        await journal.until("commit 2")
    backlog, live = (delivery.payload["data"] for delivery in receiver.accepted)
    assert backlog["caught_up"] is False
    assert "caught_up" not in live


async def test_what_is_given_up_is_written_logged_and_passed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuse(_: Delivery) -> int:
        return 400

    journal = Journal()
    async with receiving(SECRET, refuse) as receiver, lane(receiver, journal) as one:
        one.put(record(0, alert(0)))
        one.put(record(1, alert(1)))
        await journal.until("commit 2")
    assert [(each.delivered, each.reason) for each in journal.outcomes] == [
        (False, "permanent_status: HTTP 400"),
        (False, "permanent_status: HTTP 400"),
    ]
    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 2
    assert "'alert-0' was given up for receiver desk after 1 tries" in errors[0]


async def test_closing_between_tries_commits_nothing() -> None:
    async def refuse(_: Delivery) -> int:
        return 503

    journal = Journal()
    async with receiving(SECRET, refuse) as receiver, lane(receiver, journal) as one:
        one.put(record(0, alert(0)))
        one.put(record(1, alert(1)))
        await receiver.until(lambda r: len(r.requests) >= 2)
    assert journal.lines == ["queued alert-0"]


async def test_closing_lets_the_try_under_way_finish() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Delivery) -> int:
        begun.set()
        await go_on.wait()
        return 204

    journal = Journal()
    async with receiving(SECRET, slow) as receiver, lane(receiver, journal) as one:
        one.put(record(0, alert(0)))
        one.put(record(1, alert(1)))
        await begun.wait()
        closing = asyncio.create_task(one.close(20))
        await asyncio.sleep(0)
        go_on.set()
        await closing
    assert journal.lines == ["queued alert-0", "ended", "commit 1"]
    assert numbers(receiver.accepted) == ["alert-0"]


async def test_closing_breaks_off_a_try_that_hangs() -> None:
    async def hang(_: Delivery) -> int:
        await asyncio.Event().wait()
        return 204

    journal = Journal()
    async with receiving(SECRET, hang) as receiver, lane(receiver, journal) as one:
        one.put(record(0, alert(0)))
        await receiver.until(lambda r: len(r.requests) == 1)
        await one.close(0.01)
    assert journal.lines == ["queued alert-0"]


async def test_a_lane_that_fails_says_so() -> None:
    class Broken(Journal):
        async def queue(self, record: Queued) -> None:
            await self.note("failed")
            raise ConnectionError(f"no broker for {record.id}")

    journal = Broken()
    async with receiving(SECRET) as receiver, sending(receiver.target("desk"), PATIENT) as sender:
        one = Lane("desk", sender, journal, journal.commit, 0)
        one.start()
        one.check()
        one.put(record(0, alert(0)))
        await journal.until("failed")
        with pytest.raises(ConnectionError):
            await one.close(20)
        with pytest.raises(ConnectionError):
            one.check()
    assert receiver.requests == []


async def test_without_receivers_it_is_ready_and_idle() -> None:
    health, stop = Health(), asyncio.Event()
    role = Notify(Settings(), [], health)
    assert health.report() == {"notify": "starting"}
    running = asyncio.create_task(role.run(stop))
    await asyncio.sleep(0)
    assert health.is_ready
    assert not running.done()
    stop.set()
    await running
