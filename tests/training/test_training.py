"""A training from end to end on the toy: recipe in, loadable bundle out, twice the same."""

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

pytest.importorskip("nncf", reason="needs nncf, torch and more: pip install 'newsurge[train]'")

import onnxruntime
import torch
from rich.console import Console
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import set_seed

from monitor.errors import FeedError
from monitor.model.bundle import (
    CARD,
    CONFIG,
    META,
    SENTIMENTS,
    WEIGHTS,
    Bundle,
    digest,
    load_bundle,
)
from tests.training.toy_world import TOPICS, headlines, toy_recipe
from training import commands, evaluation
from training.gathering import gather
from training.metrics import softmax
from training.network import build, find_encoder
from training.pipeline import TrainingError, train
from training.recipe import Feed, Recipe
from training.report.content import Report
from training.served import served
from training.trainer import fit

pytestmark = [
    pytest.mark.timeout(240),
    # Warnings that transformers and torch raise about themselves while they load and trace.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def recipe(encoder: Path) -> Recipe:
    return Recipe.model_validate(toy_recipe(encoder))


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def bundle(
    recipe: Recipe, feeds: Path, told: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    out = tmp_path_factory.mktemp("models") / "toy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        return train(recipe, feeds, out, full=True, say=told.append)


def test_the_bundle_loads_and_says_where_it_comes_from(
    bundle: Bundle, recipe: Recipe, feeds: Path
) -> None:
    meta = load_bundle(bundle.path).meta
    assert meta.topics == TOPICS
    assert meta.sentiments == SENTIMENTS
    assert meta.base_model.sha256 == recipe.base.sha256
    assert meta.recipe == recipe.model_dump(mode="json")
    assert [d.name for d in meta.training_data] == ["toy-sentiment", "toy-topic"]
    files = [feeds / feed.file for feed in recipe.feeds]
    assert [d.sha256 for d in meta.training_data] == [digest(file) for file in files]
    assert meta.metrics["held_out"] == [digest(feeds / "held_out.csv")]
    assert {f.name for f in bundle.path.iterdir()} == {*meta.files, "meta.json"}
    assert sum(d.rows for d in meta.training_data) + len(headlines()[::9]) == len(headlines())


def test_the_report_alone_is_left_beside_the_bundle(bundle: Bundle) -> None:
    left = {file.name for file in bundle.path.parent.iterdir()}
    assert left == {"toy", "toy.report.html", "toy.report.json"}


def test_the_report_and_the_bundle_say_the_same(bundle: Bundle) -> None:
    made = msgspec.json.decode((bundle.path.parent / "toy.report.json").read_bytes(), type=Report)
    kept = bundle.meta.metrics
    assert [each.name for each in made.sets] == ["dev"]
    for head in made.sets[0].heads:
        assert head.numbers.macro.f1.value == kept["dev"][head.head]["macro_f1"]
        assert head.after.ece == pytest.approx(kept["dev"][head.head]["ece"], abs=1e-4)
    assert len(made.curves.macro_f1[0].points) == 12
    swaps = next(each for each in made.behaviour if each.test == "entity_swap").swapped
    assert swaps is not None
    assert kept["behaviour"]["entity_swap"]["flip_rate"] == swaps.flip_rate
    assert set(kept["behaviour"]["entity_swap"]) > {"company", "ticker", "person", "country"}
    assert "| entity_swap |" in (bundle.path / CARD).read_text(encoding="utf-8")


def test_it_learned_more_than_to_guess(bundle: Bundle) -> None:
    for head in ("topic", "sentiment"):
        assert bundle.meta.metrics["dev"][head]["accuracy"] > 0.8
        assert 0.01 < getattr(bundle.meta.temperatures, head) < 100
    assert len(bundle.meta.metrics["epochs"]) == 12


def test_held_out_texts_were_not_learned_from(bundle: Bundle) -> None:
    reports = {report["feed"]: report for report in bundle.meta.metrics["feeds"]}
    leaks = sum(report["dropped"].get("also held out", 0) for report in reports.values())
    assert leaks == len(headlines()[::9])


def test_no_text_of_a_feed_is_in_the_bundle(bundle: Bundle) -> None:
    kept = (bundle.path / META).read_text(encoding="utf-8")
    kept += (bundle.path / CARD).read_text(encoding="utf-8")
    assert [text for text, *_ in headlines() if text in kept] == []


def test_onnx_runtime_and_openvino_agree_with_torch(bundle: Bundle, recipe: Recipe) -> None:
    network, _ = build(recipe, find_encoder(recipe.base))
    network.load_state_dict(load_file(bundle.path / WEIGHTS), strict=True)
    network.eval()
    texts = [text for text, *_ in headlines()[:40]]
    tokenizer = Tokenizer.from_file(str(bundle.tokenizer))
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(texts)
    ids = np.array([e.ids for e in encoded])
    mask = np.array([e.attention_mask for e in encoded])
    with torch.no_grad():
        exact = network.logits(torch.from_numpy(ids), torch.from_numpy(mask))
    session = onnxruntime.InferenceSession(bundle.onnx)
    in_ort = session.run(None, {"input_ids": ids, "attention_mask": mask})
    heat = bundle.meta.temperatures
    for full, ort, answer, temperature in zip(
        exact, in_ort, served(bundle, texts), (heat.topic, heat.sentiment), strict=True
    ):
        expected = softmax(full.numpy(), temperature)
        for actual in (softmax(ort, temperature), answer):
            assert np.abs(actual - expected).mean() < 0.01
            assert (actual.argmax(1) == expected.argmax(1)).mean() > 0.95


def test_the_weights_stay_within_half_a_point(bundle: Bundle, told: list[str]) -> None:
    for numbers in bundle.meta.metrics["parity"].values():
        assert numbers["accuracy_fp32"] - numbers["accuracy_served"] <= 0.005
    assert sum("int8 agrees with fp32" in line for line in told) == 2


def test_a_full_bundle_carries_safetensors_only(bundle: Bundle) -> None:
    config = msgspec.json.decode((bundle.path / CONFIG).read_bytes())
    assert config["hidden_size"] == 32
    assert config["newsurge_pooling"] == "mean"
    assert {f.suffix for f in bundle.path.iterdir()} == {".json", ".onnx", ".md", ".safetensors"}


def test_the_same_seed_gives_the_same_model(recipe: Recipe, feeds: Path, tmp_path: Path) -> None:
    short = recipe.model_copy(update={"hyper": recipe.hyper.model_copy(update={"epochs": 1.0})})
    gathered = gather(short, feeds)
    outcomes = []
    for run in ("one", "two"):
        set_seed(short.hyper.seed)
        network, tokenizer = build(short, find_encoder(short.base))
        measured = fit(short, network, tokenizer, gathered.train, gathered.dev, tmp_path / run)
        outcomes.append((measured[0]["quality"], measured[0]["loss"], network.state_dict()))
    assert outcomes[0][:2] == outcomes[1][:2]
    assert all(torch.equal(outcomes[0][2][k], outcomes[1][2][k]) for k in outcomes[0][2])


def test_an_existing_directory_is_not_overwritten(
    recipe: Recipe, feeds: Path, bundle: Bundle
) -> None:
    with pytest.raises(TrainingError, match=r"exists already; name a new directory with -o"):
        train(recipe, feeds, bundle.path, say=print)


@pytest.mark.parametrize(("out", "work"), [("a/b", "a"), ("a", "a"), ("a", "a/b")])
def test_a_work_directory_never_holds_the_bundle(
    recipe: Recipe, feeds: Path, tmp_path: Path, out: str, work: str
) -> None:
    with pytest.raises(TrainingError, match="may lie in the other; name another with --work"):
        train(recipe, feeds, tmp_path / out, work=tmp_path / work, say=print)
    assert not list(tmp_path.iterdir())


def test_names_of_classes_and_files_are_shown_as_they_are() -> None:
    numbers = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    metrics: dict[str, Any] = {"rows": 1, "accuracy": 1.0, "macro_f1": 1.0, "ece": 0.0}
    metrics["classes"] = dict.fromkeys(("[/b]", "Deals [rumour]", "\x1b[2Jx"), numbers)
    out = io.StringIO()
    Console(file=out, width=140).print(
        *commands.metrics_tables("rows[old].csv", {"topic": metrics})
    )
    for name in ("rows[old].csv", "[/b]", "Deals [rumour]"):
        assert name in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_missing_feed_is_told_before_any_training(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"sentiment\.csv: no such file"):
        train(recipe, tmp_path, tmp_path / "out", say=print)
    assert not (tmp_path / "out").exists()


def test_a_held_out_file_is_measured_and_recorded(bundle: Bundle, feeds: Path) -> None:
    feed = Feed(
        name="held out",
        source="",
        license="",
        file="held_out.csv",
        topic={"column": "topic"},
        sentiment={"column": "sentiment"},
    )
    metrics, report = evaluation.evaluate(bundle, feed, feeds)
    assert report.kept == len(headlines()[::9])
    assert metrics["topic"]["accuracy"] > 0.8
    evaluation.record(bundle, "held out", metrics)
    again = load_bundle(bundle.path)
    assert again.meta.metrics["evaluations"]["held out"] == metrics
    assert "| held out | topic |" in (bundle.path / CARD).read_text(encoding="utf-8")
    nothing, report = evaluation.evaluate(bundle, feed, feeds, [feeds / "held_out.csv"])
    assert (nothing, report.kept) == ({}, 0)


def test_the_commands_say_what_they_did(
    bundle: Bundle, feeds: Path, encoder: Path, tmp_path: Path
) -> None:
    run = CliRunner().invoke
    result = run(
        commands.evaluate,
        [str(bundle.path), str(feeds / "sentiment.csv"), "--like", "toy-sentiment"],
    )
    assert result.exit_code == 0, result.output
    assert "190 used" in result.output
    assert "sentiment, 190 rows: accuracy" in " ".join(result.output.split())
    explicit = run(
        commands.evaluate,
        [str(bundle.path), str(feeds / "sentiment.csv"), "--sentiment-column", "label"]
        + [f"--sentiment-class={n}={c}" for n, c in enumerate(("negative", "positive", "neutral"))],
    )
    measured = "sentiment.csv: sentiment"
    assert explicit.output.split(measured)[1] == result.output.split(measured)[1]
    labelled = str(feeds / "sentiment.csv")
    nothing = run(
        commands.evaluate,
        [str(bundle.path), labelled, "--like=toy-sentiment", f"--without={labelled}", "--record=x"],
    )
    assert "nothing is left to measure on; give another file" in str(nothing.exception)
    assert "x" not in load_bundle(bundle.path).meta.metrics.get("evaluations", {})
    absent = run(commands.evaluate, [str(bundle.path), "no.csv", "--topic-column", "topic"])
    assert "File 'no.csv' does not exist" in absent.output
    none = run(commands.evaluate, [str(bundle.path), str(feeds / "sentiment.csv")])
    assert none.exit_code == 2
    assert "give --topic-column, --sentiment-column or --like" in none.output
    file = tmp_path / "recipe.yaml"
    content = toy_recipe(encoder)
    content["hyper"]["epochs"] = 1
    content |= {"holdout_share": 0.1, "holdout_file": str(tmp_path / "held_out.json")}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    made = run(
        commands.train,
        [str(file), "--data", str(feeds), "-o", str(tmp_path / "out"), "--seed", "8"],
    )
    assert made.exit_code == 0, made.output
    meta = load_bundle(tmp_path / "out").meta
    assert (meta.recipe["hyper"]["seed"], meta.recipe["split_seed"]) == (8, 7)
    assert meta.name == "toy"
    assert (tmp_path / "out" / "holdout.json").read_bytes() == (
        tmp_path / "held_out.json"
    ).read_bytes()
    assert meta.metrics["evaluations"]["frozen holdout"]["sentiment"]["rows"] > 0
    assert meta.metrics["data"]["holdouts"][-1]["holdout"] == "frozen holdout"
