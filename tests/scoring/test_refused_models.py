"""Models that can't serve: each is refused with its reason, and the one that serves goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from monitor.app import Daemon
from monitor.errors import RulesError
from monitor.model import judge as judge_module
from monitor.model.bundle import Bundle
from monitor.model.judge import Judge, load_judge
from monitor.model.registry import POINTER, VERSIONS, point_at
from monitor.model.runtime import load_scorer
from monitor.model.scorer import Scorer
from monitor.scoring import serving as serving_module
from monitor.scoring.watchlist import Watchlist
from monitor.settings import ModelSettings, Settings
from tests.model.marked_scorer import MarkedScorer
from tests.model.tiny_bundle import tiny_bundle
from tests.scoring.registries import NEGATIVE, Swaps, breaks, followed, serving, until


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


async def test_rules_that_come_to_name_a_topic_while_a_model_loads_are_heeded(
    registry: Path, swaps: Swaps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = serving(registry, "Macro")

    def load(bundle: Bundle, settings: Settings) -> Judge:
        one.follow_rules(Watchlist({}), frozenset(["Macro", "Financials"]))
        return load_judge(bundle, settings)

    monkeypatch.setattr(serving_module, "load_judge", load)
    async with followed(one):
        point_at(registry, "fewer")
        await until(lambda: swaps("refused") == 1)
    assert "no topic called Financials" in caplog.text
    assert one.turn().judge.version == "one"


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
