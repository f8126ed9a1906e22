"""NOTIFY between a real broker and real receivers: silences, acknowledgements, groups."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest
import yaml

from monitor.delivery.grouping import GroupPolicy
from monitor.delivery.receivers import WebhookTarget
from monitor.delivery.webhook import new_secret, notification_id
from monitor.desk.records import Expiry
from monitor.desk.stream import find_alert, say
from monitor.receiver import Delivery, LocalReceiver, receiving
from monitor.records import AlertEvent, AlertPlace, Notification, Outcome, Queued, encode
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment
from tests.desk.desk import FOR_EVER, ack, fires, resolves, silence
from tests.integration.processes import fleet, until
from tests.integration.test_notify import PATIENT, SECRET, Desk, _desk

LASTING = silence("s-1", 0, FOR_EVER)


@pytest.fixture
async def desk(broker: Broker, deployment: Deployment) -> AsyncIterator[Desk]:
    async with _desk(deployment(broker, notify=PATIENT)) as desk:
        yield desk


async def tell(desk: Desk, *alerts: AlertEvent) -> None:
    for alert in alerts:
        await desk.write("alerts", encode(alert))


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    """Every alert id that was sent, in order."""
    found = [one.payload["data"] for one in deliveries]
    return [each for data in found for each in data.get("alert_ids", [data.get("id")])]


async def has(receiver: LocalReceiver, *expected: str) -> None:
    await receiver.until(lambda r: set(expected) <= set(ids(r.accepted)))


def grouping(receiver: LocalReceiver, wait_seconds: float) -> WebhookTarget:
    return replace(receiver.target("desk"), grouping=GroupPolicy(wait_seconds))


async def test_what_is_silenced_is_written_as_such_and_told_when_the_silence_is_ended(
    desk: Desk,
) -> None:
    await say(desk.settings, LASTING)
    async with started(producer(desk.settings), desk.settings) as client:
        name = stream_name(desk.settings, "desk")
        await client.send_and_wait(name, b"\xff no record of the desk", key=b"nonsense")
    begins, over = fires(1, key="a"), fires(2, key="b")
    async with receiving(SECRET) as receiver:
        async with desk.notifying(receiver.target("desk")):
            await tell(desk, begins, over, fires(3, rule="other"))
            await has(receiver, "alert-3")
        outcome = (await desk.outcomes())[notification_id("desk", ["alert-1"])]
        assert (outcome.delivered, outcome.reason) == (False, "silenced: s-1")
        # Another life of the process knows what was kept back, and what has ended since.
        async with desk.notifying(receiver.target("desk")):
            await tell(desk, resolves(4, over), fires(5, rule="other", key="c"))
            await has(receiver, "alert-5")
            now = time.time_ns() // 1_000_000
            await say(desk.settings, msgspec.structs.replace(LASTING, expired=Expiry("bo", now)))
            await has(receiver, "alert-1")
            await tell(desk, resolves(6, begins))
            await has(receiver, "alert-6")
        async with desk.notifying(receiver.target("desk")):
            await tell(desk, fires(7))
            await has(receiver, "alert-7")
    told = [f"alert-{number}" for number in (3, 5, 1, 6, 7)]
    assert ids(receiver.requests) == told
    delivered = {each.id for each in (await desk.outcomes()).values() if each.delivered}
    assert delivered == {notification_id("desk", [each]) for each in told}


@pytest.mark.parametrize("first", [0, 1])
async def test_what_was_told_in_a_group_is_kept_back_no_more_in_whichever_order_it_is_read(
    broker: Broker, deployment: Deployment, first: int
) -> None:
    # Partitions of the outbox are read in any order: what kept the alert back, and the end of the
    # group that told it at last, lie in different ones.
    kept = notification_id("desk", ["alert-1"])
    group = notification_id("desk", ["alert-1", "alert-2"])
    place = AlertPlace(0, 0)
    written: list[tuple[Notification, int]] = [
        (Outcome(kept, "desk", False, 0, 0, "silenced: s-1", "s-1", place), first),
        (Queued(group, "desk", ("alert-1", "alert-2"), 1, last_offset=1), 1 - first),
        (Outcome(group, "desk", True, 1, 2), 1 - first),
    ]
    streams = {"partitions": {"news": 1, "scored": 1, "alerts": 2}}
    async with _desk(deployment(broker, notify=PATIENT, streams=streams)) as desk:
        await tell(desk, fires(1, key="a"), fires(2, key="b"))
        for record, partition in written:
            await desk.write("notifications", encode(record), partition)
        async with receiving(SECRET) as receiver, desk.notifying(receiver.target("desk")):
            await tell(desk, fires(3, key="c"))
            await has(receiver, "alert-3")
    assert ids(receiver.requests) == ["alert-3"]


async def test_an_acknowledgement_is_known_before_anything_is_sent(desk: Desk) -> None:
    begins = fires(1)
    async with receiving(SECRET) as receiver:
        async with desk.notifying(receiver.target("desk")):
            await tell(desk, begins)
            await has(receiver, "alert-1")
        assert await find_alert(desk.settings, "alert-1") == (begins, AlertPlace(0, 0))
        assert await find_alert(desk.settings, "alert-") is None
        await say(desk.settings, ack(begins))
        await tell(desk, resolves(2, begins))
        async with desk.notifying(receiver.target("desk")):
            await has(receiver, "alert-2")
    assert receiver.requests[1].payload["data"]["acknowledged_by"] == "ada"


async def test_series_that_fire_together_are_one_webhook(desk: Desk) -> None:
    async with receiving(SECRET) as receiver, desk.notifying(grouping(receiver, 1)):
        await tell(desk, *(fires(number, key=str(number)) for number in range(5)))
        await has(receiver, "alert-4")
    (delivery,) = receiver.requests
    expected = [f"alert-{number}" for number in range(5)]
    assert delivery.payload["type"] == "alert.group"
    assert ids([delivery]) == expected
    (outcome,) = (await desk.outcomes()).values()
    assert (outcome.id, outcome.delivered) == (notification_id("desk", expected), True)


async def test_a_group_that_was_left_behind_is_the_same_again(desk: Desk) -> None:
    async def refuse(_: Delivery) -> int:
        return 503

    alerts = [fires(number, key=str(number)) for number in range(3)]
    async with receiving(SECRET, refuse) as before, desk.notifying(grouping(before, 1)):
        await tell(desk, *alerts)
        await before.until(lambda r: len(r.requests) >= 2)
    await tell(desk, *(fires(number, key=str(number)) for number in range(3, 5)))
    async with receiving(SECRET) as receiver, desk.notifying(grouping(receiver, 1)):
        await has(receiver, "alert-4")
    first, second = receiver.requests
    assert {one.id for one in before.requests} == {first.id}
    assert {one.body for one in before.requests} == {first.body}
    assert ids([first]) == ["alert-0", "alert-1", "alert-2"]
    assert ids([second]) == ["alert-3", "alert-4"]


async def test_what_a_group_told_is_not_told_again_alone(desk: Desk) -> None:
    # As if a process had ended between the outcome and the commit.
    alerts = [fires(number, key=str(number)) for number in range(2)]
    async with receiving(SECRET) as receiver:
        async with desk.notifying(grouping(receiver, 1)):
            await tell(desk, *alerts)
            await has(receiver, "alert-1")
        await tell(desk, *alerts, fires(2))
        async with desk.notifying(receiver.target("desk")):
            await has(receiver, "alert-2")
    assert ids(receiver.requests) == ["alert-0", "alert-1", "alert-2"]


@pytest.mark.faults
@pytest.mark.kafka
@pytest.mark.timeout(400)
async def test_notify_is_killed_at_random_and_every_alert_is_told_under_one_id(
    kafka: Broker, deployment: Deployment, tmp_path: Path, bundle: Path
) -> None:
    kills, rounds, series = 12, 40, 6
    rng, secret = random.Random(7), new_secret()

    async def moody(_: Delivery) -> int:
        await asyncio.sleep(rng.random() * 0.5)
        return 503 if rng.random() < 0.3 else 204

    async with (
        receiving(secret, moody) as receiver,
        fleet(tmp_path, deployment, kafka, bundle, receiver.url, secret) as processes,
    ):
        rules = yaml.safe_load((tmp_path / "alerts.yaml").read_text())
        rules["receivers"][0] |= {"group_wait": "1s", "group_by": ["rule"], "max_alerts": 3}
        (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(rules))
        quiet = silence("s-1", 0, FOR_EVER)
        await say(processes.settings, quiet)
        for name in ("notify-1", "notify-2"):
            await processes.start(name, "notify")
        await processes.ready(*processes.processes.values())

        alerts: list[AlertEvent] = []
        async with started(producer(processes.settings), processes.settings) as client:

            async def raise_alert(alert: AlertEvent) -> None:
                alerts.append(alert)
                name = stream_name(processes.settings, "alerts")
                key = f"{alert.rule}/{alert.series}".encode()
                await client.send_and_wait(name, encode(alert), key=key)

            async def load() -> None:
                for number in range(rounds):
                    # The rule bank-run is silenced: it fires once on each series.
                    rule = "bank-run" if number == 0 else f"rule-{number % 2}"
                    for each in range(series):
                        begins = fires(len(alerts), str(each), rule=rule, started_at=number)
                        await raise_alert(begins)
                        if number and rng.random() < 0.7:
                            await raise_alert(resolves(len(alerts), begins))
                    await asyncio.sleep(rng.random())

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(load())
                for _ in range(kills):
                    await asyncio.sleep(rng.expovariate(1 / 2))
                    victim = rng.choice(processes.of("notify"))
                    await processes.kill(victim)
                    await processes.start(victim.name)
        now = time.time_ns() // 1_000_000
        await say(processes.settings, msgspec.structs.replace(quiet, expired=Expiry("bo", now)))
        await until(partial(processes._has_committed_all, "notify"))
        await has_all(receiver, {each.id for each in alerts})
        await processes.ready(*processes.of("notify"))  # one may just have been started again
        await processes.stop(*processes.of("notify"))
    assert receiver.bad_signatures == 0
    one_body_for_an_id_and_one_id_for_an_alert(receiver.requests)
    in_order(alerts, receiver.accepted)
    groups = [one for one in receiver.accepted if one.payload["type"] == "alert.group"]
    assert any(one.payload["data"]["more"] > 0 for one in groups)


async def has_all(receiver: LocalReceiver, expected: set[str]) -> None:
    await receiver.until(lambda r: expected <= set(ids(r.accepted)), 90)


def one_body_for_an_id_and_one_id_for_an_alert(requests: Sequence[Delivery]) -> None:
    bodies, notifications = defaultdict[str, set[bytes]](set), defaultdict[str, set[str]](set)
    for one in requests:
        bodies[one.id].add(one.body)
        for alert in ids([one]):
            notifications[alert].add(one.id)
    assert [each for each, found in bodies.items() if len(found) > 1] == []
    assert [each for each, found in notifications.items() if len(found) > 1] == []


def in_order(alerts: Sequence[AlertEvent], accepted: Sequence[Delivery]) -> None:
    seen = {alert: number for number, alert in enumerate(dict.fromkeys(ids(accepted)))}
    by_series = defaultdict[tuple[str, str], list[int]](list)
    for alert in alerts:
        by_series[alert.rule, alert.series.key].append(seen[alert.id])
    assert all(places == sorted(places) for places in by_series.values())
