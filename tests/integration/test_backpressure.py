"""What is too slow holds back what comes before it: bounded, visible, and nothing is dropped."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from monitor import metrics
from monitor.delivery.lane import Lane
from monitor.delivery.ledger import AlertRecord
from monitor.delivery.webhook import new_secret
from monitor.model.bundle import Bundle
from monitor.model.judge import Judge, Judgement, PreparedItems
from monitor.model.poison import Failed
from monitor.model.runtime import load_scorer
from monitor.model.scorer import Prepared, Scorer, Scores
from monitor.receiver import Delivery, receiving
from monitor.records import NewsItem
from monitor.settings import ModelSettings, Settings
from tests.conftest import Broker, Deployment
from tests.integration.daemons import PATIENCE, accounted, publish, running, scored
from tests.integration.test_notify import PATIENT, _desk, has, numbers

pytestmark = pytest.mark.faults
CHUNK = 50
NEWS = 3_000
# A chunk is fetched, prepared, in the network or being written, and one waits before each of the
# last three steps; one more is held by the step that can't put it down.
CHUNKS_IN_HAND = 8


class SlowScorer:
    """The scorer; it stands still while `gate` is closed."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.gate = threading.Event()
        self.runtime = scorer.runtime
        self.reason = scorer.reason

    def prepare(self, texts: Sequence[str]) -> Prepared:
        return self._scorer.prepare(texts)

    def infer(self, prepared: Prepared) -> Scores:
        self.gate.wait()
        return self._scorer.infer(prepared)

    def warm_up(self) -> None:
        self._scorer.warm_up()


class InHand:
    """How many items are between `prepare` and `infer`, and the most there ever were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prepared, self.judged, self.most = 0, 0, 0
        prepare, infer = Judge.prepare, Judge.infer

        def noting(judge: Judge, items: Sequence[NewsItem]) -> PreparedItems:
            self.prepared += len(items)
            self.most = max(self.most, self.prepared - self.judged)
            return prepare(judge, items)

        def ending(judge: Judge, items: PreparedItems) -> list[Judgement | Failed]:
            told = infer(judge, items)
            self.judged += len(told)
            return told

        monkeypatch.setattr(Judge, "prepare", noting)
        monkeypatch.setattr(Judge, "infer", ending)


@pytest.fixture
def settings(broker: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules: [{alert: Silent, type: absent, by: all, window: 1d}]\n")
    score = {"chunk_records": CHUNK, "mark_interval_seconds": 0.1}
    return deployment(broker, rules=rules, model={"bundle": bundle}, score=score, log_level="error")


def lag() -> float:
    """The lag of `news` as the metric tells it."""
    told: float = sum(
        metrics.consumer_lag_records.labels("news", str(partition))._value.get()
        for partition in range(2)
    )
    return told


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def test_a_model_that_stands_still_holds_news_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SlowScorer] = []

    def load(bundle: Bundle, model: ModelSettings) -> SlowScorer:
        made.append(SlowScorer(load_scorer(bundle, model)))
        made[-1].gate.set()  # for the warm-up
        return made[-1]

    paused: Counter[str] = Counter()
    for name in ("pause", "resume"):
        monkeypatch.setattr(AIOKafkaConsumer, name, _counting(name, paused))
    monkeypatch.setattr("monitor.model.judge.load_scorer", load)
    in_hand = InHand(monkeypatch)
    async with running(settings):
        [scorer] = made
        scorer.gate.clear()
        body = "Calder Foods says little. " * 40
        news = [{"title": f"Calder Foods opens site {i}", "body": body} for i in range(NEWS)]
        try:
            origins = await publish(settings, news)
            await until(lambda: lag() >= NEWS - CHUNKS_IN_HAND * CHUNK)
            # However often it polls from here on, it takes up no more.
            seen, polls = in_hand.prepared, paused["pause"]
            await until(lambda: paused["pause"] >= polls + 5)
            assert in_hand.prepared == seen <= CHUNKS_IN_HAND * CHUNK
        finally:
            scorer.gate.set()
        found = await accounted(settings, origins)
        await until(lambda: lag() == 0)
    assert in_hand.most <= CHUNKS_IN_HAND * CHUNK
    assert paused["resume"] > 0
    assert {found[origin] for origin in origins} == {"scored"}
    told = Counter(one.origin for one in await scored(settings) if one.by == "all")
    assert told == Counter(origins)


def _counting(name: str, calls: Counter[str]) -> object:
    original = getattr(AIOKafkaConsumer, name)

    def counted(consumer: AIOKafkaConsumer, *partitions: object) -> None:
        calls[name] += bool(partitions)
        original(consumer, *partitions)

    return counted


async def test_a_receiver_that_hangs_holds_back_its_own_alerts_only(
    broker: Broker, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, backlogs = asyncio.Event(), []
    secret, put = new_secret(), Lane.put

    def noting(lane: Lane, record: AlertRecord) -> None:
        put(lane, record)
        backlogs.append(lane.backlog)

    async def hang(_: Delivery) -> int:
        await released.wait()
        return 204

    monkeypatch.setattr(Lane, "put", noting)
    async with (
        _desk(deployment(broker, notify=PATIENT)) as desk,
        receiving(secret) as well,
        receiving(secret, hang) as hung,
        desk.notifying(hung.target("hung"), well.target("well")),
    ):
        for number in range(600):
            await desk.raise_alert(number)
        await has(well, 599)
        assert len(hung.requests) == 1
        assert max(backlogs) <= 200
        released.set()
        await has(hung, 599)
    assert numbers(hung.requests) == numbers(well.requests) == [*range(600)]
