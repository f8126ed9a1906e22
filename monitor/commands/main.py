"""The commands that run the daemon, and those that read or write what it reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from monitor.options import resolve_settings, run_async, settings_options, until_signal
from monitor.settings import ROLES

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@settings_options
@click.option(
    "--roles",
    help=f"Roles that this process plays, separated by commas; all by default: {', '.join(ROLES)}.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Rules file.  [default: alerts.yaml]",
)
@click.option("--embedded", is_flag=True, help="Start a broker too (memory only), for a trial.")
@click.option(
    "--replay",
    type=float,
    metavar="SPEED",
    help="Read replayed news, whose time passes SPEED times as fast; see `newsurge publish`.",
)
def run(
    roles: str | None, rules: Path | None, embedded: bool, replay: float | None, **options: Any
) -> None:
    """Run the daemon until it is told to stop.

    With --embedded it needs no Kafka: it starts a broker of its own and prints how to publish
    to it. What is in that broker is gone when it stops.
    """
    from monitor.publish_plan import replay_settings
    from monitor.running import run_daemon, run_embedded

    chosen = None if roles is None else tuple(roles.split(","))
    settings = resolve_settings(**options, roles=chosen, rules=rules)
    if replay is not None:
        settings = replay_settings(settings, replay)
    runner = run_embedded if embedded else run_daemon
    run_async(until_signal(lambda stop: runner(settings, stop)))


@click.command()
@click.option(
    "--keep",
    is_flag=True,
    help="Leave it running at the end, until Ctrl-C; with a Prometheus where one is installed.",
)
@click.option("--rules", type=_FILE, help="Rules file.  [default: the alerts.yaml shipped]")
@click.option("--picture", type=_FILE, help="Save the view at the surge as an SVG file.")
def demo(keep: bool, rules: Path | None, picture: Path | None) -> None:
    """Play a fictional trading day through the whole of newsurge, in under a minute.

    Starts an embedded broker, the daemon with all roles and a local webhook receiver, publishes
    a bundled feed in compressed time, shows what happens, and accounts for every item at the
    end. Exit code 0 only if all of it went as it must. Receivers named in the rules file are not
    told: no desk should get invented alerts.
    """
    from monitor.demo.conductor import run_demo
    from monitor.rules.file import default_rules

    code = run_async(run_demo(rules or default_rules(), keep=keep, picture=picture))
    raise SystemExit(code)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--speed", type=float, help="Replay: keep the items' times, at this many times real.")
@click.option("--rate", type=float, help="Restamp the items as now, this many a second.")
@settings_options
def publish(file: Path, speed: float | None, rate: float | None, **options: Any) -> None:
    """Publish FILE (JSONL or CSV) to the `news` stream.

    Items older than the allowed lateness are refused, unless you say how to take them. --rate N
    restamps them as now. --speed X replays them with their own times, on streams of a prefix of
    their own, which a daemon started with `newsurge run --replay X` reads.

    Items keep their ids, so a file that is published twice counts once.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from monitor.publish import Progress, replay_settings
    from monitor.publish import publish as publish_file

    settings = resolve_settings(**options)
    if speed is not None:
        settings = replay_settings(settings, speed)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Bar(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task(f"publishing {file.name}", total=None)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.published, total=progress.total)

        summary = run_async(publish_file(settings, file, speed=speed, rate=rate, progress=show))
    click.echo(f"published {summary.published:,} records in {summary.seconds:.1f} s")


@click.command()
@click.argument("file", type=_FILE)
@click.option("-o", "--output", type=_FILE, required=True, help="Result file; - for the terminal.")
@settings_options
def score(file: Path, output: Path, **options: Any) -> None:
    """Score FILE (JSONL or CSV) offline, with the scorer that the daemon uses.

    Adds topic, topic_probability, negative, neutral, positive, score and unjudged to each row.
    """
    from monitor.offline import score_command

    score_command(file, output, resolve_settings(**options))


