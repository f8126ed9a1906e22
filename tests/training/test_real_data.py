"""What the starter recipe's real feeds come to; docs/TRAINING.md states these numbers."""

from pathlib import Path

import pytest

from training.feeds import read_held_out
from training.gathering import read_feeds
from training.hygiene import tidy
from training.recipe import load_recipe

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "labelled"


@pytest.mark.faults
def test_near_duplicates_of_held_out_texts_are_as_many_as_documented() -> None:
    if not DATA.is_dir():
        pytest.skip(f"needs the labelled news in {DATA}, which is no part of the project")
    recipe = load_recipe(ROOT / "training" / "recipes" / "starter.yaml")
    rows, reports = read_feeds(recipe, DATA)
    held_out = [read_held_out(holdout, DATA) for holdout in recipe.holdouts]
    kept, (sentiment, topic) = tidy(rows, held_out, reports, recipe.hygiene)
    documented = (ROOT / "docs" / "TRAINING.md").read_text(encoding="utf-8")
    assert f"| **0.8** | {sentiment.near} | {topic.near} | {len(kept):,} |" in documented
    assert sum(report.dropped["also held out"] for report in reports) == 1108
    assert [report.read for report in reports] == [9543, 16990, 10753]
