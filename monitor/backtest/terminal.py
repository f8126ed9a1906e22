"""A backtest in the terminal: tables on standard output, doubts and refusals on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from monitor.backtest.result import Backtest, Outcome
from monitor.backtest.words import delay, moment, share, strength
from monitor.logs import printable

_SHOWN = 40
_BESIDE_HEADLINE = 115


def show(found: Backtest, console: Console, errors: Console) -> None:
    """Show what a backtest found."""
    for refused in found.history.refused:
        errors.print(f"{refused.count:,} rows refused as {refused.reason}, such as")
        for row in refused.first:
            errors.print(f"  {printable(row)}")
    for doubt in found.doubts:
        errors.print(printable(doubt))
    history = found.history
    console.print(
        f"{printable(', '.join(history.sources))}: {history.scored_records:,} scored records, "
        f"{moment(history.first)} to {moment(history.last)}"
    )
    for outcome in found.outcomes:
        _show_outcome(outcome, found, console)
    if found.comparison is not None:
        _show_comparison(found, console)


def _show_outcome(outcome: Outcome, found: Backtest, console: Console) -> None:
    console.print()
    console.print(_alarms(outcome, console.width))
    if len(outcome.alarms) > _SHOWN:
        rest = len(outcome.alarms) - _SHOWN
        console.print(f"and {rest:,} more alarms: --report or --json has all of them")
    if outcome.monthly:
        console.print(_monthly(outcome))
    if found.events:
        console.print(_scores(outcome))
    if outcome.curve:
        console.print(_curve(outcome, bool(found.events)))


def _alarms(outcome: Outcome, width: int) -> Table:
    table = Table(title=printable(f"{outcome.rules}: {len(outcome.alarms):,} alarms"), box=None)
    for column in ("fired (UTC)", "resolved", "rule", "series"):
        table.add_column(column, no_wrap=True)
    for column in ("negative", "factor", "strength"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("headline", no_wrap=True)
    room = max(20, width - _BESIDE_HEADLINE)
    for alarm in outcome.alarms[:_SHOWN]:
        table.add_row(
            moment(alarm.fired_at),
            "firing" if alarm.resolved_at is None else moment(alarm.resolved_at),
            alarm.rule,
            printable(str(alarm.series)),
            str(alarm.negative_stories),
            "" if alarm.factor is None else f"{alarm.factor:.1f}x",
            strength(alarm.strength),
            _cut(printable(alarm.headline), room),
        )
    return table


def _monthly(outcome: Outcome) -> Table:
    months = sorted({one.month for one in outcome.monthly})
    table = Table(title="alarms a month", box=None)
    table.add_column("rule")
    table.add_column("series")
    for month in months:
        table.add_column(month, justify="right")
    counts = {(one.rule, one.series, one.month): one.alarms for one in outcome.monthly}
    for rule, series in sorted({(one.rule, one.series) for one in outcome.monthly}):
        cells = [str(counts.get((rule, series, month), "")) for month in months]
        table.add_row(rule, printable(str(series)), *cells)
    return table


def _scores(outcome: Outcome) -> Table:
    table = Table(title="held against the events", box=None)
    for column in ("rule", "events", "told", "recall", "median delay", "alarms outside"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    for score in outcome.scores:
        row = (
            str(score.events),
            str(score.told),
            share(score.recall),
            delay(score.median_delay_seconds),
        )
        table.add_row(score.rule, *row, str(score.outside))
    return table


def _curve(outcome: Outcome, with_events: bool) -> Table:
    table = Table(title="with other values (reckoned on closed panes)", box=None)
    for column in ("rule", "factor", "false_alarms"):
        table.add_column(column)
    columns = ("alarms", "told", "median delay", "outside") if with_events else ("alarms",)
    for column in columns:
        table.add_column(column, justify="right")
    for point in outcome.curve:
        mark = " (own)" if point.is_own else ""
        score = point.score
        cells = (
            str(score.alarms),
            f"{score.told} of {score.events}",
            delay(score.median_delay_seconds),
            str(score.outside),
        )
        table.add_row(
            point.rule,
            f"{point.factor:g}" + (mark if point.varied == "factor" else ""),
            f"1 per {point.false_alarms_days:g}d"
            + (mark if point.varied == "false_alarms" else ""),
            *cells[: len(columns)],
        )
    return table


def _show_comparison(found: Backtest, console: Console) -> None:
    pairs = found.comparison or ()
    both = [pair for pair in pairs if pair.first and pair.second]
    names = [printable(outcome.rules) for outcome in found.outcomes]
    console.print()
    console.print(
        f"Both told {len(both):,}; only {names[0]} told "
        f"{sum(pair.second is None for pair in pairs):,}, only {names[1]} "
        f"{sum(pair.first is None for pair in pairs):,}."
    )
    earlier = sum((pair.later_seconds or 0) > 0 for pair in both)
    later = sum((pair.later_seconds or 0) < 0 for pair in both)
    console.print(
        f"Of those told by both, {names[0]} was earlier in {earlier:,} and {names[1]} in {later:,}."
    )


def _cut(words: str, room: int) -> str:
    return words if len(words) <= room else f"{words[: room - 1]}…"
