"""Distillation: what teachers answer, what is learned from it, and whose answers are refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nncf", reason="needs nncf, torch and more: pip install 'newsurge[train]'")

from msgspec.structs import replace
from transformers import set_seed

from monitor.errors import BundleError
from monitor.model.bundle import Bundle, Temperatures, write_meta
from tests.training.toy_world import changed, multi
from training import teaching
from training.checkpoints import ResumeError
from training.gathering import gather
from training.network import build, find_encoder
from training.pipeline import train
from training.trainer import fit

pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore")]


def test_a_teacher_answers_for_the_rows_that_lack_a_label(
    several: Bundle, data: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    recipe = multi(data, epochs=1, distil={"bundles": [str(several.path)], "weight": 1.0})
    gathered = gather(recipe, data)
    taught = teaching.answers(recipe, data, gathered.train, told.append)
    assert taught is not None
    assert told == [f"Learning from {several.path}, too: answers for 161 texts"]
    unlabelled = [i for i, row in enumerate(gathered.train) if row.topics is None]
    assert unlabelled
    assert ((taught[0][unlabelled] > 0.9).sum(1) >= 1).mean() > 0.9
    losses: list[dict[str, float]] = []
    for teacher in (None, taught):
        set_seed(recipe.hyper.seed)
        network, tokenizer = build(recipe, find_encoder(recipe.base))
        place = tmp_path / f"work-{len(losses)}"
        rows = gathered.train, gathered.dev
        losses.append(fit(recipe, network, tokenizer, *rows, place, teacher=teacher)[0])
    assert losses[1]["train_loss"] > losses[0]["train_loss"]
    assert losses[1]["loss"] < losses[0]["loss"]
    single = changed(data, distil={"bundles": [str(several.path)]})
    with pytest.raises(BundleError, match="the teacher's topics are not the recipe's"):
        teaching.answers(single, data, gathered.train, told.append)


def test_of_several_teachers_the_mean_is_learned(
    several: Bundle, data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "unsure"
    shutil.copytree(several.path, other)
    write_meta(other, replace(several.meta, temperatures=Temperatures(topic=5.0, sentiment=5.0)))

    def taught(*bundles: Path) -> tuple[np.ndarray, np.ndarray]:
        recipe = multi(data, distil={"bundles": list(map(str, bundles))})
        found = teaching.answers(recipe, data, gather(recipe, data).dev, print)
        assert found is not None
        return found

    alone = [taught(bundle) for bundle in (several.path, other)]
    both = taught(several.path, other)
    for head in (0, 1):
        assert abs(alone[0][head] - alone[1][head]).max() > 0.1
        assert both[head] == pytest.approx((alone[0][head] + alone[1][head]) / 2, abs=1e-6)


def test_a_training_is_not_gone_on_with_under_another_teacher(
    several: Bundle, data: Path, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher"
    shutil.copytree(several.path, teacher)
    recipe = multi(data, epochs=2, distil={"bundles": [str(teacher)]})

    def stop(line: str) -> None:
        if line.startswith("epoch 1 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, tmp_path / "out", say=stop)
    write_meta(teacher, replace(several.meta, temperatures=Temperatures(topic=5.0)))
    with pytest.raises(ResumeError, match="interrupted training with other teachers"):
        train(recipe, data, tmp_path / "out", say=print, resume=True)
