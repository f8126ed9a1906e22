"""The outbox of NOTIFY: the `notifications` stream, written before and after each delivery.

Owns the stream's records and what is remembered of them. It sends nothing to a receiver.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord

from monitor.delivery.webhook import notification_id
from monitor.records import Outcome, Queued, decode_notification, encode
from monitor.settings import Settings
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name

_log = logging.getLogger(__name__)


class Outbox:
    """The `notifications` stream: what was to be sent and how it ended.

    It remembers what ended, for as long as the stream keeps it (90 days by default), what was
    about to be sent, and what a silence keeps back. An alert is known by the id of the notification
    that would hold it alone, whichever one it was sent in.
    """

    def __init__(self, settings: Settings, client: AIOKafkaProducer) -> None:
        self._settings = settings
        self._client = client
        self._stream = stream_name(settings, "notifications")
        self._ended: set[str] = set()
        self._queued: dict[str, Queued] = {}
        self._queued_alerts: dict[str, Queued] = {}
        self._kept_back: dict[str, Outcome] = {}
        self._read_up_to: dict[int, int] = {}
        self._reading = asyncio.Lock()
        self._last_reading = -1.0

    async def read_back(self) -> None:
        """Learn what this and other processes have written since the last time.

        Raises:
            StreamError: when the stream can't be read.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._reading:
            if self._last_reading > asked:
                return  # Someone else's reading began after this one was asked for.
            began = loop.time()
            async for record in read_all(
                self._settings, "notifications", start=dict(self._read_up_to)
            ):
                self._read_up_to[record.partition] = record.offset + 1
                self._learn(record)
            self._last_reading = began

    def has_ended(self, identity: str) -> bool:
        """True when the outcome of the notification, or of the alert in another, is written."""
        return identity in self._ended

    def queued(self, identity: str) -> Queued | None:
        """The notification that an alert was about to be sent in, while no outcome is known."""
        return self._queued_alerts.get(identity)

    def kept_back(self, receiver: str) -> list[Outcome]:
        """What silences keep back from a receiver, and may still have to be told."""
        return [each for each in self._kept_back.values() if each.receiver == receiver]

    async def queue(self, record: Queued) -> None:
        """Write that a notification is about to be sent; returns when it is acknowledged."""
        await self._write(record)
        self._take(record)

    async def end(self, record: Outcome) -> None:
        """Write how a notification ended; returns when it is acknowledged."""
        await self._write(record)
        self._take(record)

    async def _write(self, record: Queued | Outcome) -> None:
        # One key for both, so that a notification's records stay in order.
        await self._client.send_and_wait(self._stream, encode(record), key=record.id.encode())

    def _learn(self, record: ConsumerRecord) -> None:
        try:
            notification = decode_notification(record.value or b"")
        except msgspec.MsgspecError as error:
            where = {
                "stream": record.topic, "partition": record.partition, "offset": record.offset,
            }  # fmt: skip
            _log.warning(
                "%(stream)s partition %(partition)d offset %(offset)d can't be read: %(why)s",
                where | {"why": ascii(str(error))},
                extra=where,
            )
            return
        self._take(notification)

    def _take(self, record: Queued | Outcome) -> None:
        if isinstance(record, Queued):
            self._queued[record.id] = record
            self._queued_alerts |= dict.fromkeys(_alerts(record), record)
        elif record.place is not None:
            # Told in a group since, it may come behind that group's end: in another partition.
            if record.id not in self._ended:
                self._kept_back[record.id] = record
        else:
            queued = self._queued.pop(record.id, None)
            for identity in {record.id, *(_alerts(queued) if queued else ())}:
                self._ended.add(identity)
                self._queued_alerts.pop(identity, None)
                self._kept_back.pop(identity, None)


def _alerts(queued: Queued) -> list[str]:
    """The ids that the notification's alerts would have if each were told alone."""
    if len(queued.alerts) == 1:
        return [queued.id]
    return [notification_id(queued.receiver, [alert]) for alert in queued.alerts]
