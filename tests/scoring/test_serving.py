"""The swap itself, on tiny bundles: who serves when, who is refused, and what is told of it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor import metrics
from monitor.app import Daemon
from monitor.errors import RulesError
from monitor.model import judge as judge_module
from monitor.model.bundle import ONNX, Bundle, digests, load_bundle, write_meta
from monitor.model.judge import Judge, load_judge
from monitor.model.registry import POINTER, VERSIONS, point_at, serving_bundle
from monitor.model.runtime import load_scorer
from monitor.model.scorer import Scorer
from monitor.records import NewsItem
from monitor.scoring import serving as serving_module
from monitor.scoring.serving import Serving
from monitor.scoring.watchlist import Watchlist
from monitor.settings import ModelSettings, Settings
from tests.model.marked_scorer import MarkedScorer
from tests.model.tiny_bundle import TOPICS, tiny_bundle

NEGATIVE = [
    NewsItem(id=str(i), title=f"Halden bank collapse, part {i}", entities=("HLDN",))
    for i in range(100)
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of a model, one that finds the opposite, and some that can't serve."""
    directory = tmp_path_factory.mktemp("registry")
    versions = directory / VERSIONS
    versions.mkdir()
    tiny_bundle(versions / "one", version="one")
    tiny_bundle(versions / "two", version="two", swapped=True)
    tiny_bundle(versions / "fewer", version="fewer", topics=TOPICS[1:])
    tiny_bundle(versions / "nan", version="nan", bias=float("nan"))
    tiny_bundle(versions / "broken", version="broken")
    breaks(versions / "broken")
    return directory


@pytest.fixture
def registry(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(serving_module, "_POLL_SECONDS", 0.01)
    point_at(models, "one")
    return models


def breaks(directory: Path) -> None:
    """A bundle whose digests are right, with a network that nothing can run."""
    meta = load_bundle(directory).meta
    (directory / ONNX).write_bytes(b"this is no network")
    write_meta(directory, msgspec.structs.replace(meta, files=digests(directory)))


def serving(registry: Path, *topics: str) -> Serving:
    settings = Settings(model={"registry": registry})
    judge = load_judge(serving_bundle(settings.model), settings)
    return Serving(settings, judge, Watchlist({"hldn": "HLDN"}), frozenset(topics))


@asynccontextmanager
async def followed(one: Serving) -> AsyncIterator[None]:
    with ThreadPoolExecutor(1) as preparing, ThreadPoolExecutor(1) as inferring:
        task = asyncio.create_task(one.follow(preparing, inferring))
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def swaps() -> Callable[[str], float]:
    """How many models became `swapped` or `refused` since the test began."""

    def count(outcome: str) -> float:
        return float(metrics.model_swaps_total.labels(outcome)._value.get())

    before = {outcome: count(outcome) for outcome in ("swapped", "refused")}
    return lambda outcome: count(outcome) - before[outcome]


Swaps = Callable[[str], float]


async def test_the_next_chunk_is_the_new_models_and_the_change_is_told_once(
    registry: Path, swaps: Swaps
) -> None:
    one = serving(registry, "Financials")
    one.note(NEGATIVE)
    begun = one.turn()
    async with followed(one):
        point_at(registry, "two")
        await until(lambda: swaps("swapped") == 1)
    assert (begun.judge.version, begun.changes) == ("one", ())
    turn = one.turn()
    assert turn.judge.version == "two"
    [change] = turn.changes
    assert (change.previous, change.model, change.items) == ("one", "two", 100)
    assert change.all == pytest.approx(10 / 110)
    assert change.topics["Financials"] < change.all
    assert change.topics["Macro"] == pytest.approx(change.all)
    assert change.topics.keys() == {*TOPICS, "none"}
    assert change.entities < change.all
    assert one.turn().changes == ()
    [(told, _)] = [
        (sample.labels["bundle"], sample.value)
        for metric in metrics.build_info.collect()
        for sample in metric.samples
    ]
    assert told == "two"


async def test_there_and_back_between_two_chunks_tells_both_changes(
    registry: Path, swaps: Swaps
) -> None:
    one = serving(registry)
    one.note(NEGATIVE)
    async with followed(one):
        for count, version in enumerate(("two", "one"), 1):
            point_at(registry, version)
            await until(lambda count=count: swaps("swapped") == count)  # type: ignore[misc]
    there, back = one.turn().changes
    assert [there.previous, there.model, back.previous, back.model] == ["one", "two", "two", "one"]
    assert there.all * back.all == pytest.approx(1)


async def test_a_change_that_was_not_written_before_scoring_failed_is_told_again(
    registry: Path, swaps: Swaps
) -> None:
    one = serving(registry)
    one.note(NEGATIVE)
    async with followed(one):
        point_at(registry, "two")
        await until(lambda: swaps("swapped") == 1)
    lost = one.turn()
    one.begin()
    again = one.turn()
    assert again.changes == lost.changes != ()
    one.written(again)
    one.begin()
    assert one.turn().changes == ()


async def test_without_recent_news_there_is_nothing_to_tell(registry: Path, swaps: Swaps) -> None:
    one = serving(registry)
    async with followed(one):
        point_at(registry, "two")
        await until(lambda: swaps("swapped") == 1)
    turn = one.turn()
    assert (turn.judge.version, turn.changes) == ("two", ())


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("broken", "OpenVINO can't run this network"),
        ("nan", "the network of version nan answers with what are no numbers"),
        ("fewer", "no topic called Financials"),
        ("missing", "has no version missing"),
        ("../one", "which is no version"),
    ],
)
async def test_a_model_that_can_not_serve_is_refused_once(
    registry: Path, swaps: Swaps, caplog: pytest.LogCaptureFixture, version: str, said: str
) -> None:
    one = serving(registry, "Financials", "none")
    one.note(NEGATIVE)
    async with followed(one):
        (registry / POINTER).write_text(version)
        await until(lambda: swaps("refused") == 1)
        assert one.turn().judge.version == "one"
        assert said in caplog.text
        assert "and one serves on" in caplog.text
        point_at(registry, "two")
        await until(lambda: swaps("swapped") == 1)
    assert swaps("refused") == 1
    assert one.turn().judge.version == "two"


