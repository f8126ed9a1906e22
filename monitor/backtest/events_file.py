"""Reading `--events`: what should have been told, as a CSV of series, start, end and name."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import cast, get_args

from monitor.backtest.result import Event
from monitor.errors import FeedError
from monitor.history.tables import event_time_of
from monitor.records import By, Series

DEFAULT_LENGTH = 86_400_000
"""How long an event lasts that names no end, in milliseconds."""
_SHOWN = 20


def load_events(path: Path) -> tuple[Event, ...]:
    """The events of a file, in order of their start.

    Raises:
        FeedError: when it can't be read; else one line for each row that can't be used.
    """
    events: list[Event] = []
    faults: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            missing = {"series", "start"} - set(reader.fieldnames or ())
            if missing:
                raise FeedError(
                    f"{path}: no column {', '.join(sorted(missing))}; events have the columns "
                    "series and start, and may have end and name"
                )
            for row in reader:
                try:
                    events.append(_event(row))
                except ValueError as error:
                    faults.append(f"{path}: line {reader.line_num}: {error}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FeedError(f"{path}: can't be read ({error}); check the path after --events") from None
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise FeedError("\n".join([*faults[:_SHOWN], *more]))
    return tuple(sorted(events, key=lambda event: (event.start, event.series)))


def _event(row: dict[str, str | None]) -> Event:
    cells = {name: (value or "").strip() for name, value in row.items() if isinstance(value, str)}
    by, equals, key = cells.get("series", "").partition("=")
    if by not in get_args(By) or not equals or not key:
        raise ValueError(
            f"series {cells.get('series', '')!r}: write it as topic=Financials, entity=KEY or "
            "all=all"
        )
    start = _time("start", cells.get("start", ""))
    end = _time("end", cells["end"]) if cells.get("end") else start + DEFAULT_LENGTH
    if end < start:
        raise ValueError("the end is before the start")
    series = Series(cast("By", by), key)
    return Event(cells.get("name") or str(series), series, start, end)


def _time(column: str, cell: str) -> int:
    try:
        return event_time_of(cell)
    except ValueError as error:
        raise ValueError(f"{column} {cell!r}: {error}") from None
