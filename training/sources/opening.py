"""From what a recipe says of a file to its records: checks the file, then picks the reader.

Owns digests and the sentences about files that are not what the recipe says. Reads no row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import FeedError
from monitor.model.bundle import digest
from training.sources.annotations import read_label_studio
from training.sources.phrasebank import read_phrasebank
from training.sources.record import Broken, Record
from training.sources.stream import read_stream
from training.sources.tables import read_csv, read_json, read_jsonl, read_parquet

if TYPE_CHECKING:
    from training.recipe_data import Format, Source

_BY_ENDING: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Opened:
    """A source whose file is there and is the one the recipe names; `where` names it in errors."""

    where: str
    records: Iterator[Record | Broken]


def format_of(file: str) -> Format:
    """The format that a file's ending tells; CSV where it tells none."""
    return _BY_ENDING.get(Path(file).suffix.lower(), "csv")


def open_source(source: Source, data: Path, columns: Sequence[str]) -> Opened:
    """Opens one source. Records come row by row, so a file may be larger than memory.

    A JSON array and a Label Studio export are read whole before the first row.

    Args:
        source: what the recipe says of it.
        data: the directory that its file is relative to.
        columns: which it must have.

    Raises:
        FeedError: the file is missing, or not the one the recipe names. While records are read:
            it is not in its format, or lacks a column, with the line and how to mend it.
    """
    if source.format == "stream":
        settings = None if source.file is None else data / source.file
        return Opened("stream labels", read_stream(settings))
    file = data / (source.file or "")
    if not file.is_file():
        raise FeedError(f"{file}: no such file; say with --data where the feeds lie")
    if source.sha256 and (actual := digest(file)) != source.sha256:
        raise FeedError(
            f"{file}: SHA-256 is {actual[:12]}…, the recipe expects {source.sha256[:12]}…; fetch "
            "the data set the recipe names, or correct the recipe"
        )
    return Opened(str(file), _reader(source, file, columns))


def _reader(source: Source, file: Path, columns: Sequence[str]) -> Iterator[Record | Broken]:
    encoding = source.encoding
    match source.format:
        case "csv":
            return read_csv(file, columns, encoding or "utf-8", source.delimiter)
        case "jsonl":
            return read_jsonl(file, columns, encoding or "utf-8")
        case "json":
            return read_json(file, columns, encoding or "utf-8")
        case "parquet":
            return read_parquet(file, columns)
        case "phrasebank":
            return read_phrasebank(file, encoding)
        case "label-studio":
            return read_label_studio(file, columns)
        case _:
            raise AssertionError(source.format)
