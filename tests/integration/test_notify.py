"""NOTIFY between a real broker and real HTTP receivers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from monitor.delivery.lane import Lane
from monitor.delivery.ledger import AlertRecord
from monitor.delivery.receivers import WebhookTarget
from monitor.delivery.webhook import new_secret, notification_id
from monitor.errors import StreamError
from monitor.health import Health
from monitor.notify import Notify
from monitor.receiver import Delivery, LocalReceiver, receiving
from monitor.records import Notification, Outcome, Queued, decode_notification, encode
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import producer, started
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment
from tests.delivery.alerts import alert

SECRET = new_secret()
PATIENT = {
    "timeout_seconds": 30,
    "give_up_after_seconds": 120,
    "backoff_seconds": 0.02,
    "max_backoff_seconds": 0.05,
}


async def accept(_: Delivery) -> int:
    return 204


async def refuse(_: Delivery) -> int:
    return 503


class Desk:
    """A deployment with its streams, and what a test does to it."""

    def __init__(self, settings: Settings, client: AIOKafkaProducer) -> None:
        self.settings = settings
        self._client = client

    async def raise_alert(
        self, number: int, partition: int = 0, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        await self.write("alerts", encode(alert(number)), partition, headers)

    async def write(
        self,
        stream: str,
        value: bytes,
        partition: int = 0,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        name = f"{self.settings.streams.prefix}{stream}"
        await self._client.send_and_wait(name, value, partition=partition, headers=list(headers))

    async def notifications(self) -> list[Notification]:
        return [
            decode_notification(record.value)
            async for record in read_all(self.settings, "notifications")
        ]

    async def outcomes(self) -> dict[str, Outcome]:
        return {each.id: each for each in await self.notifications() if isinstance(each, Outcome)}

    @contextlib.asynccontextmanager
    async def notifying(self, *targets: WebhookTarget) -> AsyncIterator[None]:
        """Play the role, from ready until drained; a role that dies fails the test."""
        ready, stop = asyncio.Event(), asyncio.Event()
        health = Health(lambda: ready.set() if health.is_ready else ready.clear())
        role = asyncio.create_task(Notify(self.settings, targets, health).run(stop))
        waiting = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait([role, waiting], return_when=asyncio.FIRST_COMPLETED)
            if not role.done():
                yield
        finally:
            waiting.cancel()
            stop.set()
            await role


@pytest.fixture
async def desk(broker: Broker, deployment: Deployment) -> AsyncIterator[Desk]:
    async with _desk(deployment(broker, notify=PATIENT)) as desk:
        yield desk


@contextlib.asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[Desk]:
    await ensure_streams(settings)
    async with started(producer(settings), settings) as client:
        yield Desk(settings, client)


def numbers(deliveries: list[Delivery]) -> list[int]:
    return [int(one.payload["data"]["id"].removeprefix("alert-")) for one in deliveries]


async def has(receiver: LocalReceiver, *expected: int) -> None:
    await receiver.until(lambda r: set(expected) <= set(numbers(r.accepted)))


async def test_an_alert_is_queued_delivered_and_its_outcome_written(desk: Desk) -> None:
    async with receiving(SECRET) as receiver, desk.notifying(receiver.target("desk")):
        await desk.raise_alert(1, headers=(("caught-up", b"0"),))
        await has(receiver, 1)
    (delivery,) = receiver.requests
    identity = notification_id("desk", ["alert-1"])
    assert delivery.id == identity
    assert delivery.payload["data"]["caught_up"] is False
    queued, outcome = await desk.notifications()
    assert isinstance(queued, Queued)
    assert (queued.id, queued.receiver, queued.alerts) == (identity, "desk", ("alert-1",))
    assert isinstance(outcome, Outcome)
    assert (outcome.id, outcome.delivered, outcome.attempts) == (identity, True, 1)


async def test_a_dead_receiver_neither_delays_nor_repeats_another(desk: Desk) -> None:
    async with (
        receiving(SECRET) as well,
        receiving(SECRET, refuse) as dead,
        desk.notifying(dead.target("dead"), well.target("well")),
    ):
        for number in range(5):
            await desk.raise_alert(number)
        await has(well, *range(5))
        await dead.until(lambda r: len(r.requests) >= 3)
    assert numbers(well.requests) == [0, 1, 2, 3, 4]
    assert set(numbers(dead.requests)) == {0}
    assert {each.receiver for each in (await desk.outcomes()).values()} == {"well"}


async def test_a_restart_between_tries_repeats_only_the_same_id(desk: Desk) -> None:
    async with receiving(SECRET, refuse) as receiver, desk.notifying(receiver.target("desk")):
        await desk.raise_alert(1)
        await receiver.until(lambda r: len(r.requests) >= 2)
    assert await desk.outcomes() == {}
    before = receiver.requests

    async with receiving(SECRET) as receiver, desk.notifying(receiver.target("desk")):
        await desk.raise_alert(2)
        await has(receiver, 1, 2)
    assert numbers(receiver.requests) == [1, 2]
    assert {one.id for one in before} == {receiver.requests[0].id}
    assert {one.body for one in before} == {receiver.requests[0].body}

    async with receiving(SECRET) as receiver, desk.notifying(receiver.target("desk")):
        await desk.raise_alert(3)
        await has(receiver, 3)
    assert numbers(receiver.requests) == [3]


async def test_a_new_receiver_starts_at_the_end_and_stays_there(desk: Desk) -> None:
    await desk.raise_alert(1)
    async with receiving(SECRET) as receiver, desk.notifying(receiver.target("desk")):
        await desk.raise_alert(2)
        await has(receiver, 2)
    assert numbers(receiver.requests) == [2]

    # A second one is stopped before its first alert: what comes while it is away is its own.
    async with receiving(SECRET) as receiver:
        async with desk.notifying(receiver.target("late")):
            pass
        await desk.raise_alert(3)
        async with desk.notifying(receiver.target("late")):
            await has(receiver, 3)
    assert numbers(receiver.requests) == [3]


async def test_a_crash_between_outcome_and_commit_sends_nothing_again(desk: Desk) -> None:
    async with receiving(SECRET) as receiver:
        async with desk.notifying(receiver.target("desk")):
            pass
        ended = Outcome(notification_id("desk", ["alert-1"]), "desk", True, 1, 0)
        await desk.write("notifications", encode(ended))
        await desk.write("notifications", b"\xff not a notification")
        await desk.raise_alert(1)
        await desk.raise_alert(2)
        async with desk.notifying(receiver.target("desk")):
            await has(receiver, 2)
    assert numbers(receiver.requests) == [2]


async def test_what_is_no_alert_is_passed(desk: Desk) -> None:
    async with receiving(SECRET) as receiver, desk.notifying(receiver.target("desk")):
        await desk.write("alerts", b"\xff\xfe")
        await desk.write("alerts", b'{"id": 3}')
        await desk.raise_alert(1)
        await has(receiver, 1)
    assert numbers(receiver.requests) == [1]


async def test_a_long_backlog_is_held_back_alone_and_then_worked_off_in_order(
    broker: Broker, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = {"partitions": {"news": 1, "scored": 1, "alerts": 2}}
    released, backlogs = asyncio.Event(), []
    put = Lane.put

    def noting(lane: Lane, record: AlertRecord) -> None:
        put(lane, record)
        backlogs.append(lane.backlog)

    async def respond(delivery: Delivery) -> int:
        if numbers([delivery]) != [1000]:
            await released.wait()
        return 204

    monkeypatch.setattr(Lane, "put", noting)
    settings = deployment(broker, notify=PATIENT, streams=streams)
    async with (
        _desk(settings) as desk,
        receiving(SECRET, respond) as receiver,
        desk.notifying(receiver.target("desk")),
    ):
        for number in range(500):
            await desk.raise_alert(number, partition=0)
        # It comes last and through the same consumer, so it shows that the others were on offer.
        await desk.raise_alert(1000, partition=1)
        await has(receiver, 1000)
        assert 100 <= max(backlogs) <= 200
        released.set()
        await has(receiver, 499)
    assert sorted(numbers(receiver.requests)) == [*range(500), 1000]
    assert [number for number in numbers(receiver.requests) if number < 1000] == [*range(500)]


@pytest.mark.kafka
async def test_processes_share_partitions_and_lose_nothing_when_one_comes_and_goes(
    kafka: Broker, deployment: Deployment
) -> None:
    settings = deployment(
        kafka, notify=PATIENT, streams={"partitions": {"news": 1, "scored": 1, "alerts": 2}}
    )
    failing = [True]

    async def respond(_: Delivery) -> int:
        return 503 if failing[0] else 204

    async with _desk(settings) as desk, receiving(SECRET, respond) as receiver:
        target = receiver.target("desk")

        async def raise_alerts(first: int) -> None:
            for number in range(first, first + 10):
                await desk.raise_alert(number, partition=number % 2)

        async with desk.notifying(target):
            await raise_alerts(0)
            await receiver.until(lambda r: set(numbers(r.requests)) == {0, 1})
            for number in (8, 9):
                # As if another process had ended these, and lost its partition before the commit.
                ended = Outcome(notification_id("desk", [f"alert-{number}"]), "desk", True, 1, 0)
                await desk.write("notifications", encode(ended))
            async with desk.notifying(target):
                # Both owners of a moved partition try the same ids, and nothing else.
                seen = len(receiver.requests)
                await receiver.until(lambda r: len(r.requests) > seen + 4)
                assert set(numbers(receiver.requests)) == {0, 1}
                failing[0] = False
                await raise_alerts(10)
                await has(receiver, 0, 19, 18)
            await raise_alerts(20)
            await has(receiver, *range(8), *range(10, 30))
        outcomes = await desk.outcomes()
    assert not {8, 9} & set(numbers(receiver.requests))
    accepted = list(dict.fromkeys(numbers(receiver.accepted)))
    for partition in (0, 1):
        mine = [number for number in accepted if number % 2 == partition]
        assert mine == sorted(mine)
    assert set(outcomes) == {notification_id("desk", [f"alert-{n}"]) for n in range(30)}
    assert all(each.delivered for each in outcomes.values())


async def test_a_stream_that_is_missing_is_one_clear_line(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    target = WebhookTarget("desk", "http://127.0.0.1:9/", SECRET)
    with pytest.raises(StreamError, match=stream_name(settings, "desk")):
        await Notify(settings, [target], Health()).run(asyncio.Event())
