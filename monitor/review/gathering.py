"""Scored items for review: from the `scored` stream or a file of it, and what a shadow says.

Holds the newest items only, so that memory is bounded whatever the stream holds. It chooses none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from monitor.errors import FeedError
from monitor.model.judge import Judge, Judgement
from monitor.model.signature import sign
from monitor.records import NewsItem, Origin, ScoredRecord, Sentiment, decode_scored
from monitor.review.choosing import Candidate, View
from monitor.settings import Settings
from monitor.streams.reading import read_all

_AT_ONCE = 512


class _Row(msgspec.Struct):
    """A row that `newsurge score` wrote."""

    title: str
    topic: str
    topic_probability: float
    negative: float
    neutral: float
    positive: float
    id: str = ""
    source: str | None = None
    url: str | None = None
    language: str | None = None
    unjudged: str | None = None


_ROW = msgspec.json.Decoder(_Row)


class Newest:
    """The newest items by the time they came in, each once, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[Origin | int, Candidate] = {}

    def add(self, key: Origin | int, one: Candidate) -> None:
        """Take note of an item; `key` tells the same item when it comes in another series."""
        self._found[key] = one
        if len(self._found) >= 2 * self._most:
            self._found = dict(self._newest())

    def items(self) -> list[Candidate]:
        """The items, oldest first."""
        return [one for _, one in self._newest()]

    def _newest(self) -> list[tuple[Origin | int, Candidate]]:
        return sorted(self._found.items(), key=lambda pair: pair[1].time)[-self._most :]


async def from_stream(settings: Settings, most: int) -> list[Candidate]:
    """The newest judged items of the deployment's `scored` stream.

    Raises:
        StreamError: when it can't be read.
    """
    newest = Newest(most)
    async with aclosing(read_all(settings, "scored")) as records:
        async for scored in _decoded(records):
            if scored.unjudged is None:
                newest.add(scored.origin, _candidate(scored))
    return newest.items()


def from_file(file: Path, most: int) -> tuple[list[Candidate], int]:
    """The newest judged items of a JSONL file, and how many lines could not be used.

    Lines are `scored` records (`newsurge tail scored --json`), or rows of `newsurge score`.

    Raises:
        FeedError: when it can't be read, or has no line of either kind.
    """
    newest, bad = Newest(most), 0
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines):
                if not line.strip():
                    continue
                found = _read(line, number)
                if found is None:
                    bad += 1
                elif isinstance(found, tuple):
                    newest.add(*found)
    except OSError as error:
        raise FeedError(f"{file}: can't be read ({error.strerror}); check the path") from error
    items = newest.items()
    if bad and not items:
        raise FeedError(
            f"{file}: no scored item in it; give JSONL of `newsurge tail scored --json`, or of "
            "`newsurge score`"
        )
    return items, bad


def with_shadow(candidates: Sequence[Candidate], judge: Judge) -> Iterator[Candidate]:
    """The candidates with another model's view of them, where it has one."""
    for begin in range(0, len(candidates), _AT_ONCE):
        piece = candidates[begin : begin + _AT_ONCE]
        told = judge.infer(judge.prepare([one.item for one in piece]))
        for one, view in zip(piece, told, strict=True):
            if isinstance(view, Judgement) and view.unjudged is None:
                yield msgspec.structs.replace(one, shadow=_view(view))
            else:
                yield one


async def _decoded(records: AsyncIterator[object]) -> AsyncIterator[ScoredRecord]:
    async for record in records:
        try:
            scored = decode_scored(getattr(record, "value", None) or b"")
        except (msgspec.MsgspecError, RecursionError):
            continue  # WATCH passes it over too, and tells of it
        if isinstance(scored, ScoredRecord):
            yield scored


def _read(line: bytes, number: int) -> tuple[Origin | int, Candidate] | bool | None:
    """An item and its key; True for a line that holds none rightly, None for a bad one."""
    try:
        scored = decode_scored(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_row(line, number)
    if not isinstance(scored, ScoredRecord) or scored.unjudged is not None:
        return True
    return scored.origin, _candidate(scored)


def _read_row(line: bytes, number: int) -> tuple[int, Candidate] | bool | None:
    try:
        row = _ROW.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if row.unjudged:
        return True
    item = NewsItem(row.id, row.title, source=row.source, url=row.url, language=row.language)
    sentiment = Sentiment(row.negative, row.neutral, row.positive)
    view = View(row.topic, row.topic_probability, sentiment)
    return number, Candidate(item, number, view, "", sign(row.title))


def _candidate(scored: ScoredRecord) -> Candidate:
    return Candidate(scored.item, scored.ingest_time, _view(scored), scored.model, scored.signature)


def _view(judged: ScoredRecord | Judgement) -> View:
    return View(judged.topic, judged.topic_probability, judged.sentiment)
