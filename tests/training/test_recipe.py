"""Recipes: what is right is read, what is wrong is told with its place and its remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from training.recipe import (
    Base,
    Feed,
    Holdout,
    Hygiene,
    Hyper,
    Labels,
    Recipe,
    RecipeError,
    load_recipe,
)

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]
STARTER = ROOT / "training" / "recipes" / "starter.yaml"


def test_the_toy_recipe_is_read(toy: Write) -> None:
    recipe = load_recipe(toy())
    assert recipe.topics == ("Earnings", "Dividend", "Legal and Regulation")
    assert recipe.feeds[0].sentiment is not None
    assert recipe.feeds[0].sentiment.classes == {
        "0": "negative",
        "1": "positive",
        "2": "neutral",
    }


def test_the_starter_recipe_is_read() -> None:
    recipe = load_recipe(STARTER)
    assert len(recipe.topics) == 20
    assert all(feed.sha256 for feed in recipe.feeds)
    assert all(holdout.sha256 for holdout in recipe.holdouts)


def test_a_recipe_survives_the_bundle(toy: Write) -> None:
    recipe = load_recipe(toy())
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


FEED = {"name": "f", "source": "s", "license": "MIT", "file": "f.csv"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"epoch": 3}, "epoch: there is no such key"),
        ({"hyper": {"epochs": 0}}, "hyper.epochs: must be greater than 0"),
        ({"hyper": {"learning_rate": "fast"}}, "hyper.learning_rate"),
        ({"hyper": {"warm_up": 0.1}}, "hyper.warm_up: there is no such key"),
        ({"topics": ["Macro"]}, "topics"),
        ({"topics": ["Macro", "Macro"]}, "a topic is named twice"),
        ({"topics": ["Macro", "none"]}, "no topic may be called 'none'"),
        ({"feeds": []}, "feeds"),
        ({"feeds": {"file": "f.csv"}}, "feeds: must be a list"),
        ({"topics": [1, "Macro"]}, "topics.0: must be text; put it in quotes"),
        ({"hyper": {"average": "ema"}}, "hyper.average: must be a mapping of keys to values"),
        ({"base": None}, "base: must be a mapping of keys to values"),
        ({"feeds": [FEED]}, "feeds.0: name a topic or a sentiment column, or both"),
        (
            {"feeds": [{**FEED, "topic": {"column": "c", "classes": {0: "Gossip"}}}]},
            "feed 'f' maps topic to 'Gossip'; the topic classes are Earnings",
        ),
        (
            {"feeds": [{**FEED, "sentiment": {"column": "c", "classes": {0: "bearish"}}}]},
            "feed 'f' maps sentiment to 'bearish'; the sentiment classes are negative",
        ),
        ({"base": {"id": "x", "license": "MIT", "sha256": "abc"}}, "base.sha256"),
        ({"name": "Has Spaces"}, "name"),
        ({"hygiene": {"near": 0}}, "hygiene.near"),
        ({"holdout_share": 0.6}, "holdout_share"),
        ({"feeds": [{**FEED, "file": "", "topic": {"column": "c"}}]}, "feeds.0: name its file"),
        (
            {"feeds": [{**FEED, "encoding": "latin-99", "topic": {"column": "c"}}]},
            "feeds.0.encoding: no encoding is called 'latin-99'",
        ),
        (
            {"feeds": [{**FEED, "encoding": "hex", "topic": {"column": "c"}}]},
            "feeds.0.encoding: no encoding is called 'hex'",
        ),
        (
            {"feeds": [{**FEED, "delimiter": '"', "topic": {"column": "c"}}]},
            "feeds.0.delimiter: a quote or a line end can't stand between cells",
        ),
        (
            {"feeds": [{**FEED, "topic": {"column": "c"}}] * 2},
            "two feeds are called 'f'; give each a name of its own",
        ),
        ({"topics": ["Macro", " "]}, "a topic has no name, or white space around it"),
        ({"hyper": {"epochs": float("inf")}}, "hyper.epochs: must be a valid number"),
    ],
)
def test_a_wrong_key_is_told_with_its_place(toy: Write, changes: dict[str, Any], told: str) -> None:
    file = toy(**changes)
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    fault, keys = str(caught.value).splitlines()
    place, message = fault.removeprefix(f"{file}:").split(": ", 1)
    assert all(map(str.isdigit, place.split(":")))
    assert told in message
    assert keys == "docs/TRAINING.md lists the keys of a recipe"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("topics: [", "not valid YAML"),
        ("- a", "a mapping of keys"),
        ("", "a mapping of keys"),
        ("[" * 3000, "nested too deeply"),
        ("name: &a [*a]", r":1:7: an alias of what it stands in"),
        ("name: toy", r"version: is needed\n.*:1:1: base: is needed"),
        ("name: toy\nbase: {path: a, path: b}", r":2:17: 'path' is given twice, first on"),
        (
            "name: toy\nfeeds:\n- file: a\n  file: b\n",
            r":4:3: 'file' is given twice, first on line 3",
        ),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError, match=told):
        load_recipe(file)


def test_a_missing_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="can't be read"):
        load_recipe(tmp_path / "no.yaml")


@pytest.mark.parametrize("section", [Recipe, Base, Feed, Labels, Holdout, Hygiene, Hyper])
def test_every_key_is_documented(section: type[BaseModel]) -> None:
    text = (ROOT / "docs" / "TRAINING.md").read_text(encoding="utf-8")
    assert [key for key in section.model_fields if f"`{key}`" not in text] == []
