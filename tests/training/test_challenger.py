"""What a retraining learns from and where it starts, without the training itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("pandas", reason="reads labelled files: pip install 'newsurge[train]'")

from monitor.errors import BundleError
from monitor.model.bundle import CONFIG, WEIGHTS, Bundle
from monitor.model.installing import install
from tests.model.tiny_bundle import tiny_bundle
from tests.training.desk import write_gate, write_holdout
from tests.training.toy_world import toy_recipe
from training.gate_limits import FILE, GateError, GateLimits, load_gate
from training.gathering import gather
from training.holdout import Holdout, holdouts_of
from training.recipe import Recipe
from training.recipe_data import Feed
from training.retraining import can_go_on, challenger_recipe, retrain


@pytest.fixture
def recipe() -> Recipe:
    """The toy's, without its own holdout."""
    return Recipe.model_validate({**toy_recipe(), "holdouts": []})


def holdout_in(folder: Path) -> Holdout:
    """A file as a spreadsheet in Shanghai writes it, with two texts that are in the feeds too."""
    told = "标题;tone\n北岭银行遭挤兑;negative\nOake warns on court ruling;negative\n"
    (folder / "holdout.csv").write_bytes(told.encode("gb18030"))
    feed = Feed(
        name="desk", source="invented", license="MIT", file="holdout.csv", text_column="标题",
        encoding="gb18030", delimiter=";", sentiment={"column": "tone"},
    )  # fmt: skip
    return Holdout(feed, folder)


def test_a_holdout_leaves_train_whatever_its_encoding_and_delimiter(
    recipe: Recipe, feeds: Path, tmp_path: Path
) -> None:
    challenger = challenger_recipe(recipe, "two", [holdout_in(tmp_path)])
    assert challenger.version == "two"
    gathered = gather(challenger, feeds)
    (told,) = gathered.report.holdouts
    assert (told.texts, told.exact) == (2, 1)
    assert "oake warns on court ruling" not in {row.key for row in gathered.train + gathered.dev}


def test_a_recipe_that_keeps_held_out_texts_is_not_retrained(
    recipe: Recipe, feeds: Path, tmp_path: Path
) -> None:
    hygiene = recipe.hygiene.model_copy(update={"across": "keep"})
    open_ = recipe.model_copy(update={"hygiene": hygiene})
    with pytest.raises(GateError, match=r"hygiene\.across: keep"):
        retrain(open_, feeds, tmp_path / "models", [holdout_in(tmp_path)], GateLimits())


@pytest.mark.parametrize("version", ["one", "../one"])
def test_a_version_that_can_not_be_promoted_is_refused_before_the_training(
    recipe: Recipe, feeds: Path, tmp_path: Path, version: str
) -> None:
    registry = tmp_path / "models"
    install(registry, tiny_bundle(tmp_path / "made", version="one").path)
    with pytest.raises(BundleError, match="give another --version"):
        retrain(recipe, feeds, registry, [holdout_in(tmp_path)], GateLimits(), version=version)


def test_training_goes_on_from_full_bundles_of_the_same_encoder_only(
    recipe: Recipe, tmp_path: Path
) -> None:
    bundle = tiny_bundle(tmp_path / "made")
    same = msgspec.structs.replace(bundle.meta.base_model, sha256=recipe.base.sha256)
    other = msgspec.structs.replace(bundle.meta.base_model, sha256="1" * 64)
    full = {**bundle.meta.files, WEIGHTS: "", CONFIG: ""}
    meta = msgspec.structs.replace(bundle.meta, base_model=same)
    assert not can_go_on(Bundle(bundle.path, meta), recipe)  # int8 weights only
    meta = msgspec.structs.replace(meta, files=full)
    assert can_go_on(Bundle(bundle.path, meta), recipe)
    assert not can_go_on(
        Bundle(bundle.path, msgspec.structs.replace(meta, base_model=other)), recipe
    )


def test_a_stream_is_no_holdout(tmp_path: Path) -> None:
    file = write_gate(tmp_path / "models", write_holdout(tmp_path / "holdout.csv"))
    assert len(holdouts_of(load_gate(file), file)) == 1
    file.write_text("holdouts: [{name: desk, source: us, license: own, format: stream}]")
    with pytest.raises(GateError, match="a stream grows, so it can't be frozen"):
        load_gate(tmp_path / "models" / FILE)
