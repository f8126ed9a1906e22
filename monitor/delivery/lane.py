"""One partition's alerts on their way to one receiver: in order, one at a time.

Owns what is done with an alert record and in which sequence. It speaks to Kafka only through
the ledger and the commit function that it is given, and to the receiver only through a sender.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import msgspec

from monitor import metrics
from monitor.delivery.receivers import is_told
from monitor.delivery.sender import Ended, Sender
from monitor.delivery.webhook import notification_id, payload
from monitor.records import Outcome, Queued, Severity, decode_alert

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AlertRecord:
    """A record of the `alerts` stream as it was read; `taken_at` is the event loop's time."""

    stream: str
    partition: int
    offset: int
    value: bytes
    caught_up: bool
    taken_at: float


@dataclass(frozen=True)
class _Letter:
    """One notification: its id, the id of its alert, and the body of every try."""

    id: str
    alert: str
    body: bytes


class Ledger(Protocol):
    """The outbox, as a lane sees it."""

    def has_ended(self, identity: str) -> bool:
        """True when the notification's outcome is known to be written."""

    async def queue(self, record: Queued) -> None:
        """Return when the record is safely written."""

    async def end(self, record: Outcome) -> None:
        """Return when the record is safely written."""


class Lane:
    """Takes records of one partition for one receiver and sees each of them through.

    For each alert meant for the receiver: write that it is queued, send until it is delivered or
    given up, write the outcome, commit. Its task lives from `start` to `close`.
    """

    def __init__(
        self,
        receiver: str,
        sender: Sender,
        ledger: Ledger,
        commit: Callable[[int], Awaitable[None]],
        first_offset: int,
        severities: Collection[Severity] = (),
    ) -> None:
        self._receiver = receiver
        self._severities = severities
        self._sender = sender
        self._ledger = ledger
        self._commit = commit
        self._next_offset = first_offset
        self._records: asyncio.Queue[AlertRecord | None] = asyncio.Queue()
        self._done_offset = first_offset
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def backlog(self) -> int:
        """Records put in and not yet taken up."""
        return self._records.qsize()

    @property
    def unfinished(self) -> int:
        """Offsets put in and not yet seen through."""
        return self._next_offset - self._done_offset

    def put(self, record: AlertRecord) -> None:
        """Add a record; one that lies before what the lane expects next is left out.

        A consumer may have fetched ahead from another position before it was told where to begin.
        """
        if record.offset >= self._next_offset:
            self._next_offset = record.offset + 1
            self._records.put_nowait(record)

    def start(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self._run(), name=f"notify {self._receiver}")

    def check(self) -> None:
        """Raise what the lane's task died of, if it did."""
        if self._task is not None and self._task.done():
            self._task.result()

    async def close(self, patience_seconds: float) -> None:
        """Begin no further try, wait so long for the one under way, then break it off.

        A notification that has not ended is left uncommitted: whoever reads its alert next sends
        it again under the same id.
        """
        self._closing.set()
        self._records.put_nowait(None)
        if self._task is None:
            return
        try:
            await asyncio.wait([self._task], timeout=patience_seconds)
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        while (record := await self._records.get()) is not None and not self._closing.is_set():
            letter = self._read(record)
            if letter is not None and not await self._notify(record, letter):
                return
            self._done_offset = record.offset + 1
            # Runs of records that are nothing to this receiver need one commit, not one each.
            if letter is not None or self._records.empty():
                await self._commit(record.offset + 1)

    def _read(self, record: AlertRecord) -> _Letter | None:
        """What to send, or None where the alert is not for this receiver or the record is none.

        The latter is logged, counted, and left.
        """
        try:
            alert = decode_alert(record.value)
            if not is_told(self._receiver, self._severities, alert):
                return None
            body = payload(alert, caught_up=record.caught_up)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            where = {
                "stream": record.stream, "partition": record.partition, "offset": record.offset,
            }  # fmt: skip
            metrics.malformed_alerts_total.labels(self._receiver).inc()
            _log.warning(
                "%(stream)s partition %(partition)d offset %(offset)d is not an alert: %(why)s",
                where | {"why": ascii(str(error))},
                extra=where,
            )
            return None
        return _Letter(notification_id(self._receiver, [alert.id]), alert.id, body)

    async def _notify(self, record: AlertRecord, letter: _Letter) -> bool:
        """See one alert through; False when the lane was closed before it ended."""
        if self._ledger.has_ended(letter.id):
            return True
        await self._ledger.queue(Queued(letter.id, self._receiver, (letter.alert,), _now()))
        ended = await self._sender.deliver(letter.id, letter.body, self._closing)
        if ended is None:
            return False
        if ended.delivered:
            waited = asyncio.get_running_loop().time() - record.taken_at
            metrics.notification_seconds.labels(self._receiver).observe(waited)
        metrics.notifications_total.labels(self._receiver, ended.reason).inc()
        await self._ledger.end(self._outcome(letter, ended))
        return True

    def _outcome(self, letter: _Letter, ended: Ended) -> Outcome:
        reason = ""
        if not ended.delivered:
            reason = f"{ended.reason}: {ended.detail}"
            which = {"receiver": self._receiver, "notification": letter.id}
            _log.error(
                "alert %(alert)s was given up for receiver %(receiver)s after %(attempts)d tries "
                "(%(reason)s); notification %(notification)s",
                which
                | {"alert": ascii(letter.alert), "attempts": ended.attempts, "reason": reason},
                extra=which,
            )
        return Outcome(letter.id, self._receiver, ended.delivered, ended.attempts, _now(), reason)


def _now() -> int:
    return time.time_ns() // 1_000_000
