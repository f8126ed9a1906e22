"""Raw news to scored records: judged once by the daemon's judge, the judgements kept in a cache.

Owns the cache's files and the times of raw news. An item is taken to arrive when it was published;
one that does not say takes the time of the one before it, as in a replay (`newsurge publish
--speed`). In the cache is what the model said, one line for each row of a file, so that another
watchlist or other rules need no model.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from monitor.backtest.arranging import Numbers, Spool
from monitor.backtest.refusals import Refusals
from monitor.backtest.sources import read_news
from monitor.errors import FeedError
from monitor.feeds import FeedRecord
from monitor.model.bundle import Bundle
from monitor.model.judge import Judge, Judgement
from monitor.model.poison import Failed
from monitor.records import NewsItem, Origin, Retraction
from monitor.scoring.fan_out import scored_records, series_of
from monitor.scoring.news import InvalidNewsError, decode_news
from monitor.scoring.take_up import INFERENCE
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings

_CHUNK = 512
_SCHEMA = 1


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the cache: what the model said, or why it could not."""

    judgement: Judgement | None = None
    failed: str | None = None


_kept = msgspec.json.Decoder(_Kept)


@dataclass(frozen=True)
class Scoring:
    """What scoring needs. `load` gives the judge, and is called only where the cache lacks a file.

    `tell` is told how many rows of the file have been judged.
    """

    settings: Settings
    bundle: Bundle
    watchlist: Watchlist
    cache: Path
    load: Callable[[], Judge]
    tell: Callable[[int], None]


def default_cache() -> Path:
    """Where scores are kept unless told otherwise: `newsurge` in the user's cache directory."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "newsurge" / "backtest"


def score_news(path: Path, scoring: Scoring, spool: Spool, refusals: Refusals) -> None:
    """Score a file of news, and lay its records down.

    Raises:
        FeedError: when the file can't be read, none of its items has a time, or the cache can't
            be written.
        BundleError: when the model can't be loaded.
    """
    kept = _kept_for(path, scoring)
    items = (
        (record.line, item)
        for record in read_news(path)
        if (item := _read(record, scoring, path, refusals)) is not None
    )
    times = _times(path, scoring)
    ranks = np.empty_like(times)
    ranks[np.argsort(times, kind="stable")] = np.arange(len(times))
    rows = zip(items, _lines(kept), times.tolist(), ranks.tolist(), strict=True)
    for (line, item), said, time, rank in rows:
        if said.judgement is None:
            refusals.add(INFERENCE, f"{path.name}: line {line}", said.failed or "")
            continue
        origin = Origin(spool.file, rank)
        if item.retracts is not None and item.retracts != item.id:
            spool.add(Retraction(item.retracts, origin, time), line)
        series = series_of(item, said.judgement, scoring.settings.score, scoring.watchlist)
        for record in scored_records(
            item, said.judgement, series, event_time=time, ingest_time=time, origin=origin,
            model=scoring.bundle.meta.version,
        ):  # fmt: skip
            if not spool.add(record, line):
                break


def _read(
    record: FeedRecord, scoring: Scoring, path: Path, refusals: Refusals | None = None
) -> NewsItem | None:
    try:
        return decode_news(record.value, scoring.settings.streams.max_record_bytes)
    except InvalidNewsError as error:
        if refusals is not None:
            refusals.add(error.reason, f"{path.name}: line {record.line}", error.detail)
        return None


def _times(path: Path, scoring: Scoring) -> Numbers:
    """The time of each item that can be read, in the order of the file."""
    own = [
        item.published_at
        for record in read_news(path)
        if (item := _read(record, scoring, path)) is not None
    ]
    previous = next((time for time in own if time is not None), None)
    if own and previous is None:
        raise FeedError(
            f"{path}: no item has a time (published_at); a backtest has to know when news came"
        )
    times = []
    for time in own:
        previous = previous if time is None else time
        times.append(previous)
    return np.array(times, dtype=np.int64)


def _kept_for(path: Path, scoring: Scoring) -> Path:
    """The file of the cache with the judgements of a file of news; made if it is not there."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    settings, meta = scoring.settings, scoring.bundle.meta
    choices = [
        _SCHEMA, meta.name, meta.version, settings.score.topic_threshold,
        settings.streams.max_record_bytes, settings.model.runtime,
    ]  # fmt: skip
    digest.update(msgspec.json.encode(choices))
    kept = scoring.cache / f"{digest.hexdigest()[:32]}.jsonl"
    if not kept.is_file():
        try:
            scoring.cache.mkdir(parents=True, exist_ok=True)
            beside = kept.with_name(f"{kept.name}.{os.getpid()}")
            try:
                _judge_all(path, scoring, beside)
                beside.replace(kept)
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise FeedError(
                f"{scoring.cache}: scores can't be kept there ({error.strerror}); give another "
                "directory with --cache"
            ) from None
    return kept


def _judge_all(path: Path, scoring: Scoring, kept: Path) -> None:
    judge = scoring.load()
    records, done = read_news(path), 0
    with kept.open("wb") as stream:
        while chunk := list(islice(records, _CHUNK)):
            items = [item for one in chunk if (item := _read(one, scoring, path)) is not None]
            for outcome in judge.infer(judge.prepare(items)):
                said = (
                    _Kept(failed=outcome.detail) if isinstance(outcome, Failed) else _Kept(outcome)
                )
                stream.write(msgspec.json.encode(said) + b"\n")
            done += len(chunk)
            scoring.tell(done)


def _lines(kept: Path) -> Iterator[_Kept]:
    with kept.open("rb") as stream:
        for raw in stream:
            try:
                yield _kept.decode(raw)
            except msgspec.MsgspecError:
                raise FeedError(f"{kept}: damaged; delete it, and it will be made anew") from None
