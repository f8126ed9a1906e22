"""The swap itself, on tiny bundles: who serves when, and what is told of it."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monitor import metrics
from monitor.model.bundle import Bundle, load_bundle
from monitor.model.judge import Judge, load_judge
from monitor.model.registry import VERSIONS, point_at
from monitor.scoring import serving as serving_module
from monitor.scoring.serving import Serving
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings
from tests.model.tiny_bundle import TOPICS
from tests.scoring.registries import NEGATIVE, Swaps, followed, serving, until


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
