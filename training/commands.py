"""`newsurge train` and `newsurge evaluate`: options in, tables out; the work is done elsewhere.

torch and numpy are imported only once a command runs, so `--help` stays quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training.data_tables import data_tables, feed_table, safe
from training.options import data_option, recipe_argument
from training.report.tables import behaviour_table

if TYPE_CHECKING:
    from rich.table import Table

NEEDS = "training needs more than serving does: pip install 'newsurge[train]'"


@click.command()
@recipe_argument
@data_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the new bundle.  [default: models/NAME-VERSION]",
)
@click.option("--full", is_flag=True, help="Keep the fp32 weights too, for serving on a GPU.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Other heads, dropout and order of rows than hyper.seed's; dev and holdout stay.",
)
@click.option("--resume", is_flag=True, help="Go on with a training that was interrupted.")
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where checkpoints are kept until the bundle is there.  [default: OUT.work]",
)
def train(
    recipe: Path,
    data: Path,
    out: Path | None,
    seed: int | None,
    work: Path | None,
    *,
    full: bool,
    resume: bool,
) -> None:
    """Train a model bundle as RECIPE (a YAML file) says.

    Reads the labelled feeds that the recipe names, shows what was kept and why the rest was
    not, fine-tunes one encoder with a topic and a sentiment head, and writes a bundle that
    `newsurge run` can serve. Needs the `train` extra.

    If it is interrupted, the same command with --resume goes on at the last checkpoint and comes
    to the same bundle. torchrun spreads it over GPUs and machines: torchrun --nproc-per-node 2 -m
    training.main RECIPE ....
    """
    from rich.console import Console

    from training.recipe import load_recipe

    loaded = load_recipe(recipe)
    if seed is not None:
        hyper = loaded.hyper.model_copy(update={"seed": seed})
        loaded = loaded.model_copy(update={"hyper": hyper})
    require("torch", "transformers", "nncf", "onnx")
    from training.pipeline import train as follow

    console = Console(stderr=True)
    made = follow(
        loaded,
        data,
        out or Path("models") / f"{loaded.name}-{loaded.version}",
        full=full,
        resume=resume,
        work=work,
        say=lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
        told=lambda report: console.print(*data_tables(report)),
    )
    Console().print(*(metrics_tables("dev", made.meta.metrics["dev"])), sep="\n")
    click.echo(f"{made.path}: bundle {made.meta.name} {made.meta.version}")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, file_okay=False))
@click.argument("data", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--like", metavar="FEED", help="Read DATA as the bundle's recipe reads this feed.")
@click.option("--text-column", default="text", show_default=True, help="Column of the text.")
@click.option("--topic-column", help="Column of the topic.")
@click.option("--sentiment-column", help="Column of the sentiment.")
@click.option(
    "--topic-class",
    "topic_classes",
    multiple=True,
    metavar="VALUE=NAME",
    help="What a value of the topic column means; repeat. Unmapped: the values are the names.",
)
@click.option(
    "--sentiment-class",
    "sentiment_classes",
    multiple=True,
    metavar="VALUE=NAME",
    help="What a value of the sentiment column means; repeat.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Leave out texts that are in this file too (such as the training file); repeat.",
)
@click.option(
    "--record", metavar="NAME", help="Keep the result in the bundle's meta.json and model card."
)
@click.option(
    "--report",
    "html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the whole report as one HTML page.",
)
@click.option(
    "--json",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the whole report as JSON.",
)
@click.option(
    "--behaviour",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Run these behaviour tests (*.yaml) beside those shipped.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Recent news, CSV or JSONL, to show in the report how far text has drifted from DATA.",
)
def evaluate(
    bundle: Path,
    data: Path,
    like: str | None,
    text_column: str,
    topic_column: str | None,
    sentiment_column: str | None,
    topic_classes: tuple[str, ...],
    sentiment_classes: tuple[str, ...],
    without: tuple[Path, ...],
    record: str | None,
    html: Path | None,
    json: Path | None,
    behaviour: Path | None,
    against: Path | None,
) -> None:
    """Measure BUNDLE, as served on a CPU, on the labelled rows of DATA.

    DATA is CSV, JSONL, JSON or Parquet. Prints accuracy, macro-F1, calibration error and a table
    by class for each head that DATA has labels for. Give the columns, or --like with the name of
    a feed of the bundle's recipe.
    With --report, --json or --behaviour the behaviour tests are run too.
    """
    from rich.console import Console

    from monitor.model.bundle import load_bundle
    from training.recipe_data import Feed, Labels

    require("openvino", "tokenizers")
    from training import evaluation
    from training.report import evaluating
    from training.sources.opening import format_of

    if against and not (html or json):
        raise click.UsageError("--against is shown in the report: give --report or --json too")
    loaded = load_bundle(bundle)
    if like:
        feed = evaluation.feed_like(loaded, like, data.name)
    elif topic_column or sentiment_column:
        columns = [(topic_column, topic_classes), (sentiment_column, sentiment_classes)]
        topic, sentiment = (
            Labels(column=column, classes=_pairs(classes)) if column else None
            for column, classes in columns
        )
        feed = Feed(
            name=data.name,
            source="",
            license="",
            file=data.name,
            format=format_of(data.name),
            text_column=text_column,
            topic=topic,
            sentiment=sentiment,
        )
    else:
        raise click.UsageError("give --topic-column, --sentiment-column or --like")
    wanted = evaluating.Wanted(data.name, html, json, behaviour, against, record)
    done = evaluating.evaluate(loaded, feed, data.parent, without, wanted)
    console = Console()
    console.print(feed_table([done.feed]), *metrics_tables(data.name, done.metrics), sep="\n")
    if done.behaviour:
        console.print(behaviour_table(done.behaviour))
    if record:
        click.echo(f"recorded as {record!r} in {bundle}")
    for file in filter(None, (html, json)):
        click.echo(f"{file}: report")


def metrics_tables(name: str, heads: dict[str, Any]) -> list[Table]:
    """Returns a table by class for each head, its averages in the title."""
    from rich.table import Table

    tables = []
    for head, metrics in heads.items():
        title = (
            f"{name}: {head}, {metrics['rows']:,} rows: accuracy {metrics['accuracy']:.4f}, "
            f"macro-F1 {metrics['macro_f1']:.4f}, ECE {metrics['ece']:.4f}"
        )
        table = Table("class", title=safe(title), title_justify="left")
        for column in ("precision", "recall", "F1", "support"):
            table.add_column(column, justify="right")
        for cls, m in metrics["classes"].items():
            table.add_row(
                safe(cls),
                *(f"{m[k]:.3f}" for k in ("precision", "recall", "f1")),
                str(m["support"]),
            )
        tables.append(table)
    return tables


def _pairs(items: tuple[str, ...]) -> dict[str, str]:
    for item in items:
        if "=" not in item:
            raise click.UsageError(f"{item!r} is not VALUE=NAME")
    return dict(item.split("=", 1) for item in items)


def require(*modules: str) -> None:
    """Refuses to begin where a package of the `train` extra is missing."""
    from importlib.util import find_spec

    from monitor.errors import NewsurgeError

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise NewsurgeError(f"{', '.join(missing)} not installed; {NEEDS}")
