"""One partition's alerts on their way to one receiver: in order, one notification at a time.

Owns what is done with an alert record and in which sequence. It speaks to Kafka only through
the ledger and the commit function that it is given, and to the receiver only through a sender.
Which alerts become one notification is `grouping`'s to say, and which are silenced `holding`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace

import msgspec

from monitor import metrics
from monitor.delivery.grouping import Due, Grouping, GroupPolicy, Item
from monitor.delivery.holding import Holding
from monitor.delivery.ledger import AlertRecord, Ledger
from monitor.delivery.letter import Letter, ended_as, letter, silenced
from monitor.delivery.offsets import Unfinished
from monitor.delivery.receivers import is_told
from monitor.delivery.sender import Sender
from monitor.delivery.webhook import changed_at, notification_id, rfc3339
from monitor.desk.board import Board
from monitor.desk.records import episode_of
from monitor.records import AlertEvent, AlertPlace, Outcome, Severity, decode_alert

_log = logging.getLogger(__name__)
_GROUP_ALONE = GroupPolicy()
# A wall clock may be set, so that the end of a silence is looked at now and then.
_LONGEST_WAIT_SECONDS = 60.0


class Lane:
    """Takes records of one partition for one receiver and sees each of them through.

    For each notification: write that it is queued, send until it is delivered or given up, write
    the outcome, commit what has ended. Its task lives from `start` to `close`.

    Args:
        receiver: its name.
        sender: posts to it.
        ledger: the outbox.
        commit: commits an offset of the partition.
        first_offset: where reading begins.
        policy: which alerts become one notification.
        board: what the desk has said, as it comes to be known.
        held: alerts before `first_offset` that a silence, which they name, keeps back.
    """

    def __init__(
        self,
        receiver: str,
        sender: Sender,
        ledger: Ledger,
        commit: Callable[[int], Awaitable[None]],
        first_offset: int,
        *,
        severities: Collection[Severity] = (),
        policy: GroupPolicy = _GROUP_ALONE,
        board: Board | None = None,
        held: Iterable[Item] = (),
    ) -> None:
        self._receiver = receiver
        self._severities = severities
        self._sender = sender
        self._ledger = ledger
        self._commit = commit
        self._policy = policy
        self._board = board or Board()
        self._next_offset = self._committed = first_offset
        self._unfinished = Unfinished(first_offset)
        self._records: deque[AlertRecord] = deque()
        self._waiting = Grouping(policy)
        self._holding = Holding(self._board)
        self._closing = asyncio.Event()
        self._wake = asyncio.Event()
        self._heard = self._board.version
        self._task: asyncio.Task[None] | None = None
        self._waiting.read_to(first_offset)
        for item in held:
            self._take_back(item)

    @property
    def backlog(self) -> int:
        """Records put in and not yet taken up."""
        return len(self._records)

    @property
    def unfinished(self) -> int:
        """Offsets put in and not yet seen through."""
        return self._next_offset - self._unfinished.done_to

    def put(self, record: AlertRecord) -> None:
        """Add a record; one that lies before what the lane expects next is left out.

        A consumer may have fetched ahead from another position before it was told where to begin.
        """
        if record.offset >= self._next_offset:
            self._next_offset = record.offset + 1
            self._records.append(record)
            self._wake.set()

    def hear(self) -> None:
        """Look at what is kept back, if the desk has said something since the last time."""
        if self._heard != self._board.version:
            self._heard = self._board.version
            self._wake.set()

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
        self._wake.set()
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
        while not self._closing.is_set():
            self._release()
            due = None
            # What has come already belongs into its group before the group is looked at.
            if not (self._records and self._waiting.gathers):
                due = self._waiting.due(_loop_time())
            if due is not None:
                if not await self._see_through(due):
                    return
                await self._commit_what_ended()
            elif self._records:
                await self._take_up(self._records.popleft())
                # Runs of records that are nothing to this receiver need one commit, not one each.
                if not self._records:
                    await self._commit_what_ended()
            else:
                await self._wait()

    async def _wait(self) -> None:
        patience = _LONGEST_WAIT_SECONDS
        if (due := self._waiting.next_due()) is not None:
            patience = min(patience, due - _loop_time())
        if (ends := self._holding.next_release()) is not None:
            patience = min(patience, (ends - _now()) / 1000)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(patience, 0)):
                await self._wake.wait()
        self._wake.clear()

    async def _take_up(self, record: AlertRecord) -> None:
        alert = self._read(record)
        if alert is not None:
            if alert.state == "resolved":
                self._board.has_resolved(episode_of(alert))
            place = AlertPlace(record.partition, record.offset)
            item = Item(alert, place, record.taken_at, record.caught_up)
            identity = self._identity(item)
            if self._ledger.has_ended(identity):
                await self._drop_what_is_over(item)
                alert = None
            else:
                self._waiting.add(item, self._ledger.queued(identity))
        self._waiting.read_to(record.offset + 1)
        self._unfinished.read(record.offset, ends_later=alert is not None)

    def _read(self, record: AlertRecord) -> AlertEvent | None:
        """The alert, or None where it is not for this receiver or the record is none.

        The latter is logged, counted, and left.
        """
        try:
            alert = decode_alert(record.value)
            if not is_told(self._receiver, self._severities, alert):
                return None
            rfc3339(changed_at(alert))
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
        return alert

    def _take_back(self, item: Item) -> None:
        """Take an alert back that an earlier owner kept back, or was about to tell at last."""
        queued = self._ledger.queued(self._identity(item))
        if queued is None:
            self._holding.keep(item)
        else:
            self._waiting.add(item, queued)

    def _release(self) -> None:
        for item in self._holding.release(_now()):
            self._waiting.add(replace(item, arrived=_loop_time()))

    async def _drop_what_is_over(self, item: Item) -> None:
        """Finish what an earlier owner began: an alert whose end was dropped is over too."""
        if item.alert.state == "resolved" and (begin := self._holding.over(item)) is not None:
            await self._silence(begin, for_good=True)

    async def _see_through(self, due: Due) -> bool:
        """See the alerts of a notification through; False when the lane was closed before."""
        told = due
        if due.again is None:
            found = self._holding.sort(due.items, _now())
            for item in found.kept_back:
                await self._silence(item, for_good=False)
            for item in found.dropped:
                await self._silence(item, for_good=True)
            told = Due(tuple(found.told))
        if told.items and not await self._notify(
            letter(self._receiver, told, self._policy, self._board, _now())
        ):
            return False
        for item in due.items:
            self._unfinished.end(item.place.offset)
        return True

    async def _silence(self, item: Item, *, for_good: bool) -> None:
        which = {"receiver": self._receiver, "silence": item.silenced_by}
        if not for_good or item.alert.state == "resolved":
            metrics.notifications_silenced_total.labels(self._receiver).inc()
            _log.info(
                "alert %(alert)s is not told to receiver %(receiver)s: silence %(silence)s",
                which | {"alert": ascii(item.alert.id)},
                extra=which,
            )
        await self._ledger.end(silenced(self._receiver, item, _now(), for_good=for_good))

    async def _notify(self, sent: Letter) -> bool:
        """See one notification through; False when the lane was closed before it ended."""
        await self._ledger.queue(sent.queued)
        ended = await self._sender.deliver(sent.id, sent.body, self._closing)
        if ended is None:
            return False
        if ended.delivered:
            waited = _loop_time() - sent.arrived
            metrics.notification_seconds.labels(self._receiver).observe(waited)
        metrics.notifications_total.labels(self._receiver, ended.reason).inc()
        outcome = ended_as(sent, ended, _now())
        if not outcome.delivered:
            self._tell_given_up(outcome, sent.queued.alerts)
        await self._ledger.end(outcome)
        return True

    def _tell_given_up(self, outcome: Outcome, alerts: tuple[str, ...]) -> None:
        which = {"receiver": self._receiver, "notification": outcome.id}
        others = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
        _log.error(
            "alert %(alert)s was given up for receiver %(receiver)s after %(attempts)d tries "
            "(%(reason)s); notification %(notification)s",
            which
            | {"alert": ascii(alerts[0]) + others}
            | {"attempts": outcome.attempts, "reason": outcome.reason},
            extra=which,
        )

    async def _commit_what_ended(self) -> None:
        if (offset := self._unfinished.done_to) > self._committed:
            self._committed = offset
            await self._commit(offset)

    def _identity(self, item: Item) -> str:
        return notification_id(self._receiver, [item.alert.id])


def _now() -> int:
    return time.time_ns() // 1_000_000


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
