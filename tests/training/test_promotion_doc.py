"""docs/PROMOTION.md is true: its YAML loads, and its tables have each key, reason and metric."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monitor import metrics
from monitor.settings import Settings
from training.gate_limits import GateFile, GateLimits

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "PROMOTION.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


def table(heading: str) -> dict[str, str]:
    """The rows of the table under a header line: each name in the first cell → the second."""
    rows = DOC.split(heading)[1].split("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {name: row[1] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def test_the_gate_file_shown_is_one() -> None:
    shown = GateFile.model_validate(yaml.safe_load(BLOCKS[0]))
    assert shown.gate.floors == {"sentiment": {"negative": 0.75}}
    assert len(shown.holdouts) == 1


def test_the_settings_shown_are_such() -> None:
    assert Settings(**yaml.safe_load(BLOCKS[1])).model.shadow is not None


def test_every_key_of_the_gate_is_in_the_table_with_its_default() -> None:
    told = table("| key of `gate` | default | meaning |\n")
    assert told.keys() == GateLimits.model_fields.keys()
    defaults = GateLimits()
    for name in ("min_rows", "max_loss", "confidence", "min_class_f1", "min_support", "max_ece"):
        assert told[name] == str(getattr(defaults, name))
    assert told["resamples"] == f"{defaults.resamples}, {defaults.seed}"


def test_every_reason_for_which_the_gate_refuses_is_in_the_table() -> None:
    source = (ROOT / "training" / "gate.py").read_text(encoding="utf-8")
    named = set(re.findall(r'Finding\(\s*"(\w+)"', source))
    notes = {
        "no_champion", "not_compared", "classes_changed", "class_unjudged", "behaviour_unmeasured"
    }  # fmt: skip
    assert table("| reason | what is against it |\n").keys() == named - notes


@pytest.mark.parametrize("name", ["shadow_agreement_total", "shadow_items_total"])
def test_the_metrics_exist(name: str) -> None:
    assert f"`newsurge_{name}`" in DOC
    assert hasattr(metrics, name)
