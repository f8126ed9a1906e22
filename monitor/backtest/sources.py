"""What the files of a history are: records of `scored`, a table of scored headlines, or raw news.

Owns that question, and reading raw news from each format; it scores nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from monitor.errors import FeedError
from monitor.feeds import FeedRecord, csv_columns, read_feed
from monitor.history.tables import NEEDED, column_names, parquet_rows

Kind = Literal["scored", "table", "news"]
FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
_SCORED_KINDS = ("scored", "mark", "retraction", "model_change")
_LOOKED_AT = 1_000


@dataclass(frozen=True)
class Source:
    """A file of history and what it holds."""

    path: Path
    kind: Kind


class _Probe(msgspec.Struct):
    kind: Any = None


_probes = msgspec.json.Decoder(_Probe)


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """Look at the files of a history; one that is named twice counts once.

    Raises:
        FeedError: when one can't be read, or is nothing that can be played.
    """
    return [Source(path, _kind(path)) for path in dict.fromkeys(paths)]


def read_news(path: Path) -> Iterator[FeedRecord]:
    """The news records of a file, one after the other; see `monitor.feeds`.

    Raises:
        FeedError: when the file can't be read.
    """
    return _parquet_news(path) if path.suffix.lower() == ".parquet" else read_feed(path)


def _kind(path: Path) -> Kind:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise FeedError(f"{path}: a history ends in {', '.join(FORMATS)}; rename it")
    if not path.is_file():
        raise FeedError(f"{path}: there is no such file; check the path")
    if suffix not in (".csv", ".parquet"):
        return _kind_of_lines(path)
    columns = column_names(path)
    named = {"event_time" if name == "published_at" else name for name in columns}
    if named >= set(NEEDED):
        return "table"
    if suffix == ".csv":
        csv_columns(path)  # raises what is wrong with it as news
    elif "title" not in columns:
        raise FeedError(
            f"{path}: no column title, which raw news needs, nor {', '.join(NEEDED)}, which scored "
            f"history needs (columns: {', '.join(columns)}); rename the columns"
        )
    return "news"


def _kind_of_lines(path: Path) -> Kind:
    try:
        with path.open("rb") as stream:
            for _, raw in zip(range(_LOOKED_AT), stream, strict=False):
                try:
                    probe = _probes.decode(raw)
                except (msgspec.MsgspecError, RecursionError):
                    continue
                return "scored" if probe.kind in _SCORED_KINDS else "news"
    except OSError as error:
        raise FeedError(f"{path}: can't be read ({error.strerror}); check the path") from None
    raise FeedError(
        f"{path}: none of its first {_LOOKED_AT:,} lines is a JSON object; give JSONL, a record a "
        "line"
    )


def _parquet_news(path: Path) -> Iterator[FeedRecord]:
    for number, row in enumerate(parquet_rows(path), 1):
        fields = {name: value for name, value in row.items() if value is not None}
        yield FeedRecord(number, msgspec.json.encode(fields, enc_hook=str))
