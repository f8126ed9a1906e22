"""The starter bundle: made by the committed recipe, and as good as it must be."""

from pathlib import Path
from typing import Any

import pytest

from monitor.model.bundle import CARD, STARTER, load_bundle
from training.card import model_card
from training.recipe import load_recipe

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "labelled"


def assert_good_enough(evaluations: dict[str, Any]) -> None:
    sentiment = evaluations["twitter_sentiment_valid"]["sentiment"]
    assert sentiment["rows"] == 2388
    assert sentiment["accuracy"] >= 0.85
    assert sentiment["macro_f1"] >= 0.82
    topic = evaluations["twitter_topic_valid_unleaked"]["topic"]
    assert topic["rows"] == 3425
    assert topic["macro_f1"] >= 0.86


def test_it_was_made_by_the_committed_recipe() -> None:
    recipe = load_recipe(ROOT / "training" / "recipes" / "starter.yaml")
    assert load_bundle(STARTER).meta.recipe == recipe.model_dump(mode="json")


def test_its_recorded_quality_meets_the_bars() -> None:
    metrics = load_bundle(STARTER).meta.metrics
    assert_good_enough(metrics["evaluations"])
    for numbers in metrics["parity"].values():
        assert abs(numbers["accuracy_fp32"] - numbers["accuracy_served"]) <= 0.005


def test_its_card_says_what_its_description_says() -> None:
    bundle = load_bundle(STARTER)
    assert (bundle.path / CARD).read_text(encoding="utf-8") == model_card(bundle.meta)


@pytest.mark.faults
def test_its_quality_is_what_was_recorded() -> None:
    if not DATA.is_dir():
        pytest.skip(f"needs the labelled news in {DATA}, which is no part of the project")
    pytest.importorskip("pandas", reason="needs pandas: pip install 'newsurge[train]'")
    from training.evaluation import evaluate, feed_like

    bundle = load_bundle(STARTER)
    found = {}
    for name, head, without in (
        ("twitter_sentiment_valid", "sentiment", ()),
        ("twitter_topic_valid_unleaked", "topic", [DATA / "twitter_topic_train.csv"]),
    ):
        file = f"twitter_{head}_valid.csv"
        feed = feed_like(bundle, f"twitter-financial-news-{head}", file)
        found[name], _ = evaluate(bundle, feed, DATA, without)
    assert_good_enough(found)
    for name, heads in found.items():
        recorded = bundle.meta.metrics["evaluations"][name]
        for head, numbers in heads.items():
            # Another CPU computes in another precision.
            assert numbers["macro_f1"] == pytest.approx(recorded[head]["macro_f1"], abs=0.005)
