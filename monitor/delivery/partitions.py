"""The partitions of `alerts` that one receiver's consumer holds, a lane for each.

Owns where each is read from, its pauses, its commits and its lane's life; it polls nothing.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from monitor import metrics
from monitor.delivery.lane import Lane
from monitor.delivery.ledger import AlertRecord
from monitor.delivery.outbox import Outbox
from monitor.delivery.receivers import WebhookTarget
from monitor.delivery.restoring import kept_back
from monitor.delivery.sender import Sender
from monitor.desk.board import Board
from monitor.settings import Settings
from monitor.streams.reading import end_offsets, lag

_log = logging.getLogger(__name__)
# A partition is paused while this many of its alerts wait, and resumed at half of it. What is
# left then lasts for longer than one poll, which is the longest that resuming may take.
_MAX_BACKLOG = 100
_DRAIN_SECONDS = 4.0
# A member that is slow to let go of its partitions holds up the whole group.
_REVOKE_SECONDS = 2.0


class Partitions:
    """The partitions that one receiver's consumer holds, a lane for each."""

    def __init__(
        self,
        settings: Settings,
        client: AIOKafkaConsumer,
        target: WebhookTarget,
        sender: Sender,
        outbox: Outbox,
        board: Board,
        joined: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._severities = target.severities
        self._joined = joined
        self._client = client
        self._receiver = target.name
        self._grouping = target.grouping
        self._board = board
        self._sender = sender
        self._outbox = outbox
        self._lanes: dict[TopicPartition, Lane] = {}
        self._ended = False

    async def let_go(self, revoked: Collection[TopicPartition]) -> None:
        """Finish or break off what is under way; every partition is about to move."""
        del revoked
        await self._close_lanes(_REVOKE_SECONDS)

    async def take(self, assigned: Collection[TopicPartition]) -> None:
        """Go to where each partition is to be read from, and open its lane."""
        await self._open(assigned)
        self._joined(self._receiver)

    def put(self, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """Put fetched records into their lanes; pause the lanes that are full, resume the others.

        Records of a partition that has no lane yet are left: its position is set when it opens.
        """
        now = asyncio.get_running_loop().time()
        for partition, records in fetched.items():
            if (lane := self._lanes.get(partition)) is not None:
                for record in records:
                    lane.put(_alert_record(record, now))
        for lane in self._lanes.values():
            lane.hear()
        self._hold_back()

    async def show(self) -> None:
        """Bring the metrics up to date."""
        for partition, unread in (await lag(self._client)).items():
            # While a group forms anew, the client has its old partitions still.
            if (lane := self._lanes.get(partition)) is not None:
                shown = metrics.notification_lag_records
                shown.labels(self._receiver, str(partition.partition)).set(unread + lane.unfinished)

    def check(self) -> None:
        """Raise what a lane failed of, if one did."""
        for lane in self._lanes.values():
            lane.check()

    async def end(self) -> None:
        """Drain, and take up no partition any more, even where that has begun."""
        self._ended = True
        await self._close_lanes(_DRAIN_SECONDS)

    async def _close_lanes(self, patience_seconds: float) -> None:
        lanes, self._lanes = self._lanes, {}
        for partition in lanes:
            metrics.notification_lag_records.remove(self._receiver, str(partition.partition))
        closed = await asyncio.gather(
            *(lane.close(patience_seconds) for lane in lanes.values()), return_exceptions=True
        )
        for each in closed:
            if isinstance(each, BaseException):
                raise each

    async def _open(self, assigned: Collection[TopicPartition]) -> None:
        # The owner before may have delivered what it could not commit any more.
        await self._outbox.read_back()
        positions = await self._positions(assigned)
        held = await kept_back(self._settings, self._outbox.kept_back(self._receiver), positions)
        if self._ended:
            return
        for partition, offset in positions.items():
            # Explicitly, since fetching may have begun somewhere else already.
            self._client.seek(partition, offset)
            lane = Lane(
                self._receiver,
                self._sender,
                self._outbox,
                functools.partial(self._commit, partition),
                offset,
                severities=self._severities,
                policy=self._grouping,
                board=self._board,
                held=held[partition],
            )
            lane.start()
            self._lanes[partition] = lane

    async def _positions(self, assigned: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to read from: what is committed, or else the end, which is committed at once.

        Otherwise a new receiver that is restarted before its first alert would skip what came
        in between.
        """
        committed = {each: await self._client.committed(each) for each in assigned}
        new = [each for each, offset in committed.items() if offset is None]
        ends: dict[TopicPartition, int] = {}
        if new:
            ends = await end_offsets(self._settings, new)
            await self._client.commit(ends)
            _log.info("receiver %s is new and starts at the end of the alerts", self._receiver)
        return committed | ends

    async def _commit(self, partition: TopicPartition, offset: int) -> None:
        try:
            await self._client.commit({partition: offset})
        except (CommitFailedError, IllegalStateError):
            # The partition has moved. Its new owner finds the outcome in the outbox.
            _log.info("%s partition %d has moved before its commit", *partition)

    def _hold_back(self) -> None:
        held, paused = self._client.assignment(), self._client.paused()
        for partition, lane in self._lanes.items():
            if partition not in held:
                continue
            if lane.backlog >= _MAX_BACKLOG and partition not in paused:
                self._client.pause(partition)
            elif lane.backlog <= _MAX_BACKLOG // 2 and partition in paused:
                self._client.resume(partition)


def _alert_record(record: ConsumerRecord, now: float) -> AlertRecord:
    return AlertRecord(
        stream=record.topic,
        partition=record.partition,
        offset=record.offset,
        value=record.value or b"",
        caught_up=("caught-up", b"0") not in record.headers,
        taken_at=now,
    )
