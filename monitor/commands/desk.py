"""`newsurge silence`, `ack` and `feedback`: what people say of alerts, and what was said.

Each command turns options into records of the `desk` stream, or shows what is there. Heavy
modules are imported by the command that needs them, so that `--help` is quick.
"""

from __future__ import annotations

import getpass
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import click

from monitor.errors import NewsurgeError
from monitor.logs import printable
from monitor.options import resolve_settings, run_async, settings_options

if TYPE_CHECKING:
    from monitor.desk.board import Board
    from monitor.desk.records import DeskRecord
    from monitor.records import AlertEvent, AlertPlace
    from monitor.settings import Settings

_LONGEST_TEXT = 500


def _duration(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    from monitor.surge.rules import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _text(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise click.BadParameter("it is empty; say it in a few words")
    if text is not None and len(text) > _LONGEST_TEXT:
        raise click.BadParameter(f"it is longer than {_LONGEST_TEXT} characters; say it in fewer")
    return text


_WHO = click.option("--who", callback=_text, help="Who says so.  [default: the user of this shell]")
_WHY = click.option("--why", callback=_text, help="Why, in a few words.")
_JSON = click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")


@click.group()
def silence() -> None:
    """Alerts that are known and not to be told for a while."""


@silence.command()
@click.option("--rule", help="Alerts of this rule; in each pattern * and ? stand for any text.")
@click.option("--by", help="Alerts of series of this dimension: topic, entity, all.")
@click.option("--key", help="Alerts of the series with this key.")
@click.option("--severity", help="Alerts of this severity: info, warning, critical.")
@click.option(
    "--for", "length", required=True, callback=_duration, metavar="TIME", help="How long: 90m, 2h."
)
@click.option(
    "--in", "delay", default="0s", callback=_duration, metavar="TIME", help="Begin only after this."
)
@click.option("--why", required=True, callback=_text, help="Why, in a few words.")
@_WHO
@settings_options
def add(
    rule: str | None,
    by: str | None,
    key: str | None,
    severity: str | None,
    length: int,
    delay: int,
    why: str,
    who: str | None,
    **options: Any,
) -> None:
    """Silence the alerts that match every pattern given, and print the silence's id.

    They are raised and written as ever, and no receiver is told. What fires still when the silence
    ends is told then.
    """
    from monitor.desk.records import Matchers, Silence

    if rule is by is key is severity is None:
        raise click.UsageError(
            "say which alerts: --rule, --by, --key or --severity; --rule '*' means all of them"
        )
    if length == 0:
        raise click.UsageError("--for 0 silences nothing")
    settings = resolve_settings(**options)
    now = _now()
    starts_at = now + delay
    made = Silence(
        id=f"s-{secrets.token_hex(4)}",
        matchers=Matchers(rule, by, key, severity),
        starts_at=starts_at,
        ends_at=starts_at + length,
        who=who or _user(),
        why=why,
        at=now,
    )
    _say(settings, made)
    click.echo(made.id)


@silence.command("list")
@click.option("--all", "everything", is_flag=True, help="Those too that are over.")
@_JSON
@settings_options
def list_(everything: bool, as_json: bool, **options: Any) -> None:
    """List silences, the one that ends first before the others."""
    from monitor.desk import showing

    now = _now()
    silences = sorted(_board(options).silences, key=lambda each: (each.over_at, each.id))
    shown = [each for each in silences if everything or now < each.over_at]
    _show(shown, showing.silences_table(shown, now), as_json)


@silence.command()
@click.argument("identity", metavar="SILENCE_ID")
@_WHO
@settings_options
def expire(identity: str, who: str | None, **options: Any) -> None:
    """End a silence now. What it kept back and fires still is told."""
    import msgspec

    from monitor.desk.records import Expiry
    from monitor.desk.stream import read_board

    settings = resolve_settings(**options)
    known = run_async(read_board(settings)).silence(identity)
    if known is None:
        raise NewsurgeError(
            f"there is no silence {printable(identity)}; `newsurge silence list` shows them"
        )
    now = _now()
    if known.over_at <= now:
        raise NewsurgeError(f"silence {printable(identity)} is over already")
    _say(settings, msgspec.structs.replace(known, expired=Expiry(who or _user(), now)))
    click.echo(f"silence {printable(identity)} is over")


@click.command()
@click.argument("alert_id", required=False)
@click.option(
    "--for",
    "length",
    default="1d",
    show_default=True,
    callback=_duration,
    metavar="TIME",
    help="How long you answer for it.",
)
@_WHY
@_WHO
@click.option("--list", "listing", is_flag=True, help="List what is acknowledged instead.")
@_JSON
@settings_options
def ack(
    alert_id: str | None,
    length: int,
    why: str | None,
    who: str | None,
    listing: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Say that you have seen an alert and answer for it.

    It keeps nothing back: what is told of the same episode later, such as its end, says who
    acknowledged it.
    """
    from monitor.desk import showing
    from monitor.desk.records import Ack, episode_of

    _one_of(alert_id, listing or as_json)
    now = _now()
    if alert_id is None:
        acks = sorted(_board(options).acks, key=lambda each: each.at)
        shown = [each for each in acks if now < each.until]
        _show(shown, showing.acks_table(shown), as_json)
        return
    settings = resolve_settings(**options)
    alert, place = _found(settings, alert_id)
    until = now + length
    _say(
        settings,
        Ack(alert.id, episode_of(alert), who or _user(), now, until, place, why or ""),
    )
    click.echo(f"acknowledged {printable(alert.rule)} on {printable(str(alert.series))}")


@click.command()
@click.argument("alert_id", required=False)
@click.argument("verdict", type=click.Choice(["useful", "noise"]), required=False)
@_WHY
@_WHO
@click.option("--list", "listing", is_flag=True, help="List all verdicts instead.")
@_JSON
@settings_options
def feedback(
    alert_id: str | None,
    verdict: Literal["useful", "noise"] | None,
    why: str | None,
    who: str | None,
    listing: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Say whether an alert was worth being told: useful, or noise.

    It is kept for tuning the rules, for ever. You have one verdict on an alert, the last one.
    """
    from monitor.desk import showing
    from monitor.desk.records import Feedback, judged

    _one_of(alert_id, listing or as_json)
    if alert_id is None:
        shown = sorted(_board(options).feedback, key=lambda each: each.at)
        _show(shown, showing.feedback_table(shown), as_json)
        return
    if verdict is None:
        raise click.UsageError("say what it was: useful or noise")
    settings = resolve_settings(**options)
    alert, _ = _found(settings, alert_id)
    _say(
        settings,
        Feedback(alert.id, verdict, who or _user(), _now(), judged(alert), why or ""),
    )
    click.echo(f"noted: {printable(alert.rule)} on {printable(str(alert.series))} was {verdict}")


def _one_of(alert_id: str | None, listing: bool) -> None:
    if (alert_id is None) != listing:
        raise click.UsageError("give ALERT_ID, or --list, one of them")


def _board(options: dict[str, Any]) -> Board:
    from monitor.desk.stream import read_board

    board: Board = run_async(read_board(resolve_settings(**options)))
    return board


def _say(settings: Settings, record: DeskRecord) -> None:
    from monitor.desk.stream import say

    run_async(say(settings, record))


def _found(settings: Settings, alert_id: str) -> tuple[AlertEvent, AlertPlace]:
    from monitor.desk.stream import find_alert

    found: tuple[AlertEvent, AlertPlace] | None = run_async(find_alert(settings, alert_id))
    if found is None:
        raise NewsurgeError(
            f"there is no alert {printable(alert_id)} in {settings.streams.prefix}alerts; "
            "`newsurge tail alerts --from-start --json` shows the ids of those there are"
        )
    return found


def _show(records: Iterable[DeskRecord], table: Iterable[str], as_json: bool) -> None:
    from monitor.desk import showing

    for line in map(showing.as_json, records) if as_json else table:
        click.echo(line)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise NewsurgeError("this user has no name here; say who you are with --who") from None


def _now() -> int:
    return time.time_ns() // 1_000_000


DESK_COMMANDS = (silence, ack, feedback)
