"""`newsurge score`: a file of news in, the same file with the model's judgement out.

The judge is the daemon's own. Nothing is dropped in silence: a row that can't be used keeps its
place in the output, and is reported with its line and reason.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.errors import FeedError
from monitor.feeds import FeedRecord, csv_columns, format_of, read_feed
from monitor.model.judge import Judge, Judgement, load_judge
from monitor.model.poison import Failed
from monitor.model.registry import serving_bundle
from monitor.records import NewsItem
from monitor.scoring.news import InvalidNewsError, decode_news
from monitor.scoring.take_up import INFERENCE
from monitor.settings import Settings

COLUMNS = (
    "topic", "topic_probability", "negative", "neutral", "positive", "score", "unjudged",
)  # fmt: skip
_CHUNK = 512
_REPORTED = 20
_DECIMALS = 6


class InvalidRow(msgspec.Struct, frozen=True):
    """A row that can't be used: its line in the input, the named reason, and the detail."""

    line: int
    reason: str
    detail: str


class FileSummary(msgspec.Struct, frozen=True):
    """What became of a file: rows judged, rows the model could not judge, rows invalid."""

    judged: int
    unjudged: int
    invalid: int


class _Row(msgspec.Struct, frozen=True):
    """A row and what became of it."""

    record: FeedRecord
    outcome: Judgement | InvalidRow


def score_command(file: Path, output: Path, settings: Settings) -> None:
    """Run `newsurge score`: load the model, score, show progress, report what was invalid.

    Raises:
        FeedError: when the input can't be read or the output can't be written.
        BundleError: when the model can't be loaded.
    """
    total = sum(1 for _ in read_feed(file))
    judge = load_judge(serving_bundle(settings.model), settings)
    invalid: list[InvalidRow] = []
    console = Console(stderr=True)
    with Progress(
        TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("scoring", total=total)
        summary = score_file(
            file,
            output,
            judge,
            max_record_bytes=settings.streams.max_record_bytes,
            progress=lambda done: bar.update(task, completed=done),
            report=invalid.append,
        )
    for row in invalid[:_REPORTED]:
        click.echo(f"{file}: line {row.line}: {row.reason}: {_inert(row.detail)}", err=True)
    if len(invalid) > _REPORTED:
        click.echo(f"and {len(invalid) - _REPORTED} more invalid rows", err=True)
    click.echo(
        f"scored {summary.judged:,} rows; {summary.unjudged:,} not judged, "
        f"{summary.invalid:,} invalid",
        err=True,
    )


def score_file(
    source: Path,
    output: Path,
    judge: Judge,
    *,
    max_record_bytes: int,
    progress: Callable[[int], None] | None = None,
    report: Callable[[InvalidRow], None] | None = None,
) -> FileSummary:
    """Score a file of news, chunk by chunk, into a file of the same format.

    JSONL rows keep their fields and CSV rows their columns; both get `COLUMNS`. `unjudged` is
    `language` or `too_short` where the model did not judge, and `invalid: REASON` where the row
    can't be used; such a row has no probabilities. A JSONL line that is no object is replaced by
    one with its text under `line`.

    Args:
        source: JSONL or CSV (see `monitor.feeds`).
        output: the result, written anew; `-` is standard output.
        judge: the model.
        max_record_bytes: a larger row is invalid, as in the daemon.
        progress: told the number of rows done, after each chunk.
        report: told of each invalid row, in order.

    Raises:
        FeedError: when a file can't be read or written, or both are the same.
    """
    is_csv = format_of(source) == "csv"
    _check_output(source, output, is_csv)
    records = read_feed(source)
    counts: Counter[str] = Counter()
    with _opened(output) as stream:
        write = _csv_writer(stream, csv_columns(source)) if is_csv else _jsonl_writer(stream)
        while chunk := list(islice(records, _CHUNK)):
            for row in _judge(judge, chunk, max_record_bytes):
                write(row)
                counts[_kind(row)] += 1
                if report is not None and isinstance(row.outcome, InvalidRow):
                    report(row.outcome)
            if progress is not None:
                progress(counts.total())
    return FileSummary(counts["judged"], counts["unjudged"], counts["invalid"])


def _kind(row: _Row) -> str:
    if isinstance(row.outcome, InvalidRow):
        return "invalid"
    return "judged" if row.outcome.unjudged is None else "unjudged"


def _judge(judge: Judge, records: list[FeedRecord], max_record_bytes: int) -> list[_Row]:
    read = [_read(record, max_record_bytes) for record in records]
    items = [one for one in read if isinstance(one, NewsItem)]
    told = iter(judge.infer(judge.prepare(items)))
    return [
        _Row(record, _outcome(record, next(told)) if isinstance(one, NewsItem) else one)
        for record, one in zip(records, read, strict=True)
    ]


def _outcome(record: FeedRecord, told: Judgement | Failed) -> Judgement | InvalidRow:
    return InvalidRow(record.line, INFERENCE, told.detail) if isinstance(told, Failed) else told


def _read(record: FeedRecord, max_record_bytes: int) -> NewsItem | InvalidRow:
    try:
        return decode_news(record.value, max_record_bytes)
    except InvalidNewsError as error:
        return InvalidRow(record.line, error.reason, error.detail)


def _columns(row: _Row) -> dict[str, Any]:
    judgement = row.outcome
    if isinstance(judgement, InvalidRow):
        return {**dict.fromkeys(COLUMNS), "unjudged": f"invalid: {judgement.reason}"}
    sentiment = judgement.sentiment
    return {
        "topic": judgement.topic,
        "topic_probability": judgement.topic_probability,
        "negative": sentiment.negative,
        "neutral": sentiment.neutral,
        "positive": sentiment.positive,
        "score": round(sentiment.score, _DECIMALS),
        "unjudged": judgement.unjudged,
    }


def _csv_writer(stream: BinaryIO, columns: list[str]) -> Callable[[_Row], None]:
    kept = [column for column in columns if column not in COLUMNS]
    text = _Text(stream)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*kept, *COLUMNS])

    def write(row: _Row) -> None:
        cells = row.record.row or {}
        added = _columns(row)
        writer.writerow([*(cells.get(name, "") for name in kept), *(added[n] for n in COLUMNS)])

    return write


def _jsonl_writer(stream: BinaryIO) -> Callable[[_Row], None]:
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def write(row: _Row) -> None:
        fields: dict[str, Any]
        try:
            row.record.value.decode()
            fields = dict(decoder.decode(row.record.value))
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
            fields = {"line": row.record.value.decode("utf-8", "replace")}
        stream.write(msgspec.json.encode({**fields, **_columns(row)}) + b"\n")

    return write


class _Text:
    """Takes the CSV writer's text to a binary stream, bytes that are not UTF-8 included."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a row."""
        return self._stream.write(text.encode("utf-8", "surrogateescape"))


def _check_output(source: Path, output: Path, is_csv: bool) -> None:
    if str(output) == "-":
        return
    if output.exists() and output.samefile(source):
        raise FeedError(f"{output}: would overwrite the input; give another path with -o")
    if (format_of(output) == "csv") != is_csv:
        raise FeedError(
            f"{output}: the output has the input's format, so its name must end as that of {source}"
        )


@contextmanager
def _opened(output: Path) -> Iterator[BinaryIO]:
    if str(output) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        stream = output.open("wb")
    except OSError as error:
        raise FeedError(f"{output}: can't be written ({error.strerror}); check the path") from error
    with stream:
        yield stream


def _inert(text: str) -> str:
    """Untrusted text for a terminal: one line, nothing that a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in text)[:200]
