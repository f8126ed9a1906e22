"""`newsurge promote` and `retrain`: options in, the verdict out; the work is done elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from monitor.commands.model import registry_of
from monitor.logs import printable
from monitor.options import settings_options
from training.gate_limits import GateError
from training.options import data_option, recipe_argument

if TYPE_CHECKING:
    from training.gate_limits import GateFile
    from training.holdout import Holdout
    from training.promotion import Promotion

REFUSED = 3  # the exit code of a challenger that the gate is against
NOTHING_NEW = 4
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("bundle", metavar="VERSION|DIRECTORY")
@click.option(
    "--registry",
    type=click.Path(path_type=Path, file_okay=False),
    help="The registry.  [default: the setting model.registry]",
)
@click.option(
    "--holdout",
    "files",
    type=_FILE,
    multiple=True,
    help="A labelled file that no model learned from; repeat.  [default: those of the gate file]",
)
@click.option(
    "--like",
    "feeds",
    multiple=True,
    metavar="FEED",
    help="Read the holdout as the bundle's recipe reads this feed; one for each, or one for all.",
)
@click.option("--gate", type=_FILE, help="Limits (YAML).  [default: gate.yaml in the registry]")
@click.option("--force", metavar="REASON", help="Promote against the gate; the reason is logged.")
@click.option("--json", "as_json", is_flag=True, help="The log's entry, for machines.")
@settings_options
def promote(
    bundle: str,
    registry: Path | None,
    files: tuple[Path, ...],
    feeds: tuple[str, ...],
    gate: Path | None,
    force: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Have a model serve from now on, if it passes the gate.

    It is judged on the desk's own holdout, as served on a CPU, beside the model that serves now,
    and held against the limits of the gate. Then its bundle is copied into the registry, which
    makes it immutable, the promotion log gets an entry, and the pointer moves; running daemons
    swap within a second or two. Exit code 3 where the gate refuses it; the reasons are told.
    """
    from monitor.model.overview import find_bundle
    from training.promotion import promote as put

    shelf = registry_of(registry, options)
    limits, holdouts = gate_of(shelf, gate)
    if files:
        holdouts = _given(find_bundle(bundle, shelf), files, feeds)
    elif feeds:
        raise click.UsageError("--like says how a --holdout is read: give one")

    def say(line: str) -> None:
        click.echo(printable(line), err=True)

    done = put(shelf, bundle, holdouts, limits.gate, force=force, say=say)
    click.echo(msgspec.json.encode(done.entry) if as_json else printable_verdict(done))
    if not done.is_promoted:
        raise SystemExit(REFUSED)


@click.command()
@recipe_argument
@data_option
@click.option(
    "--registry",
    type=click.Path(path_type=Path, file_okay=False),
    help="The registry.  [default: the setting model.registry]",
)
@click.option("--version", help="Of the new bundle.  [default: the recipe's, with date and time]")
@click.option(
    "--least", type=click.IntRange(min=1), default=1, show_default=True, help="New rows asked for."
)
@click.option("--gate", type=_FILE, help="Limits (YAML).  [default: gate.yaml in the registry]")
@settings_options
def retrain(
    recipe: Path,
    data: Path,
    registry: Path | None,
    version: str | None,
    least: int,
    gate: Path | None,
    **options: Any,
) -> None:
    """Train on all labels of RECIPE if some are new, and promote the result if it passes the gate.

    Training starts at the weights of the model that serves where its bundle is a full one of the
    recipe's encoder, else at the recipe's base model. The holdouts of the gate file are kept out
    of it. Exit code 0 where it is promoted; 3 where the gate is against it, and it stays in
    challengers/ of the registry; 4 where nothing is new.
    """
    from training.recipe import load_recipe

    loaded = load_recipe(recipe)
    shelf = registry_of(registry, options)
    limits, holdouts = gate_of(shelf, gate)
    if not holdouts:
        raise GateError(
            f"no holdout to judge on: name the desk's own under `holdouts` in {shelf / 'gate.yaml'}"
        )
    from training.retraining import retrain as follow

    def say(line: str) -> None:
        click.echo(printable(line), err=True)

    done = follow(loaded, data, shelf, holdouts, limits.gate, version=version, least=least, say=say)
    if done.promotion is None:
        click.echo(f"{sum(done.new.values()):,} new labels, {least:,} are asked for: nothing done")
        raise SystemExit(NOTHING_NEW)
    click.echo(printable_verdict(done.promotion))
    if done.challenger is not None:
        click.echo(printable(f"it is kept in {done.challenger}"))
        raise SystemExit(REFUSED)


def gate_of(registry: Path, file: Path | None) -> tuple[GateFile, tuple[Holdout, ...]]:
    """The gate file named, or the registry's, or the defaults; and the holdouts that it names.

    Raises:
        GateError: when it can't be used.
    """
    from training.gate_limits import FILE, GateFile, load_gate
    from training.holdout import holdouts_of

    own = registry / FILE
    chosen = file or (own if own.exists() else None)
    if chosen is None:
        return GateFile(), ()
    gate = load_gate(chosen)
    return gate, holdouts_of(gate, chosen)


def printable_verdict(done: Promotion) -> str:
    """What became of a challenger and why, in lines that are safe for a terminal."""
    lines = []
    for head, numbers in done.verdict.heads.items() if done.verdict else ():
        line = f"{head}: macro-F1 {numbers.macro_f1:.4f}, ECE {numbers.ece:.4f}"
        if numbers.difference is not None:
            line += (
                f"; champion {numbers.champion_macro_f1:.4f}, difference {numbers.difference:+.4f} "
                f"({numbers.low:+.4f} to {numbers.high:+.4f})"
            )
        lines.append(f"{line}; {numbers.rows:,} rows")
    if done.verdict is not None:
        lines += [f"note: {note.said}" for note in done.verdict.notes]
        lines += [f"against: {finding.said}" for finding in done.verdict.against]
    version, before = done.entry.version, done.entry.replaced
    after = f", after {before}" if before else ""
    if not done.is_promoted:
        lines.append(f"REFUSED: {version}; {before or 'nothing'} serves on")
    elif done.entry.forced is not None:
        lines.append(f"promoted by force: {version}{after}: {done.entry.forced}")
    else:
        lines.append(f"promoted: {version}{after}")
    return "\n".join(map(printable, lines))


def _given(bundle: Any, files: tuple[Path, ...], feeds: tuple[str, ...]) -> tuple[Holdout, ...]:
    from training.evaluation import feed_like
    from training.holdout import Holdout

    if len(feeds) not in {1, len(files)}:
        raise click.UsageError("give --like FEED once, or once for each --holdout")
    each = feeds * len(files) if len(feeds) == 1 else feeds
    return tuple(
        Holdout(feed_like(bundle, feed, file.name), file.parent)
        for file, feed in zip(files, each, strict=True)
    )
