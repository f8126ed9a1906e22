"""Running a backtest for a person: progress, what was found, and the files that were asked for.

Owns neither the backtest nor the report's looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from monitor.backtest.events_file import load_events
from monitor.backtest.page import page
from monitor.backtest.result import Backtest
from monitor.backtest.running import Options, Tell, backtest_files, backtest_stream
from monitor.backtest.terminal import show
from monitor.errors import FeedError
from monitor.logs import printable
from monitor.options import run_async
from monitor.settings import Settings

_FILE_WIDTH = 180


@dataclass(frozen=True)
class Wanted:
    """What the command was asked for. Without `history` it is the stream's past."""

    history: tuple[Path, ...]
    rules: tuple[Path, ...]
    events: Path | None
    report: Path | None
    json: Path | None
    with_curve: bool
    cache: Path
    processes: int


def backtest_command(settings: Settings, wanted: Wanted) -> None:
    """Run a backtest, show what it found, and write what was asked for.

    Raises:
        NewsurgeError: when something given can't be used, or a file can't be written.
    """
    for path in (wanted.report, wanted.json):
        _check(path)
    options = Options(
        rules=wanted.rules,
        cache=wanted.cache,
        events=() if wanted.events is None else load_events(wanted.events),
        with_curve=wanted.with_curve,
        processes=wanted.processes,
    )
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with _progress(errors) as tell:
        if wanted.history:
            found = backtest_files(wanted.history, settings, options, tell)
        else:
            found = run_async(backtest_stream(settings, options, tell))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH  # nobody's window cuts off what goes to a file
    show(found, console, errors)
    _write(wanted, found, errors)


def _write(wanted: Wanted, found: Backtest, errors: Console) -> None:
    contents: dict[Path | None, Callable[[], bytes]] = {
        wanted.report: lambda: page(found).encode(),
        wanted.json: lambda: msgspec.json.format(msgspec.json.encode(found)) + b"\n",
    }
    for path, content in contents.items():
        if path is None:
            continue
        try:
            path.write_bytes(content())
        except OSError as error:
            raise FeedError(
                f"{path}: can't be written ({error.strerror}); check the path"
            ) from None
        errors.print(f"written: {path}")


def _check(path: Path | None) -> None:
    """A path that can't be written is said before the work, not after it."""
    if path is not None and not path.parent.is_dir():
        raise FeedError(f"{path}: there is no directory {path.parent}; make it, or check the path")


@contextmanager
def _progress(console: Console) -> Iterator[Tell]:
    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(),
        MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(printable(what), total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield tell
