"""The challenger beside: what it is shown, what is counted, and that scoring never waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor import metrics
from monitor.model.judge import Judge, Judgement, load_judge
from monitor.model.overview import find_bundle
from monitor.model.registry import VERSIONS
from monitor.records import NewsItem
from monitor.scoring import shadow as module
from monitor.scoring.shadow import WAITING, Shadow
from monitor.settings import Settings
from tests.model.tiny_bundle import tiny_bundle

NEWS = [NewsItem(id=f"n{i}", title=f"Halden bank collapse, part {i}") for i in range(40)]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    (directory / VERSIONS).mkdir()
    tiny_bundle(directory / VERSIONS / "a", version="a")
    tiny_bundle(directory / VERSIONS / "b", version="b", swapped=True)
    return directory


@pytest.fixture(scope="module")
def champion(registry: Path) -> Callable[[list[NewsItem]], list[Judgement]]:
    judge = load_judge(find_bundle("a", registry), Settings())

    def judged(items: list[NewsItem]) -> list[Judgement]:
        told = judge.infer(judge.prepare(items))
        return [one for one in told if isinstance(one, Judgement)]

    return judged


Champion = Callable[[list[NewsItem]], list[Judgement]]


def shadow(registry: Path, name: str = "b", share: float = 1) -> Shadow:
    model = {"registry": registry, "shadow": name, "shadow_share": share}
    return Shadow(Settings(model=model))


def counts() -> dict[tuple[str, ...], float]:
    found = (metrics.shadow_items_total, metrics.shadow_agreement_total)
    return {
        tuple(sample.labels.values()): sample.value
        for counter in found
        for metric in counter.collect()
        for sample in metric.samples
    }


@contextmanager
def counted() -> Iterator[dict[tuple[str, ...], float]]:
    """What the counters rose by, once the block has ended."""
    before = counts()
    rise: dict[tuple[str, ...], float] = {}
    yield rise
    after = counts()
    rises = {key: value - before.get(key, 0) for key, value in after.items()}
    rise |= {key: value for key, value in rises.items() if value}


def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def has_seen(count: float) -> Callable[[], bool]:
    start = sum(value for key, value in counts().items() if len(key) == 1)
    return lambda: sum(value for key, value in counts().items() if len(key) == 1) >= start + count


def test_agreement_is_counted_for_each_head(registry: Path, champion: Champion) -> None:
    with counted() as rise:
        one, done = shadow(registry), has_seen(40)
        with one.running():
            one.offer(NEWS, champion(NEWS), "a")
            until(done)
    assert rise == {("compared",): 40, ("topic", "yes"): 40, ("sentiment", "no"): 40}


def test_the_sample_depends_on_ids_alone(registry: Path) -> None:
    items = [NewsItem(id=f"id-{i}", title="Oake bank meets again") for i in range(2000)]
    one, other = shadow(registry, share=0.1), shadow(registry, share=0.1)
    sampled = [item.id for item in items if one._is_sampled(item.id)]
    assert sampled == [item.id for item in items if other._is_sampled(item.id)]
    assert 140 < len(sampled) < 260
    wider = shadow(registry, share=0.3)
    assert all(map(wider._is_sampled, sampled))
    everything = shadow(registry, share=1)
    assert all(everything._is_sampled(item.id) for item in items)


def test_what_does_not_fit_is_dropped_and_counted_at_once(
    registry: Path, champion: Champion
) -> None:
    """No thread runs, as when the challenger hangs: handing over returns all the same."""
    items = [NewsItem(id=str(i), title="Oake bank meets again") for i in range(WAITING + 88)]
    told = champion(items[:1]) * len(items)
    with counted() as rise:
        shadow(registry).offer(items, told, "a")
    assert rise == {("dropped",): 88}


@pytest.mark.parametrize("name", ["missing", "nowhere/at/all"])
def test_a_shadow_that_is_not_there_is_told_and_harms_nothing(
    registry: Path, champion: Champion, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with counted() as rise:
        one, done = shadow(registry, name), has_seen(1)
        with one.running():
            one.offer(NEWS, champion(NEWS), "a")
            until(done)
    assert rise == {("failed",): 1}
    assert f"the shadow {name} can't be run" in caplog.text


def test_a_shadow_that_fails_is_counted_and_told_once(
    registry: Path,
    champion: Champion,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault that nobody thought of")

    one, done, told = shadow(registry), has_seen(40), champion(NEWS)
    monkeypatch.setattr(Judge, "infer", fails)
    with counted() as rise, one.running():
        for begin in range(0, 40, 10):
            one.offer(NEWS[begin : begin + 10], told[begin : begin + 10], "a")
        until(done)
    assert rise == {("failed",): 40}
    assert caplog.text.count("this is told once") == 1


def test_a_shadow_that_hangs_does_not_hold_up_the_end(
    registry: Path, champion: Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_END_SECONDS", 0.05)
    hangs, go_on, told = threading.Event(), threading.Event(), champion(NEWS)

    def infer(*_: Any, **__: Any) -> list[Any]:
        hangs.set()
        go_on.wait(30)
        return []

    monkeypatch.setattr(Judge, "infer", infer)
    one = shadow(registry)
    with one.running():
        one.offer(NEWS, told, "a")
        assert hangs.wait(30)
    assert not go_on.is_set()
    go_on.set()


def test_a_challenger_that_serves_rests(registry: Path, champion: Champion) -> None:
    one = shadow(registry)
    with one.running():
        until(lambda: one._judge is not None)
        one.offer(NEWS, champion(NEWS), "b")
        assert one._waiting.empty()


def test_without_a_shadow_nothing_runs(champion: Champion) -> None:
    one = Shadow(Settings())
    before = threading.active_count()
    with one.running():
        assert threading.active_count() == before
        one.offer(NEWS, champion(NEWS), "a")
    assert one._waiting.empty()
