"""Processes of every role are killed at random under load, and all that is told stays true."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import web

from monitor.audit.auditing import Audit, audit
from monitor.delivery.webhook import new_secret
from monitor.receiver import Delivery, receiving
from monitor.records import AlertEvent
from monitor.settings import ROLES, Role
from monitor.watch_plan import deployed_plan
from tests.conftest import Broker, Deployment
from tests.integration.daemons import alerts
from tests.integration.load import Load
from tests.integration.processes import RECEIVER, Fleet, fleet

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.faults, pytest.mark.kafka]
KILLS = 54
RATE = 80
MEAN_SECONDS_BETWEEN_KILLS = 2.5


class Moody:
    """A receiver's answers: mostly yes, sometimes not now, sometimes after a while."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    async def __call__(self, _: Delivery) -> web.Response | int:
        mood = self._random.random()
        if mood < 0.3:
            await asyncio.sleep(mood)
        return 503 if mood < 0.15 else 204


async def test_processes_of_every_role_are_killed_at_random(
    kafka: Broker, deployment: Deployment, tmp_path: Path, bundle: Path
) -> None:
    seed = time.time_ns() % 1_000_000
    log.info("seed %d", seed)
    secret = new_secret()
    async with (
        receiving(secret, Moody(seed)) as receiver,
        fleet(tmp_path, deployment, kafka, bundle, receiver.url, secret) as processes,
    ):
        for role in ROLES:
            for number in (1, 2):
                await processes.start(f"{role}-{number}", role)
        await processes.ready(*processes.processes.values())
        load, stop = Load(processes.settings, RATE, seed), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(stop))
            await kill_at_random(processes, random.Random(seed))
            stop.set()
        await processes.drain()
        found = await audit(processes.settings, deployed_plan(processes.settings))
        told = await alerts(processes.settings)
    assert found.faults == []
    all_is_accounted_for(found, load)
    all_has_come_and_gone(told)
    was_received(told, receiver.requests)
    assert receiver.bad_signatures == 0


async def kill_at_random(processes: Fleet, rng: random.Random) -> None:
    """Kill processes, as many of each role, at moments that come from the seed."""
    roles: list[Role] = [ROLES[number % len(ROLES)] for number in range(KILLS)]
    rng.shuffle(roles)
    for role in roles:
        await asyncio.sleep(rng.expovariate(1 / MEAN_SECONDS_BETWEEN_KILLS))
        victim = rng.choice(processes.of(role))
        await processes.kill(victim)
        await processes.start(victim.name)


def all_is_accounted_for(found: Audit, load: Load) -> None:
    assert found.news.scored + found.news.dead == len(load.origins)
    assert found.news.dead > 0
    assert found.news.pending == found.news.gone == 0
    assert found.alerts.ids == found.alerts.due
    assert found.given_up[RECEIVER] == found.undelivered[RECEIVER] == 0


def all_has_come_and_gone(told: Sequence[AlertEvent]) -> None:
    """Every rule has fired and resolved, on each series in turn."""
    by_series: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for event in told:
        by_series[event.rule, str(event.series)].append(event.state)
    for states in by_series.values():
        assert states == (["firing", "resolved"] * len(states))[: len(states)]
    resolved = {event.rule for event in told if event.state == "resolved"}
    assert resolved == {"ManyNegative", "MostlyNegative", "NegativeSurge"}


def was_received(told: Sequence[AlertEvent], requests: Sequence[Delivery]) -> None:
    """The receiver has seen every alert id, and each id of a notification with one body only."""
    seen = {one.payload["data"]["id"] for one in requests}
    assert seen == {event.id for event in told}
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    for one in requests:
        bodies[one.id].add(one.body)
    assert [identity for identity, each in bodies.items() if len(each) > 1] == []
