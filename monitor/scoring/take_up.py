"""Taking up news records: each is decoded and timed, or found invalid with its reason. Pure.

Invalid is also what the model fails on, which shows later: see `judged`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from monitor.model.judge import Judgement
from monitor.model.poison import Failed
from monitor.records import NewsItem, Origin
from monitor.scoring.log_time import resolve_times
from monitor.scoring.news import InvalidNewsError, decode_news

INFERENCE = "inference"  # the reason of a record on which the model fails even alone


class RawRecord(Protocol):
    """What is read of a Kafka record."""

    partition: int
    offset: int
    timestamp: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A news record: its item, or the error that says why there is none."""

    origin: Origin
    value: bytes | None
    event_time: int
    ingest_time: int
    item: NewsItem | None = None
    error: InvalidNewsError | None = None


def take_up(
    records: Iterable[RawRecord], now: int, max_bytes: int, oldest: int = 0
) -> list[TakenUp]:
    """Decode news records in their order.

    Args:
        records: the records as read.
        now: SCORE's own clock, in milliseconds.
        max_bytes: a longer record is oversized.
        oldest: no record can be older (milliseconds); see `resolve_times`.
    """
    return [_one(record, now, max_bytes, oldest) for record in records]


def judged(
    taken: Iterable[TakenUp], outcomes: Iterable[Judgement | Failed]
) -> tuple[list[TakenUp], list[Judgement]]:
    """Put what the model said to the records that have an item, in their order.

    Args:
        taken: the records.
        outcomes: one for each of them that has an item.

    Returns:
        The records, those on which the model failed as invalid for the reason `INFERENCE`; and
        the judgements of the valid ones.
    """
    told = iter(outcomes)
    records: list[TakenUp] = []
    judgements: list[Judgement] = []
    for one in taken:
        outcome = next(told) if one.item is not None else None
        if isinstance(outcome, Judgement):
            judgements.append(outcome)
        elif outcome is not None:
            one_failed = InvalidNewsError(INFERENCE, outcome.detail)
            records.append(replace(one, item=None, error=one_failed))
            continue
        records.append(one)
    return records, judgements


def _one(record: RawRecord, now: int, max_bytes: int, oldest: int) -> TakenUp:
    origin = Origin(record.partition, record.offset)
    try:
        item = decode_news(record.value, max_bytes)
    except InvalidNewsError as error:
        event_time, ingest_time = resolve_times(None, record.timestamp, now, oldest)
        return TakenUp(origin, record.value, event_time, ingest_time, error=error)
    event_time, ingest_time = resolve_times(item.published_at, record.timestamp, now, oldest)
    return TakenUp(origin, record.value, event_time, ingest_time, item=item)