@click.command()
@click.argument("file", type=_FILE, default=Path("alerts.yaml"))
@click.option("--explain", is_flag=True, help="Say in plain words what each rule will do.")
@settings_options
def check(file: Path, explain: bool, **options: Any) -> None:
    """Check a rules file (alerts.yaml by default): say that it can be used, or all its faults."""
    from monitor.model.registry import serving_bundle
    from monitor.prior_file import load_prior
    from monitor.rules.file import load_rules
    from monitor.scoring.watchlist import load_watchlist

    settings = resolve_settings(**options)
    watched = load_watchlist(settings.score.watchlist)
    rules = load_rules(
        file,
        settings.watch.slide_seconds,
        settings.score.dimensions,
        watched.keys,
        serving_bundle(settings.model).meta.topics,
        watched.groups,
    )
    load_prior(settings.watch.prior)
    for warning in rules.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{file}: {len(rules.rules)} rules, {len(rules.receivers)} receivers, all usable")
    for rule in rules.rules:
        click.echo(f"  {rule.alert}: {rule.type} by {rule.by}, {rule.severity}")
    if explain:
        from monitor.rules.explained import explain as in_words
        from monitor.watch_plan import deployed_plan

        plan = deployed_plan(settings.model_copy(update={"rules": file}))
        click.echo("\n" + in_words(plan, rules.receivers))


@click.group()
def baseline() -> None:
    """What is usual for a series before its own past is known: the prior."""


@baseline.command()
@click.argument("history", type=_FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=_FILE, required=True, help="The prior's file (JSON).")
@click.option("--timezone", default="UTC", show_default=True, help="Of the desk, as IANA names it.")
@click.option("--calendar", help="Whose holidays count as Sundays, such as NYSE, ECB or GB.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="[SERIES:]FIRST..LAST",
    help="Days that were no usual time (of a series, as topic=Earnings:...); repeat for more.",
)
@click.option(
    "--worth",
    default="14d",
    show_default=True,
    help="How long a series must be watched to know its rate as well as the prior does.",
)
@click.option(
    "--negative-threshold",
    type=float,
    help="Probability from which a story is negative.  [default: as the settings say]",
)
@click.option("--fitted-on", help="What the history is, in words.  [default: its files and dates]")
@settings_options
def fit(
    history: tuple[Path, ...],
    output: Path,
    timezone: str,
    calendar: str | None,
    exclude: tuple[str, ...],
    worth: str,
    negative_threshold: float | None,
    fitted_on: str | None,
    **options: Any,
) -> None:
    """Fit a prior on HISTORY: scored JSONL, or tables (CSV, Parquet) of a row a headline.

    JSONL is what `newsurge tail scored --json` prints. A table has the columns event_time, topic
    and negative, and may have topic_probability, entities, story and title.
    """
    from monitor.baseline_report import fit_command
    from monitor.baselines import FitOptions

    if negative_threshold is not None:
        given = f"watch.negative_threshold={negative_threshold}"
        options["assignments"] = (*options["assignments"], given)
    settings = resolve_settings(**options)
    fit_command(
        history, output, settings, FitOptions(timezone, calendar, exclude, worth, fitted_on)
    )


@click.command()
@click.argument("stream", type=click.Choice(["scored", "alerts", "desk", "dead-letter"]))
@click.option("--from-start", is_flag=True, help="Begin with the oldest record.")
@click.option("--json", "as_json", is_flag=True, help="Show records as they are on the wire.")
@settings_options
def tail(stream: Any, from_start: bool, as_json: bool, **options: Any) -> None:
    """Follow a stream: each record as a line, until Ctrl-C."""
    from monitor.tail import tail as follow

    settings = resolve_settings(**options)
    run_async(follow(settings, stream, click.echo, from_start=from_start, as_json=as_json))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@settings_options
def streams(as_json: bool, **options: Any) -> None:
    """Print the streams that this deployment needs, and the ACLs of each role.

    For clusters where the daemon may not create streams itself (streams.create: false).
    """
    from rich.console import Console

    from monitor.streams import show

    settings = resolve_settings(**options)
    if as_json:
        click.echo(show.as_json(settings))
    else:
        Console().print(*show.as_tables(settings), sep="\n")


@click.command()
@click.option("--rules", type=_FILE, help="Rules file.  [default: alerts.yaml]")
@settings_options
def audit(rules: Path | None, **options: Any) -> None:
    """Prove from the streams that nothing was lost and nothing was told wrongly.

    Every news record must be in `scored` or in `dead-letter`, and `alerts` must hold just what
    follows from the log of scored records under these rules and settings. It reads the streams
    from their beginning, changes nothing, and may run beside the daemon, with its settings.
    Exit code 1 where something is not as it must be.
    """
    from monitor.audit.command import audit_command

    raise SystemExit(run_async(audit_command(resolve_settings(**options, rules=rules))))
