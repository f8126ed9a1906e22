"""The command `newsurge backtest`: from options to a backtest, shown, written and drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from monitor.options import resolve_settings, settings_options

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("history", type=_FILE, nargs=-1)
@click.option(
    "--rules",
    type=_FILE,
    multiple=True,
    help="Rules file; give it twice to compare two.  [default: as the settings say]",
)
@click.option(
    "--stream",
    type=click.Choice(["scored"]),
    help="Play the past of this stream of the deployment instead of files.",
)
@click.option("--events", type=_FILE, help="What should be told: CSV of series, start, end, name.")
@click.option("--report", type=_FILE, help="Write an HTML report, one file that needs no other.")
@click.option("--json", "json_file", type=_FILE, help="Write all that was found as JSON.")
@click.option(
    "--curve/--no-curve", default=True, help="Reckon other factors and false_alarms of surge rules."
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where scores of raw news are kept.  [default: newsurge/backtest in the user's cache]",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="How many processes may play at once.  [default: one for each core]",
)
@settings_options
def backtest(
    history: tuple[Path, ...],
    rules: tuple[Path, ...],
    stream: str | None,
    events: Path | None,
    report: Path | None,
    json_file: Path | None,
    curve: bool,
    cache: Path | None,
    processes: int | None,
    **options: Any,
) -> None:
    """Try rules on HISTORY: say which alerts would have fired, with the core that runs live.

    HISTORY is one or several files, JSONL, CSV or Parquet: records of the stream `scored`
    (`newsurge tail scored --json`), tables of scored headlines (event_time, topic, negative), or
    raw news, which is scored first. With --stream it is a stream's past, as it was logged.
    """
    from monitor.backtest.command import Wanted, backtest_command
    from monitor.backtest.running import MOST_RULE_FILES
    from monitor.backtest.scores import default_cache

    if bool(history) == bool(stream):
        raise click.UsageError("give files of history, or --stream scored")
    if len(rules) > MOST_RULE_FILES:
        raise click.UsageError(f"--rules can be given {MOST_RULE_FILES} times at most")
    settings = resolve_settings(**options)
    wanted = Wanted(
        history=history,
        rules=rules or (settings.rules,),
        events=events,
        report=report,
        json=json_file,
        with_curve=curve,
        cache=cache or default_cache(),
        processes=processes or os.cpu_count() or 1,
    )
    backtest_command(settings, wanted)
