"""The recipe: everything that decides a training, in one YAML file.

Owns names, types, defaults and the sentences told when one is wrong; what concerns feeds is in
`training.recipe_data`, what concerns the fit in `training.hyper`. It opens no feed and imports no
torch, so that a broken recipe is refused at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from monitor.errors import NewsurgeError
from monitor.model.bundle import NO_TOPIC, SENTIMENTS
from monitor.yaml_file import read_yaml_file
from training.hyper import Hyper, Tune
from training.recipe_data import Feed, Holdout, Hygiene, Labels, Section, Sha256
from training.trackers import TRACKERS

__all__ = ["Base", "Feed", "Holdout", "Hygiene", "Hyper", "Labels", "Recipe", "load_recipe"]


class RecipeError(NewsurgeError):
    """A recipe that can't be followed; the message lists every fault found in it."""

    exit_code = 2


class Base(Section):
    """The encoder to start from: a local `path`, else an installed `package`, else the hub `id`."""

    id: str = Field(description="Its name on the Hugging Face hub; fetched where nothing is local.")
    license: str
    sha256: Sha256 = Field(description="Of its model.safetensors; verified before it is read.")
    revision: str | None = Field(None, description="Branch, tag or commit on the hub.")
    path: Path | None = Field(None, description="Relative to the recipe's directory.")
    package: str | None = Field(None, description="A Python package that carries the encoder.")
    folder: str = Field("model", description="Where in the package.")


class Recipe(Section):
    """A whole training."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")
    description: str = ""
    languages: tuple[str, ...] = Field(("en",), min_length=1)
    minimum_words: int = Field(2, ge=0, description="Shorter texts are not judged.")
    max_length: int = Field(96, ge=8, le=512, description="Tokens; the rest is cut off.")
    pooling: Literal["mean", "first"] = "mean"
    base: Base
    topics: tuple[str, ...] = Field(min_length=2)
    feeds: tuple[Feed, ...] = Field(min_length=1)
    topic_mode: Literal["single", "multi"] = Field(
        "single", description="Whether a text has one topic, or any number of them."
    )
    holdouts: tuple[Holdout, ...] = ()
    holdout_share: float = Field(
        0, ge=0, lt=0.5, description="Part of the feeds that is held out for good."
    )
    holdout_file: str = Field(
        "", description="Where it is written down, relative to --data; NAME.holdout.json."
    )
    split: Literal["time", "stratified"] = "time"
    split_seed: int = Field(7, ge=0, description="Draws dev and holdout, whatever the fit's seed.")
    hygiene: Hygiene = Hygiene()
    hyper: Hyper = Hyper()
    tune: Tune = Tune()
    trackers: tuple[str, ...] = Field((), description="The Trainer's: tensorboard, mlflow, ….")
    behaviour: Path | None = Field(
        None, description="A directory of further behaviour tests, relative to --data."
    )

    @field_validator("trackers")
    @classmethod
    def _known_trackers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in TRACKERS:
                raise ValueError(f"no tracker is called {name!r}; there are {', '.join(TRACKERS)}")
        return value

    @model_validator(mode="after")
    def _classes_agree(self) -> Recipe:
        if len(set(self.topics)) != len(self.topics):
            raise ValueError("a topic is named twice")
        if any(not topic or topic != topic.strip() for topic in self.topics):
            raise ValueError("a topic has no name, or white space around it; correct it")
        if NO_TOPIC in self.topics:
            raise ValueError(f"no topic may be called {NO_TOPIC!r}: it names items without one")
        names = [feed.name for feed in self.feeds]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(
                f"two feeds are called {twice[0]!r}; give each a name of its own, by which its "
                "rows are accounted for"
            )
        for feed in self.feeds:
            _check_mapping(feed.name, "topic", feed.topic, self.topics)
            _check_mapping(feed.name, "sentiment", feed.sentiment, SENTIMENTS)
        return self


def _check_mapping(feed: str, head: str, labels: Labels | None, known: tuple[str, ...]) -> None:
    unknown = sorted(set(labels.classes.values()) - set(known)) if labels else []
    if unknown:
        raise ValueError(
            f"feed {feed!r} maps {head} to {', '.join(map(repr, unknown))}; "
            f"the {head} classes are {', '.join(known)}"
        )


def load_recipe(file: Path) -> Recipe:
    """Reads and checks a recipe.

    Raises:
        RecipeError: it can't be read, is not YAML, or names an unknown key or a wrong value.
    """
    read = read_yaml_file(file, RecipeError)
    content = read.content
    if not isinstance(content, dict):
        raise RecipeError(f"{file}: a recipe is a mapping of keys; see training/recipes/")
    base = content.get("base")
    if isinstance(base, dict) and isinstance(base.get("path"), str):
        # Path's own rule: an absolute path stays as it is.
        content = {
            **content, "base": {**base, "path": str(file.parent.resolve() / base["path"])}
        }  # fmt: skip
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(
            f"{read.faults(error)}\ndocs/TRAINING.md lists the keys of a recipe"
        ) from None
