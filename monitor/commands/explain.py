"""The command `newsurge explain`: an alert in words or as JSON, and how far the work has come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from monitor.options import resolve_settings, run_async, settings_options
from monitor.settings import Settings

MOST_STORIES = 20


@click.command()
@click.argument("alert_id", required=False)
@click.option("--latest", is_flag=True, help="The latest alert, instead of an id.")
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON document.")
@click.option("--all", "all_stories", is_flag=True, help="List every story, however many.")
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Rules file.  [default: alerts.yaml]",
)
@settings_options
def explain(
    alert_id: str | None,
    latest: bool,
    as_json: bool,
    all_stories: bool,
    rules: Path | None,
    **options: Any,
) -> None:
    """Explain the alert ALERT_ID: walk back to every record, and reckon it again.

    The beginning of an id will do where only one alert begins so. The log of scored records is
    replayed through the core that raised the alert, so it takes as long as reading the alert's
    partition from its beginning. It changes nothing, and may run beside the daemon, with its
    settings. Exit code 2 where no alert is meant.
    """
    if latest == (alert_id is not None):
        raise click.UsageError("give an alert's id, or --latest")
    settings = resolve_settings(**options, rules=rules)
    most = None if all_stories else MOST_STORIES
    click.echo(run_async(explain_alert(settings, alert_id, as_json=as_json, most=most)))


async def explain_alert(
    settings: Settings, wanted: str | None, *, as_json: bool, most: int | None = MOST_STORIES
) -> str:
    """Explain an alert, safe for a terminal; progress goes to standard error.

    Args:
        settings: the deployment.
        wanted: the alert's id, or the beginning of it; None for the latest.
        as_json: as one JSON document, whole; else as text.
        most: how many stories the text lists; all when None.

    Raises:
        UnknownAlertError: when no alert, or more than one, is meant.
        NewsurgeError: when the streams or a file that the settings name can't be read.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from monitor.explaining.explaining import explain as explained
    from monitor.explaining.words import as_json as document
    from monitor.explaining.words import lines
    from monitor.streams.admin import as_deployed
    from monitor.watch_plan import deployed_plan

    deployed = await as_deployed(settings)
    plan = deployed_plan(deployed)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("replaying the log", total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        found = await explained(deployed, plan, wanted, show)
    return document(found) if as_json else "\n".join(lines(found, most_stories=most))
