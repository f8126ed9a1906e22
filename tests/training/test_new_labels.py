"""When labels count as new, on files; and what is taken of a bundle's weights."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("pandas", reason="reads labelled files: pip install 'newsurge[train]'")

from monitor.errors import BundleError
from monitor.model.bundle import Bundle
from tests.model.tiny_bundle import tiny_bundle
from tests.training.toy_world import toy_recipe
from training.feeds import read_held_out
from training.holdout import Holdout
from training.label_account import Labels, labels_of, new_labels
from training.recipe import Feed, Recipe
from training.retraining import renamed

HEADER = "text,label\n"
ROWS = ["Oake quarterly profit delights,1\n", "Larkfen court ruling stings,0\n"]


@pytest.fixture
def recipe() -> Recipe:
    made = toy_recipe()
    return Recipe.model_validate({**made, "feeds": made["feeds"][:1]})


def labels(recipe: Recipe, folder: Path, *rows: str) -> dict[str, Labels]:
    (folder / "sentiment.csv").write_text(HEADER + "".join(rows))
    return labels_of(recipe, folder)


def champion(folder: Path, learned: dict[str, Labels] | None) -> Bundle:
    bundle = tiny_bundle(folder / "champion")
    metrics = {} if learned is None else {"labels": msgspec.to_builtins(learned)}
    return Bundle(bundle.path, msgspec.structs.replace(bundle.meta, metrics=metrics))


def test_what_is_new_is_told_by_feed(recipe: Recipe, tmp_path: Path) -> None:
    before = champion(tmp_path, labels(recipe, tmp_path, *ROWS))
    assert new_labels(labels(recipe, tmp_path, *ROWS[::-1]), before) == {}
    more = labels(recipe, tmp_path, *ROWS, "Pellbridge payout cheers,1\n")
    assert new_labels(more, before) == {"toy-sentiment": 1}
    corrected = labels(recipe, tmp_path, ROWS[0], ROWS[1].replace(",0", ",2"))
    assert new_labels(corrected, before) == {"toy-sentiment": 2}


def test_all_is_new_to_a_champion_that_kept_no_account(recipe: Recipe, tmp_path: Path) -> None:
    found = labels(recipe, tmp_path, *ROWS)
    assert new_labels(found, None) == {"toy-sentiment": 2}
    assert new_labels(found, champion(tmp_path, None)) == {"toy-sentiment": 2}


def test_weights_go_on_where_the_encoder_is_the_same(encoder: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from training.export import save_weights
    from training.network import build
    from training.start import take_weights

    recipe = Recipe.model_validate(toy_recipe(encoder))
    network, _ = build(recipe, encoder)
    bundle = tiny_bundle(tmp_path / "full")
    save_weights(network, bundle.path)
    base = msgspec.structs.replace(bundle.meta.base_model, sha256=recipe.base.sha256)
    meta = msgspec.structs.replace(bundle.meta, topics=recipe.topics, base_model=base)

    other, _ = build(recipe, encoder)
    drawn = other.topic.weight.clone()
    renamed = msgspec.structs.replace(meta, topics=("A", "B"))
    take_weights(other, recipe, Bundle(bundle.path, renamed))
    assert torch.equal(other.topic.weight, drawn)
    assert torch.equal(other.sentiment.weight, network.sentiment.weight)
    take_weights(other, recipe, Bundle(bundle.path, meta))
    assert torch.equal(other.topic.weight, network.topic.weight)
    with pytest.raises(BundleError, match="can't go on from its weights"):
        take_weights(other, recipe, bundle)


def test_a_holdout_of_the_gate_is_kept_out_as_the_gate_reads_it(
    recipe: Recipe, tmp_path: Path
) -> None:
    texts = [row.split(",")[0] for row in ROWS]
    lines = ["标题;情绪", *(f"{text};negative" for text in texts), "橡树矿业净利润下降;negative"]
    (tmp_path / "gate.csv").write_text("\n".join(lines), encoding="gb18030")
    feed = {
        "name": "desk", "source": "invented", "license": "MIT", "file": "gate.csv",
        "encoding": "gb18030", "delimiter": ";", "text_column": "标题",
        "sentiment": {"column": "情绪"},
    }  # fmt: skip
    made = renamed(recipe, "two", [Holdout(Feed.model_validate(feed), tmp_path)])
    assert made.version == "two"
    assert made.holdouts[:-1] == recipe.holdouts
    told = read_held_out(made.holdouts[-1], tmp_path / "elsewhere").texts
    assert set(told.values()) == {*texts, "橡树矿业净利润下降"}
