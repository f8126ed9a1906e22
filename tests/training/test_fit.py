"""Fits of the toy: several topics a text, killed and resumed, in two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from click.testing import CliRunner

pytest.importorskip("nncf", reason="needs nncf, torch and more: pip install 'newsurge[train]'")

from monitor.model.bundle import Bundle, load_bundle
from monitor.model.judge import Judgement, load_judge
from monitor.records import NewsItem
from monitor.settings import Settings
from tests.training.toy_world import changed, multi
from training import commands, holdout, pipeline, toy
from training.callbacks import DivergedError, epochs_of, is_over
from training.checkpoints import ResumeError, open_work, whole_checkpoints
from training.gathering import gather
from training.pruning import fit_trial
from training.recipe import Recipe, load_recipe
from training.trackers import TrackerError

pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parents[2]
ALL_OPTIONS = {
    "epochs": 3,
    "accumulate": 2,
    "batch_size": 8,
    "r_drop": 0.5,
    "layer_decay": 0.9,
    "class_weights": "sqrt",
    "average": {"kind": "ema", "decay": 0.9, "start": 0.2},
}


def test_the_toy_is_the_same_everywhere(data: Path) -> None:
    assert len(toy.rows()) == toy.ROWS
    assert load_recipe(data / "recipe.yaml").base.sha256 == (
        "4fbc3310796a5ed9f09cee37abd0387bb2cc3428fe5c3320075b269909fffcc2"
    )


def test_a_text_of_two_topics_feeds_both_series(several: Bundle) -> None:
    meta = several.meta
    assert meta.topic_mode == "multi"
    dev = meta.metrics["dev"]["topic"]
    assert dev["macro_f1"] > 0.9
    assert dev["micro_f1"] > 0.9
    assert meta.metrics["parity"]["topic"]["agreement"] > 0.9
    judge = load_judge(several, Settings())
    items = [
        NewsItem(id="1", title="Oake soars on strong dividend and regulator probe"),
        NewsItem(id="2", title="Larkfen warns on annual earnings"),
    ]
    both, one = (j for j in judge.infer(judge.prepare(items)) if isinstance(j, Judgement))
    assert set(both.series_topics) == {"Dividend", "Legal and Regulation"}
    assert both.topic == both.series_topics[0]
    assert both.sentiment.positive > 0.5
    assert one.series_topics == ("Earnings",)


def test_report_and_gate_take_a_bundle_of_several_topics(several: Bundle, data: Path) -> None:
    report = several.path.with_name("several.report.html").read_text(encoding="utf-8")
    assert "A text may have several classes" in report
    assert "Topic, " in report
    rows = gather(multi(data), data).dev
    told = holdout.answers(several, rows)["topic"]
    chosen = holdout.choices(several, rows)["topic"].said
    labelled = [row for row in rows if row.topics is not None]
    assert told.truth.sum(1).tolist() == [len(row.topics or ()) for row in labelled]
    assert (told.said == chosen).all()
    assert (told.said == told.truth).all(1).mean() > 0.9
    assert told.ece < 0.1


def test_the_log_tells_when_to_stop_and_what_each_epoch_came_to() -> None:
    log: list[dict[str, Any]] = [
        {"loss": 3.0, "step": 2, "epoch": 0.5},
        {"loss": 1.0, "step": 4, "epoch": 1.0},
        {"eval_quality": 0.5, "eval_loss": 0.9, "eval_runtime": 1.2, "step": 4, "epoch": 1.0},
        {"loss": 0.5, "step": 8, "epoch": 2.0},
        {"eval_quality": 0.4, "eval_loss": 0.8, "eval_samples_per_second": 9, "step": 8},
        {"eval_quality": 0.5, "eval_loss": 0.8, "step": 12},
    ]
    assert epochs_of(log)[:2] == [
        {"quality": 0.5, "loss": 0.9, "epoch": 1.0, "train_loss": 2.0},
        {"quality": 0.4, "loss": 0.8, "train_loss": 0.5},
    ]
    assert not is_over(log, 0)
    assert not is_over(log[:3], 1)
    assert is_over(log[:5], 1)
    assert not is_over(log[:5], 2)
    assert is_over(log, 2)  # as good as before is not better


def killed(data: Path, work: Path, *where: str) -> dict[str, Any]:
    """What the last of the processes measured; all but it are killed where they are told."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.killed_fit", str(data), str(work), *where],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=420,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_fit_that_was_killed_comes_to_the_same(data: Path, tmp_path: Path) -> None:
    content = yaml.safe_load((data / "recipe.yaml").read_text(encoding="utf-8"))
    content["hyper"] |= {**ALL_OPTIONS, "checkpoint_steps": 3}
    content["base"]["path"] = str(data / "encoder")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "rows.csv").write_bytes((data / "rows.csv").read_bytes())
    # Ten steps an epoch. In turn: before any checkpoint; one half written; the step after one; an
    # epoch's end measured but not kept; in the last epoch; when all is done but the export.
    whole = killed(tmp_path, tmp_path / "whole", "end")
    places = ("step:2", "save:6", "step:7", "save:20", "step:28", "end")
    parts = killed(tmp_path, tmp_path / "parts", *places)
    assert whole["from"] is None
    assert parts["from"] == "checkpoint-27"
    assert len(whole["epochs"]) == 3
    assert parts["epochs"] == whole["epochs"]
    assert parts["sums"] == whole["sums"]
    again = killed(tmp_path, tmp_path / "parts", "end")
    assert again == {**parts, "from": "checkpoint-30"}


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_stopping_early_outlives_a_kill(data: Path, tmp_path: Path) -> None:
    content = yaml.safe_load((data / "recipe.yaml").read_text(encoding="utf-8"))
    content["hyper"] |= {"patience": 1, "epochs": 9, "learning_rate": 1e-9}
    content["hyper"] |= {"head_learning_rate": 1e-9}
    content["base"]["path"] = str(data / "encoder")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "rows.csv").write_bytes((data / "rows.csv").read_bytes())
    stopped = killed(tmp_path, tmp_path / "work", "end")
    assert len(stopped["epochs"]) == 2
    again = killed(tmp_path, tmp_path / "work", "end")
    assert again["epochs"] == stopped["epochs"]
    assert again["sums"] == stopped["sums"]


