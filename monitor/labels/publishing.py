"""Files of labels into the `labels` stream: checked as a whole, then sent and acknowledged."""

from __future__ import annotations

import asyncio
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from monitor.errors import FeedError, StreamError
from monitor.feeds import read_feed
from monitor.labels.record import InvalidLabelError, read_line
from monitor.records import encode
from monitor.streams.clients import partitions_of, producer, started
from monitor.streams.spec import stream_name
from monitor.streams.writing import Outgoing, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.settings import Settings

_AT_ONCE = 5000


async def publish_labels(settings: Settings, path: Path, who: str | None) -> int:
    """Publish the labels of a JSONL or CSV file; returns how many, when all are acknowledged.

    Args:
        settings: the deployment.
        path: the file. It is read twice, so it can't be a pipe.
        who: whose labels these are where a line doesn't tell.

    Raises:
        FeedError: when the file can't be read or a line is no label; nothing was published then.
        StreamError: when the broker can't be reached, has no such stream, or refuses a record.
    """
    now = time.time_ns() // 1_000_000
    total = await asyncio.to_thread(lambda: sum(1 for _ in _encoded(settings, path, now, who)))
    await partitions_of(settings, "labels")
    stream = stream_name(settings, "labels")
    values = _encoded(settings, path, now, who)
    async with started(producer(settings), settings) as client:
        while batch := [Outgoing(0, None, value) for value in islice(values, _AT_ONCE)]:
            try:
                await write_all(client, stream, batch)
            except KafkaError as error:
                raise StreamError(
                    f"labels were not acknowledged by the broker ({error}); check stream {stream}, "
                    "and publish the file again: the same labels again do no harm"
                ) from error
    return total


def _encoded(settings: Settings, path: Path, now: int, who: str | None) -> Iterator[bytes]:
    most = settings.streams.max_record_bytes
    for record in read_feed(path):
        try:
            value = encode(read_line(record.value, now, who))
        except InvalidLabelError as error:
            raise FeedError(
                f"{path}: line {record.line}: {error} (nothing was published)"
            ) from None
        if len(value) > most:
            raise FeedError(
                f"{path}: line {record.line}: {len(value):,} bytes, more than "
                f"streams.max_record_bytes ({most:,}); shorten the text (nothing was published)"
            )
        yield value
