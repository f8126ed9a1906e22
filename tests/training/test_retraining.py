"""The loop closed on the toy: new labels in, trained on from the champion, gated, promoted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

pytest.importorskip("nncf", reason="needs nncf, torch and more: pip install 'newsurge[train]'")

from monitor.model.bundle import WEIGHTS
from monitor.model.promotion_log import read_log
from monitor.model.registry import load_version, serving_version
from tests.training.desk import write_gate
from tests.training.toy_world import toy_recipe
from training.promotion_commands import NOTHING_NEW, REFUSED, retrain

pytestmark = [
    pytest.mark.faults,  # slow: it trains three times
    pytest.mark.timeout(900),
    # Warnings that transformers and torch raise about themselves while they load and trace.
    pytest.mark.filterwarnings("ignore"),
]

# Two epochs teach the toy little, and the loop is what is looked at here.
LIMITS: dict[str, Any] = {
    "max_ece": 1, "min_rows": 30, "min_class_f1": 0, "max_loss": 1, "behaviour": {}
}  # fmt: skip


@pytest.fixture
def desk(
    encoder: Path, feeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Runs `newsurge retrain` on a copy of the toy feeds, with a registry beside."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shutil.copytree(feeds, tmp_path / "feeds")
    recipe = toy_recipe(encoder)
    recipe["hyper"]["epochs"] = 2
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    write_gate(tmp_path / "models", tmp_path / "feeds" / "held_out.csv", **LIMITS)

    def run(version: str) -> Result:
        words = ["recipe.yaml", "--data", "feeds", "--registry", "models", "--version", version]
        return CliRunner().invoke(retrain, words)

    monkeypatch.chdir(tmp_path)
    return run


def test_new_labels_are_learned_from_and_nothing_new_is_said(
    desk: Callable[..., Result], tmp_path: Path
) -> None:
    registry = tmp_path / "models"
    first = desk("one")
    assert first.exit_code == 0, first.output
    assert "starting at toy/encoder" in first.output
    assert serving_version(registry) == "one"
    assert WEIGHTS in load_version(registry, "one").meta.files
    again = desk("two")
    assert again.exit_code == NOTHING_NEW
    assert "nothing done" in again.output

    with (tmp_path / "feeds" / "sentiment.csv").open("a") as feed:
        feed.write("Larkfen quarterly profit in ruins,0\nOake annual earnings delight,1\n")
    more = desk("three")
    assert more.exit_code == 0, more.output
    assert "new labels: toy-sentiment 2" in more.output
    assert "starting at one" in more.output
    meta = load_version(registry, "three").meta
    assert meta.metrics["start"] == "one"
    assert serving_version(registry) == "three"
    left = {file.name for file in (registry / "challengers").iterdir()}  # the reports alone
    assert left == {
        f"{name}.report.{kind}" for name in ("one", "three") for kind in ("html", "json")
    }

    with (tmp_path / "feeds" / "sentiment.csv").open("a") as feed:
        feed.write("Tarnhill dividend in ruins,0\n")
    write_gate(registry, tmp_path / "feeds" / "held_out.csv", **{**LIMITS, "min_rows": 10_000})
    refused = desk("four")
    assert refused.exit_code == REFUSED
    assert "REFUSED: four; three serves on" in refused.output
    assert (registry / "challengers" / "four" / WEIGHTS).exists()
    assert [entry.act for entry in read_log(registry).entries] == ["promoted"] * 2 + ["refused"]
