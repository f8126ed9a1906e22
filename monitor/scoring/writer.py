"""What SCORE writes: scored records and control records, and dead letters.

Owns the keys and partitions of `scored` records; it reads nothing and keeps no offset.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer

from monitor import metrics
from monitor.model.judge import Judgement
from monitor.records import Origin, Retraction, Series, encode
from monitor.scoring.fan_out import scored_records, series_of
from monitor.scoring.take_up import TakenUp
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings
from monitor.streams.dead_letters import encode_dead_letter
from monitor.streams.spec import partition_for, stream_name
from monitor.streams.writing import Outgoing, write_all

log = logging.getLogger(__name__)


class ScoreWriter:
    """Writes to `scored` and `dead-letter`."""

    def __init__(self, settings: Settings, watchlist: Watchlist) -> None:
        self.news = stream_name(settings, "news")
        self._settings = settings
        self._watchlist = watchlist
        self._scored = stream_name(settings, "scored")
        self._dead_letter = stream_name(settings, "dead-letter")
        self._partitions = settings.streams.partitions.scored

    def follow(self, watchlist: Watchlist) -> None:
        """Make entity series of another watchlist's names, from the next chunk on."""
        self._watchlist = watchlist

    async def write(
        self,
        producer: AIOKafkaProducer,
        taken: list[TakenUp],
        judgements: list[Judgement],
        model: str,
    ) -> None:
        """Write a chunk in its order; returns when all of it is acknowledged.

        `judgements` are those of the valid items, in the same order, by the bundle `model`.
        """
        judged = iter(judgements)
        outgoing: list[Outgoing] = []
        letters = []
        for one in taken:
            if one.error is not None:
                letters.append(self._set_aside(producer, one))
            else:
                outgoing += self._scored_of(one, next(judged), model)
        await asyncio.gather(*letters, write_all(producer, self._scored, outgoing))
        metrics.news_records_total.labels("scored").inc(len(judgements))
        metrics.news_records_total.labels("dead_letter").inc(len(letters))
        _count(judgements)
        self._tell_set_aside(taken)

    async def write_to_all(self, producer: AIOKafkaProducer, values: list[bytes]) -> None:
        """Write control records to every partition of `scored`."""
        await write_all(producer, self._scored, self._everywhere(values))

    def _everywhere(self, values: list[bytes]) -> Iterator[Outgoing]:
        for partition in range(self._partitions):
            for value in values:
                yield Outgoing(partition, None, value)

    def _scored_of(self, one: TakenUp, judgement: Judgement, model: str) -> Iterator[Outgoing]:
        item = one.item
        if item is None:
            return
        # An item that corrects itself under its own id is a repeat, which counts once as it is.
        if item.retracts is not None and item.retracts != item.id:
            retraction = Retraction(item.retracts, one.origin, one.ingest_time)
            yield from self._everywhere([encode(retraction)])
        for record in scored_records(
            item,
            judgement,
            series_of(item, judgement, self._settings.score, self._watchlist),
            event_time=one.event_time,
            ingest_time=one.ingest_time,
            origin=one.origin,
            model=model,
        ):
            key = series_key(record.series)
            yield Outgoing(partition_for(key, self._partitions), key, encode(record))

    async def _set_aside(self, producer: AIOKafkaProducer, one: TakenUp) -> None:
        error = one.error
        if error is None:
            return
        value, headers = encode_dead_letter(
            stream=self.news,
            partition=one.origin.partition,
            offset=one.origin.offset,
            reason=error.reason,
            detail=error.detail,
            time=one.ingest_time,
            value=one.value,
            max_bytes=self._settings.streams.max_record_bytes,
        )
        await producer.send_and_wait(self._dead_letter, value, headers=headers)
        metrics.dead_letters_total.labels(error.reason).inc()

    def _tell_set_aside(self, taken: list[TakenUp]) -> None:
        """Log one line for each reason in a chunk, so that a flood of bad news floods no log."""
        by_reason: dict[str, list[Origin]] = {}
        for one in taken:
            if one.error is not None:
                by_reason.setdefault(one.error.reason, []).append(one.origin)
        for reason, origins in by_reason.items():
            log.warning(
                "%d news records set aside as %s; this is the first",
                len(origins),
                reason,
                extra={
                    "stream": self.news,
                    "partition": origins[0].partition,
                    "offset": origins[0].offset,
                },
            )


def series_key(series: Series) -> bytes:
    """The Kafka key of a series' records: all of a series lies in one partition."""
    return str(series).encode()


def _count(judgements: Sequence[Judgement]) -> None:
    """Count what the model made of a chunk."""
    told = Counter(
        (one.series_topics[0], one.sentiment.likeliest)
        for one in judgements
        if one.unjudged is None
    )
    for (topic, sentiment), count in told.items():
        metrics.judged_items_total.labels(topic, sentiment).inc(count)
    for one in judgements:
        if one.unjudged is not None:
            metrics.unjudged_items_total.labels(one.unjudged).inc()