async def test_a_refused_bundle_is_tried_again_when_it_is_mended(
    registry: Path, swaps: Swaps
) -> None:
    directory = registry / VERSIONS / "mended"
    tiny_bundle(directory, version="mended")
    breaks(directory)
    one = serving(registry)
    async with followed(one):
        point_at(registry, "mended")
        await until(lambda: swaps("refused") >= 1)
        tiny_bundle(directory, version="mended")
        await until(lambda: swaps("swapped") == 1)
    assert one.turn().judge.version == "mended"


def _failing(monkeypatch: pytest.MonkeyPatch, *versions: str) -> None:
    """Models of these versions load and warm up, and then fail on everything."""

    def load(bundle: Bundle, settings: ModelSettings) -> Scorer:
        scorer = load_scorer(bundle, settings)
        fails = bundle.meta.version in versions
        return MarkedScorer(scorer, everything=True) if fails else scorer

    monkeypatch.setattr(judge_module, "load_scorer", load)


async def test_a_model_that_fails_on_all_recent_news_is_refused(
    registry: Path, swaps: Swaps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _failing(monkeypatch, "two")
    one = serving(registry)
    one.note(NEGATIVE)
    async with followed(one):
        point_at(registry, "two")
        await until(lambda: swaps("refused") == 1)
    assert "it fails on every one of the last 100 news items" in caplog.text
    assert one.turn().judge.version == "one"


async def test_a_model_that_fails_can_be_replaced(
    registry: Path, swaps: Swaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, "one")
    one = serving(registry)
    one.note(NEGATIVE)
    async with followed(one):
        point_at(registry, "two")
        await until(lambda: swaps("swapped") == 1)
    assert one.turn().changes == ()


async def test_a_fault_of_any_kind_in_a_bundle_does_not_end_scoring(
    registry: Path, swaps: Swaps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = serving(registry)

    def load(*_: Any) -> Judge:
        raise KeyError("a fault that nobody thought of")

    monkeypatch.setattr(serving_module, "load_judge", load)
    async with followed(one):
        point_at(registry, "two")
        await until(lambda: swaps("refused") == 1)
    assert "nobody thought of" in caplog.text
    assert one.turn().judge.version == "one"


async def test_a_pointer_that_moves_on_while_a_model_loads_is_followed_to_its_end(
    registry: Path, swaps: Swaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = serving(registry)
    loaded = []

    def load(bundle: Bundle, settings: Settings) -> Judge:
        loaded.append(bundle.meta.version)
        if bundle.meta.version == "fewer":
            point_at(registry, "two")
        return load_judge(bundle, settings)

    monkeypatch.setattr(serving_module, "load_judge", load)
    async with followed(one):
        point_at(registry, "fewer")
        await until(lambda: swaps("swapped") == 1)
    assert loaded == ["fewer", "two"]
    assert one.turn().judge.version == "two"


async def test_counters_of_a_new_topic_are_there_before_its_first_item(
    registry: Path, swaps: Swaps
) -> None:
    point_at(registry, "fewer")
    one = serving(registry)
    metrics.judged_items_total.clear()
    async with followed(one):
        point_at(registry, "one")
        await until(lambda: swaps("swapped") == 1)
    (counter,) = metrics.judged_items_total.collect()
    assert "Financials" in {sample.labels["topic"] for sample in counter.samples}


async def test_the_old_model_is_let_go(registry: Path, swaps: Swaps) -> None:
    one = serving(registry)
    one.note(NEGATIVE)
    old = weakref.ref(one.turn().judge)
    async with followed(one):
        point_at(registry, "two")
        await until(lambda: swaps("swapped") == 1)
        gc.collect()
        assert old() is None


@pytest.fixture
def bundle_only(registry: Path) -> Serving:
    bundle = registry / VERSIONS / "one"
    settings = Settings(model={"bundle": bundle})
    return Serving(settings, load_judge(load_bundle(bundle), settings), Watchlist({}), frozenset())


async def test_without_a_registry_nothing_is_followed_or_kept(bundle_only: Serving) -> None:
    bundle_only.note(NEGATIVE)
    assert bundle_only._recent.items() == []
    with ThreadPoolExecutor(1) as pool:
        await bundle_only.follow(pool, pool)
    assert bundle_only.turn().judge.version == "one"


async def test_a_daemon_does_not_start_with_a_model_that_lacks_a_rules_topic(
    registry: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "alerts.yaml"
    rules.write_text(
        "rules: [{alert: A, type: absent, by: topic, match: {key: [none, Weather]}, window: 1d}]\n"
    )
    settings = Settings(model={"registry": registry}, rules=rules, http={"port": 0})
    with pytest.raises(RulesError, match=r":1:\d+: .*'Weather' is not a topic of the model"):
        await Daemon(settings).run(asyncio.Event())
