"""`newsurge dead-letter`: looking at records that could not be used, and what to do about them.

Each command turns options into one call. Heavy modules are imported by the command that needs
them, so that `--help` is quick.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.errors import NewsurgeError
from monitor.logs import printable
from monitor.options import resolve_settings, run_async, settings_options

if TYPE_CHECKING:
    from monitor.letters.finding import Place, Wanted

_FILE = click.Path(path_type=Path, dir_okay=False)
_REFUSED_SHOWN = 10


def _place(text: str) -> Place:
    from monitor.letters.finding import parse_place

    try:
        return parse_place(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _age(text: str) -> int:
    from monitor.surge.rules import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_REASON = click.option("--reason", help="Only those set aside for this reason.")
_SINCE = click.option(
    "--since", type=_age, metavar="AGE", help="Only those set aside since, such as 2h or 7d."
)


@click.group("dead-letter")
def dead_letter() -> None:
    """Records that could not be used: look at them, and publish them again."""


@dead_letter.command("list")
@_REASON
@_SINCE
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table, or a line of JSON for each.",
)
@settings_options
def list_(reason: str | None, since: int | None, limit: int, form: str, **options: Any) -> None:
    """List dead letters, oldest first: where, when, why, their origin and how they begin."""
    from monitor.letters.finding import listed
    from monitor.letters.showing import as_json, as_table

    settings = resolve_settings(**options)
    listing = run_async(listed(settings, _by_reason(reason, since), limit))
    lines = as_table(listing.entries) if form == "table" else map(as_json, listing.entries)
    for line in lines:
        click.echo(line)
    older = listing.count - len(listing.entries)
    if older:
        click.echo(f"and {older:,} older ones; --limit shows more", err=True)


@dead_letter.command()
@click.argument("place", type=_place, metavar="PARTITION/OFFSET")
@click.option("--raw", type=_FILE, help="Write the original bytes to this new file.")
@settings_options
def show(place: Place, raw: Path | None, **options: Any) -> None:
    """Show one dead letter: all its headers, and its value as text that no terminal obeys."""
    from monitor.letters.finding import found
    from monitor.letters.showing import in_full

    record, letter = run_async(found(resolve_settings(**options), place))
    for line in in_full(record, letter):
        click.echo(line)
    if raw is None:
        return
    try:
        with raw.open("xb") as file:
            file.write(letter.value)
    except FileExistsError:
        raise NewsurgeError(f"--raw {raw}: exists already; give another path") from None
    except OSError as error:
        raise NewsurgeError(
            f"--raw {raw}: can't be written ({error.strerror}); check the path"
        ) from None


@dead_letter.command()
@click.argument("places", type=_place, nargs=-1, metavar="[PARTITION/OFFSET]...")
@_REASON
@_SINCE
@click.option("--yes", is_flag=True, help="Don't ask.")
@settings_options
def retry(
    places: tuple[Place, ...], reason: str | None, since: int | None, yes: bool, **options: Any
) -> None:
    """Publish the original bytes of dead letters to `news` again, as after a model was mended.

    Give places as `newsurge dead-letter list` shows them, or --reason for all of a reason.

    The letters stay where they are, and to retry one twice does no harm: the same publisher id
    counts once within the horizon in WATCH (watch.duplicate_horizon_hours, 48 by default), and an
    item without an id has the same one each time. An item that is older than the allowed lateness
    is scored, and counted as late. Letters whose end was cut off are refused.
    """
    from monitor.letters.retrying import retry as publish_again
    from monitor.letters.retrying import retryable

    if bool(places) == (reason is not None):
        raise click.UsageError("give places (PARTITION/OFFSET), or --reason, one of them")
    if places and since is not None:
        raise click.UsageError("--since goes with --reason, not with places")
    settings = resolve_settings(**options)
    wanted = _at(places) if places else _by_reason(reason, since)
    chosen = run_async(retryable(settings, wanted))
    for line in chosen.refused[:_REFUSED_SHOWN]:
        click.echo(f"refused {line}", err=True)
    if len(chosen.refused) > _REFUSED_SHOWN:
        click.echo(f"and {len(chosen.refused) - _REFUSED_SHOWN:,} more refused", err=True)
    if not chosen.places:
        raise NewsurgeError(
            "no dead letter to publish again; `newsurge dead-letter list` shows what there is"
        )
    if not yes:
        _confirm(len(chosen.places), f"{settings.streams.prefix}news")
    sent = run_async(publish_again(settings, chosen.places))
    click.echo(f"published {sent:,} records again")


@dead_letter.command()
@click.option(
    "--url", default="http://127.0.0.1:9464", show_default=True, help="Where the daemon listens."
)
def resume(url: str) -> None:
    """Let a daemon go on that paused because nearly every news record was invalid."""
    if not url.startswith(("http://", "https://")):
        raise NewsurgeError(f"--url {url}: must start with http:// or https://")
    request = urllib.request.Request(  # noqa: S310 - the scheme has been checked
        f"{url.rstrip('/')}/dead-letter/resume",
        method="POST",
        headers={"X-Newsurge-Action": "resume"},
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode("utf-8", "replace").strip()
        raise NewsurgeError(f"the daemon at {url} did not resume: {printable(said)}") from None
    except OSError as error:
        raise NewsurgeError(
            f"no daemon answers at {url} ({error}); give its address with --url"
        ) from None
    click.echo("resumed")


def _at(places: tuple[Place, ...]) -> Wanted:
    from monitor.letters.finding import Wanted

    return Wanted(places=frozenset(places))


def _by_reason(reason: str | None, age: int | None) -> Wanted:
    from monitor.letters.finding import Wanted

    since = None if age is None else time.time_ns() // 1_000_000 - age
    return Wanted(reason=reason, since=since)


def _confirm(count: int, news: str) -> None:
    what = f"{count:,} {'record' if count == 1 else 'records'}"
    try:
        agreed = click.confirm(f"publish {what} to {news} again?", err=True)
    except click.Abort:
        click.echo(err=True)
        agreed = False
    if not agreed:
        raise NewsurgeError("nothing was published; --yes publishes without asking")
