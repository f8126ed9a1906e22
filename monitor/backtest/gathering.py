"""From the files of a history, of whatever kind, to one arrangement that can be played.

Owns the way of each kind; how a log is played is in `monitor.backtest.playing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from monitor.backtest.arranging import Arranged, Arranging, Spool, note_scored
from monitor.backtest.refusals import Refusals
from monitor.backtest.scores import Scoring, score_news
from monitor.backtest.sources import Source
from monitor.errors import FeedError
from monitor.history.reading import BadRow, open_history, read_history
from monitor.history.tables import Emitted
from monitor.records import Origin
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings

_TOLD_EVERY = 2_000


@dataclass(frozen=True)
class Gathering:
    """What gathering needs: the deployment, a directory for temporary files, and the present.

    `now` is in milliseconds. `scoring` makes what scoring a file needs, given whom to tell of its
    progress. `tell` is told what is being done, and how far.
    """

    settings: Settings
    watchlist: Watchlist
    directory: Path
    now: int
    scoring: Callable[[Callable[[int], None]], Scoring]
    tell: Callable[[str, int], None]


def gather(
    sources: Sequence[Source], gathering: Gathering, refusals: Refusals
) -> tuple[Arranged, tuple[Path, ...]]:
    """All records of a history in the order of their arrival.

    Returns them, and the tables that can't tell which of their rows are the same story.

    Raises:
        NewsurgeError: when a file can't be used, or nothing in them can.
    """
    arranging = Arranging(gathering.now, refusals)
    doubtful: list[Path] = []
    for number, source in enumerate(sources):
        if source.kind == "scored":
            for size in note_scored(source.path, arranging):
                gathering.tell(f"reading {source.path.name}", size)
            continue
        spool = Spool(gathering.directory / f"{number}.jsonl", source.path.name, arranging)
        try:
            if source.kind == "table":
                doubtful += _read_table(source.path, spool, gathering, refusals)
            else:
                doing = f"scoring {source.path.name}"
                scoring = gathering.scoring(lambda done, doing=doing: gathering.tell(doing, done))  # type: ignore[misc]  # a default binds it
                score_news(source.path, scoring, spool, refusals)
        finally:
            spool.close()
    arranged = arranging.arranged()
    if not len(arranged):
        first = next((each.first[0] for each in refusals.found()), "it holds no record")
        raise FeedError(f"nothing in the history can be used: {first}")
    return arranged, tuple(doubtful)


def _read_table(
    path: Path, spool: Spool, gathering: Gathering, refusals: Refusals
) -> tuple[Path, ...]:
    """Lay a table down. The path again where it can't tell which rows are the same story."""

    def refuse(row: BadRow) -> None:
        refusals.add("bad_row", f"{row.file.name}: line {row.line}", row.reason)

    files = open_history([path])
    emitted = Emitted(gathering.settings.score, gathering.watchlist)
    rank, row = -1, -1
    for number, record in enumerate(read_history(files, emitted, refuse), 1):
        # Rows come in order of time, and an origin is to be above those before it.
        line = record.origin.offset
        rank, row = rank + (line != row), line
        spool.add(msgspec.structs.replace(record, origin=Origin(spool.file, rank)), line)
        if not number % _TOLD_EVERY:
            gathering.tell(f"reading {path.name}", number)
    return files.without_stories
