"""A registry of tiny bundles, and how often a model took over from another or was refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import metrics
from monitor.model.registry import VERSIONS, point_at
from monitor.scoring import serving as serving_module
from tests.model.tiny_bundle import TOPICS, tiny_bundle
from tests.scoring.registries import breaks


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


@pytest.fixture
def swaps() -> Callable[[str], float]:
    """How many models became `swapped` or `refused` since the test began."""

    def count(outcome: str) -> float:
        return float(metrics.model_swaps_total.labels(outcome)._value.get())

    before = {outcome: count(outcome) for outcome in ("swapped", "refused")}
    return lambda outcome: count(outcome) - before[outcome]
