"""The search: what is tried, what outlives an interruption, what is written."""

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
import yaml
from click.testing import CliRunner

pytest.importorskip("optuna", reason="needs optuna: pip install 'newsurge[train]'")
pytest.importorskip("torch", reason="needs torch: pip install 'newsurge[train]'")

from training import tune_command
from training.feeds import Row
from training.gathering import gather
from training.hyper import DEFAULT_SPACE, Hyper
from training.pipeline import train
from training.recipe import Recipe, RecipeError, load_recipe
from training.tune_picture import picture
from training.tune_result import Found, Outcome, Texts, TuneError
from training.tune_result import read as read_found
from training.tuning import tune

pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def recipe(data: Path) -> Recipe:
    return load_recipe(data / "recipe.yaml")


def hill(recipe: Recipe, *_: Any) -> float:
    """A quality with its top where the rate is 0.002 and nothing is smoothed."""
    far = abs(math.log(recipe.hyper.learning_rate / 0.002)) + recipe.hyper.label_smoothing
    return 1 / (1 + far)


def search(recipe: Recipe, data: Path, work: Path, trials: int, fit: Any = hill) -> Found:
    return tune(recipe, data, work, trials=trials, say=lambda _: None, fit=fit)


def test_it_finds_better_than_the_recipe_which_is_tried_first(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    found = search(recipe, data, tmp_path, 15)
    assert found.trials[0].values == {"learning_rate": 0.005, "label_smoothing": 0.0}
    assert found.best.quality == max(t.quality or 0 for t in found.trials)
    assert (found.best.quality or 0) > 0.75 > (found.trials[0].quality or 0)
    assert all(1e-3 <= t.values["learning_rate"] <= 1e-2 for t in found.trials)


def test_trials_are_judged_on_a_part_of_train(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    seen: list[tuple[list[Row], list[Row]]] = []

    def look(_: Recipe, learned: list[Row], judged: list[Row], *__: Any) -> float:
        seen.append((learned, judged))
        return 0.5

    search(recipe, data, tmp_path, 2, look)
    (learned, judged), again = seen
    assert again == (learned, judged)
    gathered = gather(recipe, data)
    assert sorted(row.text for row in learned + judged) == sorted(r.text for r in gathered.train)
    assert judged
    assert not {row.group for row in learned} & {row.group for row in judged}


def test_a_study_goes_on_where_it_was_interrupted(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    tried: list[float] = []

    def dies(recipe: Recipe, *_: Any) -> float:
        tried.append(recipe.hyper.learning_rate)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return hill(recipe)

    with pytest.raises(KeyboardInterrupt):
        search(recipe, data, tmp_path, 6, dies)
    found = search(recipe, data, tmp_path, 6, dies)
    assert [t.state for t in found.trials].count("complete") == 6
    assert found.trials[2].state == "fail"
    assert tried[3] == tried[2]
    assert search(recipe, data, tmp_path, 6, dies) == found
    assert len(tried) == 7


def test_a_study_of_something_else_is_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    search(recipe, data, tmp_path, 1)
    other = recipe.model_copy(update={"max_length": 16})
    with pytest.raises(TuneError, match="holds a study of another recipe or other rows"):
        search(other, data, tmp_path, 2)


def test_the_default_space_is_of_known_keys_and_holds_the_defaults() -> None:
    own = Hyper().model_dump()
    for key, told in DEFAULT_SPACE.items():
        assert told.low is not None
        assert told.high is not None
        assert told.low <= own[key] <= told.high


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        ({"speed": [1]}, "'speed' can't be tuned; these can"),
        ({"seed": [1, 2]}, "'seed' can't be tuned"),
        ({"epochs": {"low": 4}}, "give a list of values, or low and high"),
        ({"dropout": {"low": 0, "high": 0.3, "log": True}}, "log needs a low above 0"),
        ({"dropout": {"low": 0, "high": 2}}, "less than 1"),
        ({"batch_size": {"low": 8.5, "high": 16}}, "whole numbers"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(
    data: Path, tmp_path: Path, space: dict[str, Any], reason: str
) -> None:
    content = yaml.safe_load((data / "recipe.yaml").read_text(encoding="utf-8"))
    content["tune"] = {"space": space}
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert reason in str(caught.value)


def found(*trials: Outcome, best: int) -> Found:
    return Found("toy", Texts(90, 10), trials[best], trials, ("rate",))


def test_the_picture_has_every_trial_in_every_panel() -> None:
    trials = [
        Outcome(0, "complete", 0.7, 1.0, {"rate": 0.01, "schedule": "linear"}),
        Outcome(1, "pruned", 0.2, 0.5, {"rate": 0.1, "schedule": "<b>"}),
        Outcome(2, "fail", None, 0.0, {"rate": 0.2, "schedule": "linear"}),
        Outcome(3, "complete", 0.9, 1.0, {"rate": 0.001, "schedule": "cosine"}),
    ]
    drawn = ET.fromstring(picture(found(*trials, best=3)))  # noqa: S314
    space = "{http://www.w3.org/2000/svg}"
    circles = [each.get("class") for each in drawn.iter(f"{space}circle")]
    assert circles == ["c", "p", "b"] * 3
    assert "<b>" in "".join(drawn.itertext())
    alone = picture(found(trials[0], best=0))
    assert "nan" not in alone


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"recipe": "\xff"}'])
def test_a_result_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "tune.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TuneError, match=r"tune\.json: not what `newsurge tune` found"):
        read_found(file)


def test_the_command_writes_a_recipe_that_trains_and_goes_on(data: Path, tmp_path: Path) -> None:
    content = yaml.safe_load((data / "recipe.yaml").read_text(encoding="utf-8"))
    content["hyper"]["epochs"] = 2
    file = tmp_path / "recipe.yaml"
    content["base"]["path"] = str(data / "encoder")
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    work = tmp_path / "work"
    call = [str(file), "--data", str(data), "--work", str(work), "--trials"]
    first = CliRunner().invoke(tune_command.tune, [*call, "1"])
    assert first.exit_code == 0, first.output
    second = CliRunner().invoke(tune_command.tune, [*call, "2"])
    assert second.exit_code == 0, second.output
    assert "trial 0:" in first.output
    assert "trial 0:" not in second.output
    told = msgspec.json.decode((work / "tune.json").read_bytes())
    assert [trial["state"] for trial in told["trials"]] == ["complete", "complete"]
    tuned = load_recipe(work / "tuned.yaml")
    own = tuned.hyper.model_dump()
    assert {key: own[key] for key in told["best"]["values"]} == told["best"]["values"]
    assert tuned.hyper.epochs == 2
    assert tuned.tune.found == work / "tune.json"
    made = train(tuned, data, tmp_path / "bundle", say=lambda _: None)
    report = made.path.with_name("bundle.report.html").read_text(encoding="utf-8")
    assert "2 trials on parts of train" in report
    assert "data:image/svg+xml;base64," in report
    assert (work / "tune.svg").read_text(encoding="utf-8").startswith("<svg")
    assert sorted(each.name for each in work.iterdir()) == [
        "study.db", "tune.json", "tune.svg", "tuned.yaml",
    ]  # fmt: skip
