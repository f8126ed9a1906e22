"""How the demo looks in a terminal: the live picture, plain lines, and the summary.

Pure: from what was observed to what is shown. Headlines come from outside, so each of them
passes `printable`, and none is ever read as markup.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from monitor.demo.accounts import Verdict
from monitor.demo.observed import Observed, Row
from monitor.records import AlertEvent, Series

_BARS = "▁▂▃▄▅▆▇█"
_BAD = 0.5
_SEVERAL = 3
_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_STORIES_SHOWN = 4
_ALERTS_SHOWN = 4
_LINES_BESIDE_TOPICS = 15
_LEAST_TOPICS = 3
_TITLE_LIMIT = 160


@dataclass(frozen=True)
class Moment:
    """What the live view shows beside what was observed.

    `now` is of the same clock that `Observed` was told. `total` is how many items there are to
    publish, 0 where that is open. `delivered` counts verified webhooks.
    """

    now: float
    total: int
    delivered: int


def printable(text: str, limit: int = _TITLE_LIMIT) -> str:
    """The text without what steers a terminal or turns its direction, cut to `limit` characters.

    Escape sequences go as a whole. Control, zero-width and bidirectional characters are not
    printable to Python, so nothing of them is left; a run of white space is one space.
    """
    spaced = " ".join(_ESCAPE_SEQUENCE.sub("", text).split())
    kept = "".join(each for each in spaced if each.isprintable())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def sparkline(row: Row) -> Text:
    """One bar for each bucket's negative share, from 0 to 1; a dot where nothing came.

    A bar is red where at least half of the items are negative and there are several of them: one
    bad headline alone is no cause for alarm.
    """
    drawn = Text()
    for (_, negative), share in zip(row.buckets, row.shares, strict=True):
        if share is None:
            drawn.append("·", "bright_black")
            continue
        bar = _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]
        is_alarming = share >= _BAD and negative >= _SEVERAL
        drawn.append(bar, "red" if is_alarming else "yellow" if share >= _BAD else "green")
    return drawn


def live(seen: Observed, moment: Moment, height: int) -> RenderableType:
    """The live picture: numbers, topics, alerts; as many topics as `height` lines have room for."""
    room = max(_LEAST_TOPICS, height - _LINES_BESIDE_TOPICS)
    return Group(_header(seen, moment), _topics(seen, room), _alerts(seen))


def line(seen: Observed, moment: Moment) -> str:
    """The same in one plain line, for where there is no terminal."""
    published = f"published {len(seen.sent)}/{moment.total}  " if moment.total else ""
    return (
        f"{clock_text(seen.clock)}  {published}"
        f"scored {len(seen.scored)}  dead-lettered {len(seen.dead)}  lag {seen.lag}  "
        f"{seen.rate(moment.now):.0f} items/s  alerts {len(seen.alerts)}  "
        f"webhooks {moment.delivered}"
    )


def alert_line(alert: AlertEvent) -> str:
    """One alert event in one plain line."""
    window = alert.window
    return (
        f"{clock_text(alert.resolved_at or alert.fired_at)}  {alert.state.upper()}  "
        f"{alert.rule} on {printable(str(alert.series))}  {window.novel_negative} negative of "
        f"{window.novel_count} stories in {window.length_seconds / 60:.0f} min"
    )


def summary(verdict: Verdict) -> RenderableType:
    """What was promised and kept, and the alert with its stories."""
    parts: list[RenderableType] = []
    if verdict.alert is not None:
        parts += [Text(alert_line(verdict.alert), "bold"), *_stories(verdict.alert)]
    for check in verdict.checks:
        mark = Text("✓ ", "green") if check.kept else Text("✗ ", "bold red")
        parts.append(mark + Text(printable(check.says, 400)))
    return Panel(Group(*parts), title="summary", title_align="left")


def clock_text(milliseconds: int | None) -> str:
    """A time of the log as a clock shows it, in UTC."""
    if milliseconds is None:
        return "--:--:--"
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    return f"{moment:%H:%M:%S}"


def _header(seen: Observed, moment: Moment) -> RenderableType:
    numbers = Text.assemble(
        ("newsurge", "bold"),
        "  ",
        (clock_text(seen.clock), "bold cyan"),
        f"  {seen.rate(moment.now):.0f} items/s  lag {seen.lag}  "
        f"scored {len(seen.scored)}  dead-lettered {len(seen.dead)}  "
        f"webhooks verified {moment.delivered}",
    )
    if not moment.total:
        return numbers
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=moment.total, completed=len(seen.sent)))
    return Group(numbers, bar)


def _topics(seen: Observed, room: int) -> Table:
    """The topics by name; where there is no room for all, those that fire and the largest."""
    fired = {event.series.key for event in seen.alerts}
    ranked = sorted(seen.rows, key=lambda key: (key not in fired, -seen.rows[key].count))
    table = Table(box=None, pad_edge=False, header_style="bright_black", expand=True)
    table.add_column("topic", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("items", justify="right", no_wrap=True)
    table.add_column("negative", justify="right", no_wrap=True)
    table.add_column("negative share over time", no_wrap=True)
    table.add_column("state", no_wrap=True, min_width=20)
    for key in sorted(ranked[:room]):
        _add_row(table, key, seen.rows[key], _state(seen, Series("topic", key)))
    _add_row(table, "everything", seen.everything, Text(""), style="bold")
    return table


def _add_row(table: Table, key: str, row: Row, state: Text, style: str = "") -> None:
    share = row.negative / row.count if row.count else 0.0
    table.add_row(
        Text(printable(key, 40)),
        str(row.count),
        Text(f"{share:.0%}", "red" if share >= _BAD else ""),
        sparkline(row),
        state,
        style=style,
    )


def _state(seen: Observed, series: Series) -> Text:
    rules = seen.firing(series)
    if rules:
        return Text("FIRING " + ", ".join(rules), "bold red")
    return Text("resolved", "yellow") if seen.has_fired(series) else Text("calm", "green")


def _alerts(seen: Observed) -> RenderableType:
    if not seen.alerts:
        return Panel(Text("none yet", "bright_black"), title="alerts", title_align="left")
    firing = [event for event in seen.alerts if event.state == "firing"]
    parts: list[RenderableType] = [
        Text(
            alert_line(event),
            "bold red" if event.state == "firing" else "yellow",
            no_wrap=True,
            overflow="ellipsis",
        )
        for event in seen.alerts[-_ALERTS_SHOWN:]
    ]
    if firing:
        parts += _stories(firing[0])
    return Panel(Group(*parts), title="alerts", title_align="left")


def _stories(alert: AlertEvent) -> list[Text]:
    shown = [
        Text(
            f"  {story.negative:.2f}  {printable(story.title)}"
            + (f"  (+{story.near_duplicates})" if story.near_duplicates else "")
            + (f"  {printable(story.source, 40)}" if story.source else ""),
            no_wrap=True,
            overflow="ellipsis",
        )
        for story in alert.stories[:_STORIES_SHOWN]
    ]
    more = len(alert.stories) - len(shown)
    return [*shown, Text(f"  and {more} more", "bright_black")] if more > 0 else shown
