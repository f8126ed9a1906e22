"""Roles are kept running through what passes, and end the process with what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from monitor import metrics, supervision
from monitor.errors import BrokerAwayError, StreamError
from monitor.health import Health, Loop
from monitor.settings import KafkaSettings, Settings
from monitor.supervision import BROKER, Supervisor, Watchdog

Run = Callable[[asyncio.Event], Awaitable[None]]
# Shorter than any setting may be, so that nothing is waited for.
SETTINGS = Settings(kafka=KafkaSettings().model_copy(update={"stall_timeout_seconds": 0.05}))


class Player:
    """A role that plays one given act after the other, each as a run."""

    def __init__(self, *acts: Run) -> None:
        self.runs = 0
        self._acts = acts

    async def run(self, stop: asyncio.Event) -> None:
        self.runs += 1
        await self._acts[self.runs - 1](stop)


class Broker:
    """Stands for `ask_broker`: says that the broker answers, or not, when it is told to."""

    def __init__(self) -> None:
        self.tell: Callable[[str | None], None] = lambda _: None

    async def __call__(self, _: Settings, tell: Callable[[str | None], None]) -> None:
        self.tell = tell
        tell(None)
        await asyncio.Event().wait()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    monkeypatch.setattr(supervision, "ask_broker", broker)
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(supervision, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(supervision, "_DRAIN_WITHOUT_BROKER_SECONDS", 0.0)
    return broker


async def until_told(stop: asyncio.Event) -> None:
    await stop.wait()


async def for_ever(_: asyncio.Event) -> None:
    await asyncio.Event().wait()


def fails_of(error: Exception) -> Run:
    async def act(_: asyncio.Event) -> None:
        raise error

    return act


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


def restarts(role: str, reason: str) -> float:
    told: float = metrics.role_restarts_total.labels(role, reason)._value.get()
    return told


async def test_a_role_that_fails_of_what_passes_runs_again_and_says_so(broker: Broker) -> None:
    del broker
    told: list[str] = []
    health = Health(lambda: told.append(health.report().get("watch", "")))
    stop, before = asyncio.Event(), restarts("watch", "broker")

    async def works(stop: asyncio.Event) -> None:
        health.ready("watch")
        await stop.wait()

    group = ExceptionGroup("steps", [KafkaConnectionError("reset by peer")])
    role = Player(fails_of(group), fails_of(BrokerAwayError("no broker answers")), works)
    life = asyncio.create_task(Supervisor(SETTINGS, health, stop).run({"watch": role}))
    await until(lambda: role.runs == 3)
    stop.set()
    await life
    assert [each for each in told if "begins anew" in each] == [
        "KafkaConnectionError: reset by peer; begins anew",
        "no broker answers; begins anew",
    ]
    assert health.report()["watch"] == "ready"
    assert restarts("watch", "broker") == before + 2


@pytest.mark.parametrize(
    "error",
    [
        StreamError("stream news does not exist"),
        TopicAuthorizationFailedError("news"),
        ZeroDivisionError("a bug"),
    ],
)
async def test_what_a_user_must_mend_ends_all_roles(broker: Broker, error: Exception) -> None:
    del broker
    failing, other = Player(fails_of(error)), Player(for_ever)
    with pytest.raises(type(error)) as raised:
        await Supervisor(SETTINGS, Health(), asyncio.Event()).run(
            {"score": failing, "notify": other}
        )
    assert raised.value is error
    assert (failing.runs, other.runs) == (1, 1)


async def test_the_pause_before_the_next_try_ends_with_the_process(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    del broker
    monkeypatch.setattr(supervision, "_FIRST_PAUSE_SECONDS", 10_000.0)
    stop, health = asyncio.Event(), Health()
    role = Player(fails_of(TimeoutError()))
    life = asyncio.create_task(Supervisor(SETTINGS, health, stop).run({"score": role}))
    await until(lambda: "begins anew" in health.report().get("score", ""))
    stop.set()
    await life
    assert role.runs == 1


async def test_the_next_try_waits_for_the_broker(broker: Broker) -> None:
    stop, health = asyncio.Event(), Health()

    async def fails_with_the_broker(_: asyncio.Event) -> None:
        broker.tell("away")
        raise TimeoutError

    role = Player(fails_with_the_broker, until_told)
    life = asyncio.create_task(Supervisor(SETTINGS, health, stop).run({"score": role}))
    await until(lambda: "begins anew" in health.report().get("score", ""))
    await asyncio.sleep(0.05)  # many pauses and looks
    assert role.runs == 1
    assert health.report()[BROKER] == "away"
    broker.tell(None)
    await until(lambda: role.runs == 2)
    stop.set()
    await life


async def test_a_role_that_stands_still_is_ended_and_begun_anew(broker: Broker) -> None:
    stop, health = asyncio.Event(), Health()
    ended, before = [], restarts("watch", "stalled")

    async def hangs(_: asyncio.Event) -> None:
        health.turned("watch", "group", 1)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def turns(stop: asyncio.Event) -> None:
        while not stop.is_set():
            health.turned("watch", "group", 1)
            await asyncio.sleep(0.005)

    role = Player(hangs, turns)
    life = asyncio.create_task(Supervisor(SETTINGS, health, stop).run({"watch": role}))
    await until(lambda: role.runs == 1)
    broker.tell("away")
    await asyncio.sleep(0.2)  # four times the patience
    assert role.runs == 1, "waiting for the broker is no fault of the role"
    broker.tell(None)
    await until(lambda: role.runs == 2)
    await asyncio.sleep(0.2)
    stop.set()
    await life
    assert ended == [True]
    assert role.runs == 2
    assert restarts("watch", "stalled") == before + 1


@pytest.mark.parametrize(("nobody_reads", "runs"), [({1}, 2), (set(), 1)])
async def test_a_member_without_partitions_is_begun_anew_if_nobody_has_them(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, nobody_reads: set[int], runs: int
) -> None:
    del broker
    asked = []

    async def unowned(_: Settings, group: str, stream: str) -> set[int]:
        asked.append((group, stream))
        return nobody_reads if len(asked) == 1 else set()

    monkeypatch.setattr(supervision, "unowned", unowned)
    stop, health = asyncio.Event(), Health()

    async def idles(stop: asyncio.Event) -> None:
        while not stop.is_set():
            health.turned("notify", "group.desk", 0)
            await asyncio.sleep(0.005)

    role = Player(idles, idles)
    life = asyncio.create_task(Supervisor(SETTINGS, health, stop).run({"notify": role}))
    await until(lambda: len(asked) >= 3)
    stop.set()
    await life
    assert role.runs == runs
    assert set(asked) == {("group.desk", "alerts")}


async def test_a_drain_into_a_broker_that_is_away_is_cut_off(broker: Broker) -> None:
    stop, health = asyncio.Event(), Health()
    role = Player(for_ever)
    life = asyncio.create_task(Supervisor(SETTINGS, health, stop).run({"score": role}))
    await until(lambda: role.runs == 1)
    stop.set()
    await asyncio.sleep(0.05)
    assert not life.done(), "while the broker answers, a drain may take its time"
    broker.tell("away")
    async with asyncio.timeout(30):
        await life


def looked(dog: Watchdog, *turns: int, partitions: int = 1) -> str | None:
    for each in turns:
        dog.look({"loop": Loop(each, partitions)})
    return dog.still


def test_a_loop_stands_still_after_so_many_looks_without_a_turn() -> None:
    #   look:                 first   2 still   moved   2 still   3 still
    assert looked(Watchdog(3), 5, 5, 5) is None
    assert looked(Watchdog(3), 5, 5, 5, 6, 6, 6) is None
    assert looked(Watchdog(3), 5, 5, 5, 6, 6, 6, 6) == "loop"


def test_an_excuse_begins_the_count_anew() -> None:
    dog = Watchdog(2)
    assert looked(dog, 1, 1) is None
    dog.excuse()
    assert looked(dog, 1) is None
    assert looked(dog, 1) == "loop"


def test_a_loop_without_partitions_is_told_once_in_its_patience() -> None:
    dog, told = Watchdog(3), []
    for turn in range(9):
        looked(dog, turn, partitions=0)
        told.append(dog.idle())
    assert told == [None, None, "loop"] * 3
    looked(dog, 10, partitions=2)
    assert looked(dog, 11, 12, partitions=0) is None
    assert dog.idle() is None
