"""`newsurge tune`: options in; a table, `tune.json`, a picture and a recipe out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.errors import NewsurgeError
from training.commands import require
from training.options import data_option, recipe_argument

if TYPE_CHECKING:
    from rich.table import Table

    from training.tune_result import Found

NAMES = ("tune.json", "tune.svg", "tuned.yaml")


@click.command()
@recipe_argument
@data_option
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    help="Trials in all, those of earlier calls included.  [default: the recipe's tune.trials]",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the study and its results are kept.  [default: models/NAME-VERSION.tune]",
)
def tune(recipe: Path, data: Path, trials: int | None, work: Path | None) -> None:
    """Search hyper-parameters for RECIPE, over what its `tune` section says.

    Each trial fits the recipe with other values on a part of train and is judged on the rest of
    it; dev and holdouts are not looked at. The study is on disk after every trial: the same
    command goes on with it. Writes tune.json, tune.svg and tuned.yaml, the recipe with the best
    values, into the work directory. Needs the `train` extra.
    """
    from rich.console import Console

    from training.recipe import load_recipe

    loaded = load_recipe(recipe)
    require("torch", "transformers", "optuna")
    from training import tuning
    from training.pruning import fit_trial

    console = Console(stderr=True)
    place = work or Path("models") / f"{loaded.name}-{loaded.version}.tune"
    found = tuning.tune(
        loaded,
        data,
        place,
        trials=trials or loaded.tune.trials,
        say=lambda line: console.print(line, highlight=False, markup=False),
        fit=partial(fit_trial, work=place),
    )
    write(found, recipe, place)
    Console().print(table(found))
    click.echo(f"{place / NAMES[2]}: {recipe} with the values of trial {found.best.number}")


def write(found: Found, recipe: Path, place: Path) -> None:
    """Writes the trials, their picture, and the recipe with the best values.

    The recipe's comments are not kept; a path in it is made absolute, as it lies elsewhere now.
    """
    import yaml

    from training.recipe import load_recipe
    from training.tune_picture import picture
    from training.tune_result import encode

    loaded = load_recipe(recipe)
    content: dict[str, Any] = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    content["hyper"] = {**(content.get("hyper") or {}), **found.best.values}
    if loaded.base.path is not None:
        content["base"]["path"] = str(loaded.base.path)
    content["tune"] = {**(content.get("tune") or {}), "found": str((place / NAMES[0]).resolve())}
    made = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    try:
        (place / NAMES[0]).write_bytes(encode(found))
        (place / NAMES[1]).write_text(picture(found), encoding="utf-8")
        (place / NAMES[2]).write_text(made, encoding="utf-8")
    except OSError as error:
        raise NewsurgeError(
            f"{place}: can't be written to ({error.strerror}); name another directory with --work"
        ) from error


def table(found: Found) -> Table:
    """Returns the trials, best first."""
    from rich.table import Table
    from rich.text import Text

    from training.tuning import shown

    keys = sorted({key for trial in found.trials for key in trial.values})
    told = Table("trial", "state", title="Trials: mean macro-F1 of the heads", title_justify="left")
    for column in ("quality", *keys, "seconds"):
        told.add_column(column, justify="right")
    for trial in sorted(found.trials, key=lambda t: (-(t.quality or 0.0), t.number)):
        quality = "" if trial.quality is None else f"{trial.quality:.4f}"
        values = [Text(shown(trial.values.get(key, ""))) for key in keys]
        style = "bold" if trial.number == found.best.number else ""
        told.add_row(
            str(trial.number), trial.state, quality, *values, f"{trial.seconds:.0f}", style=style
        )
    return told
