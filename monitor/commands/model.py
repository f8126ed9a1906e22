"""`newsurge models` and `newsurge rollback`: what a registry holds, and the way back.

Each command turns options into one call, and what comes of it into lines. Putting a model in
charge is `newsurge promote`, which measures and so belongs to `training`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from monitor.errors import NewsurgeError, SettingsError
from monitor.logs import printable
from monitor.options import resolve_settings, settings_options

if TYPE_CHECKING:
    from rich.table import Table

    from monitor.model.overview import Version
    from monitor.model.promotion_log import Entry

_REGISTRY = click.option(
    "--registry",
    type=click.Path(path_type=Path, file_okay=False),
    help="The registry.  [default: the setting model.registry]",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


def registry_of(registry: Path | None, options: dict[str, Any]) -> Path:
    """The registry that a command is about: the one named, or the deployment's.

    Raises:
        SettingsError: when neither is given.
    """
    chosen = registry or resolve_settings(**options).model.registry
    if chosen is None:
        raise SettingsError("no registry: give --registry DIR, or the setting model.registry")
    return chosen


@click.group()
def models() -> None:
    """The registry of models: what is in it, how good it is, who put it in charge."""


@models.command("list")
@_REGISTRY
@_JSON
@settings_options
def list_(registry: Path | None, as_json: bool, **options: Any) -> None:
    """List the versions: which one serves, when made, how good, and whether they are whole."""
    from rich.console import Console

    from monitor.model.overview import overview

    versions = overview(registry_of(registry, options))
    if as_json:
        click.echo(msgspec.json.encode(versions))
    else:
        Console().print(_versions(versions))
        for one in versions:
            if one.fault is not None:
                click.echo(printable(f"{one.version}: {one.fault}"), err=True)


@models.command()
@click.argument("one")
@click.argument("other")
@_REGISTRY
@_JSON
@settings_options
def compare(one: str, other: str, registry: Path | None, as_json: bool, **options: Any) -> None:
    """Compare two bundles (versions of the registry, or directories) by the numbers they carry.

    Only what both were measured on is compared; `newsurge promote` measures both on one file.
    """
    from rich.console import Console

    from monitor.model.overview import find_bundle, measured_alike, numbers_of

    shelf = registry or resolve_settings(**options).model.registry
    first, second = find_bundle(one, shelf), find_bundle(other, shelf)
    before, after = numbers_of(first), numbers_of(second)
    alike, unlike = measured_alike(first, second)
    for holdout in unlike:
        said = f"{holdout}: left out, for the two were not measured on the same rows of that name"
        click.echo(printable(said), err=True)
    rows = [
        (holdout, head, name, before[holdout][head][name], after[holdout][head][name])
        for holdout in alike
        for head in before[holdout]
        for name in before[holdout][head]
        if name in after.get(holdout, {}).get(head, {})
    ]
    names = (first.meta.version, second.meta.version)
    if as_json:
        keys = ("holdout", "head", "number", *names)
        click.echo(msgspec.json.encode([dict(zip(keys, row, strict=True)) for row in rows]))
        return
    if not rows:
        raise NewsurgeError(
            f"{names[0]} and {names[1]} were measured on nothing that both share; `newsurge "
            "evaluate --record NAME` measures a bundle on a file"
        )
    Console().print(_comparison(names, rows))
    for word, topics in (("new", second.meta.topics), ("gone", first.meta.topics)):
        others = first.meta.topics if word == "new" else second.meta.topics
        if lone := [topic for topic in topics if topic not in others]:
            click.echo(printable(f"topics that are {word}: {', '.join(lone)}"))


@models.command()
@_REGISTRY
@_JSON
@settings_options
def log(registry: Path | None, as_json: bool, **options: Any) -> None:
    """Show the promotion log, oldest entry first, and check it.

    Its lines are chained by digests, and are held against the bundles and the pointer. Exit code
    1 where something was changed. Keep the digest printed last: a log whose newest lines were cut
    off whole is still a chain.
    """
    from monitor.model.overview import faults
    from monitor.model.promotion_log import read_log

    shelf = registry_of(registry, options)
    if not shelf.is_dir():
        raise NewsurgeError(f"{shelf}: no registry there; check the path")
    found = read_log(shelf)
    wrong = faults(shelf, found)
    if as_json:
        told = {"entries": found.entries, "head": found.head, "faults": wrong}
        click.echo(msgspec.json.encode(told))
    else:
        for entry in found.entries:
            click.echo(printable(describe(entry)))
        click.echo(f"{len(found.entries)} entries, chain whole; last digest {found.head}")
        for fault in wrong:
            click.echo(printable(f"wrong: {fault}"), err=True)
    if wrong:
        raise SystemExit(1)


@click.command()
@_REGISTRY
@click.option("--to", metavar="VERSION", help="Which version.  [default: the one before]")
@click.option("--why", required=True, help="Kept in the promotion log.")
@settings_options
def rollback(registry: Path | None, to: str | None, why: str, **options: Any) -> None:
    """Have the model serve again that served before.

    Running daemons swap within a second or two, without losing a record. To roll back twice goes
    two models back.
    """
    from monitor.model.rollback import roll_back

    if not why.strip():
        raise click.UsageError("--why must say why")
    entry = roll_back(registry_of(registry, options), why.strip(), to)
    before = f", {entry.replaced} no more" if entry.replaced else ""
    click.echo(printable(f"{entry.version} serves again{before}"))


def describe(entry: Entry) -> str:
    """An entry in one line; not yet safe for a terminal."""
    acts = {"promoted": "promoted", "refused": "REFUSED", "rolled_back": "rolled back to"}
    line = f"{entry.number:4} {entry.at} {entry.by}: {acts[entry.act]} {entry.version}"
    if entry.act != "refused" and entry.replaced:
        line += f", after {entry.replaced}"
    if entry.forced is not None:
        line += f"; FORCED: {entry.forced}"
    if entry.why is not None:
        line += f"; why: {entry.why}"
    reasons = (entry.verdict or {}).get("against", ())
    return line + "".join(f"; {each.get('said')}" for each in reasons if isinstance(each, dict))


def _versions(versions: list[Version]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    # 80 columns are enough for it; where names are long, they are what is folded.
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("", "version", "made", "languages", "measured on", "head", "macro-F1", "ECE"):
        folds = column in {"version", "languages", "measured on"}
        table.add_column(column, no_wrap=not folds, overflow="fold")
    for one in versions:
        mark = "serves" if one.serving else ""
        name, made = escape(printable(one.version)), escape(printable(one.created_at[:10]))
        if one.fault is not None:
            table.add_row(mark, name, "", "", "[red]can't be served, see below[/red]")
            continue
        languages = escape(printable(", ".join(one.languages)))
        cells = [
            (holdout, head, numbers)
            for holdout, heads in one.metrics.items()
            for head, numbers in heads.items()
        ] or [("", "", {})]
        for place, (holdout, head, numbers) in enumerate(cells):
            begin = (mark, name, made, languages) if place == 0 else ("", "", "", "")
            table.add_row(
                *begin, escape(printable(holdout)), escape(printable(head)),
                *(_number(numbers.get(key)) for key in ("macro_f1", "ece")),
            )  # fmt: skip
        table.add_section()
    return table


def _comparison(names: tuple[str, str], rows: list[tuple[str, str, str, float, float]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    shown = [escape(printable(name)) for name in names]
    table = Table("measured on", "head", "number", *shown, "difference")
    for holdout, head, name, before, after in rows:
        change = "" if name == "rows" else f"{after - before:+.4f}"
        told = [escape(printable(text)) for text in (holdout, head, name)]
        table.add_row(*told, _number(before), _number(after), change)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