def test_a_work_directory_is_gone_on_with_only_if_asked_and_only_by_its_own(tmp_path: Path) -> None:
    work, facts = tmp_path / "work", {"recipe": "a", "rows": "b"}
    assert open_work(work, facts, resume=True) is None
    (work / "checkpoint-5").mkdir()
    (work / "checkpoint-5" / "whole").touch()
    (work / "checkpoint-9").mkdir()
    with pytest.raises(ResumeError, match="interrupted at step 5; go on with --resume, or delete"):
        open_work(work, facts, resume=False)
    with pytest.raises(ResumeError, match="an interrupted training with other rows; restore what"):
        open_work(work, {**facts, "rows": "c"}, resume=True)
    assert open_work(work, facts, resume=True) == work / "checkpoint-5"
    assert [step for step, _ in whole_checkpoints(work)] == [5]
    assert not (work / "checkpoint-9").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letters.txt").touch()
    with pytest.raises(ResumeError, match="is not a training's work directory"):
        open_work(tmp_path / "mine", facts, resume=True)
    with pytest.raises(ResumeError, match="checkpoints can't be kept there"):
        open_work(tmp_path / "mine" / "letters.txt" / "work", facts, resume=False)
    labels = tmp_path / "mine" / "training.json"  # a desk's own, which is called like ours
    for content in ('[{"text": "Oake falls"}]', '{"text": "Oake falls"}', "not JSON"):
        labels.write_text(content, encoding="utf-8")
        with pytest.raises(ResumeError, match="is not a training's work directory"):
            open_work(tmp_path / "mine", facts, resume=False)
        assert (tmp_path / "mine" / "letters.txt").exists()
        assert labels.read_text(encoding="utf-8") == content


def test_a_training_that_diverged_ends_with_a_word_and_without_a_bundle(
    data: Path, tmp_path: Path
) -> None:
    content = changed(data, epochs=2).model_dump(mode="json")
    content["feeds"][0]["weight"] = 1e38  # its gradients are beyond any float
    recipe = Recipe.model_validate(content)
    with pytest.raises(DivergedError, match=r"after epoch 1 the loss on dev is no finite number"):
        pipeline.train(recipe, data, tmp_path / "out", say=print)
    assert not (tmp_path / "out").exists()
    rows = gather(recipe, data)
    trial = optuna.create_study().ask()
    with pytest.raises(optuna.TrialPruned):
        fit_trial(recipe, rows.train, rows.dev, trial, tmp_path / "tune")


def test_a_tracker_that_is_not_installed_is_told_at_once(data: Path, tmp_path: Path) -> None:
    recipe = changed(data).model_copy(update={"trackers": ("dvclive",)})
    with pytest.raises(TrackerError, match="dvclive is not installed; pip install dvclive"):
        pipeline.train(recipe, tmp_path, tmp_path / "out", say=print)


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "training.main", *map(str, arguments)]


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_newsurge_train_killed_and_resumed_makes_the_same_bundle(
    data: Path, tmp_path: Path
) -> None:
    recipe, out = data / "recipe.yaml", tmp_path / "killed"
    child = subprocess.Popen(command(recipe, "--data", data, "-o", out), cwd=ROOT)
    work = tmp_path / "killed.work"
    while child.poll() is None and not whole_checkpoints(work):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not out.exists()
    run = CliRunner().invoke
    refused = run(commands.train, [str(recipe), "--data", str(data), "-o", str(out)])
    assert "go on with --resume" in str(refused.exception)
    resumed = run(commands.train, [str(recipe), "--data", str(data), "-o", str(out), "--resume"])
    assert resumed.exit_code == 0, resumed.output
    assert "Going on from" in resumed.output
    assert not work.exists()
    whole = pipeline.train(load_recipe(recipe), data, tmp_path / "whole", say=print)
    assert load_bundle(out).meta.metrics == whole.meta.metrics


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_two_processes_train_one_bundle(data: Path, tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    torchrun += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    call = ["-m", "training.main", str(data / "recipe.yaml"), "--data", str(data), "-o"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    outcomes = []
    for name in ("one", "two"):
        done = subprocess.run(
            [*torchrun, *call, str(tmp_path / name)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("texts to learn from") == 1  # only one of them speaks
        assert done.stdout.count("bundle toy 1") == 1
        outcomes.append(load_bundle(tmp_path / name).meta.metrics)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["dev"]["topic"]["accuracy"] > 0.8
