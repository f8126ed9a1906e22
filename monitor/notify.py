"""NOTIFY: from the `alerts` stream to the receivers' webhooks, with `notifications` as outbox.

Owns the consumer groups (one for each receiver), their partitions, offsets and the outbox. It knows
what the `desk` has said before it sends anything.
How one partition's alerts are seen through is `delivery.lane`; how one is sent, `delivery.sender`.
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
from monitor.delivery.sender import Sender, sending
from monitor.desk.board import Board
from monitor.desk.stream import following
from monitor.health import Health
from monitor.settings import Settings
from monitor.streams.clients import consumer, producer, started, subscribe
from monitor.streams.reading import end_offsets, lag
from monitor.streams.rebalance import Rebalance
from monitor.streams.spec import group_name

_log = logging.getLogger(__name__)
_PART = "notify"
_POLL_MS = 200
_RECORDS_AT_ONCE = 100
# A partition is paused while this many of its alerts wait, and resumed at half of it. What is
# left then lasts for longer than one poll, which is the longest that resuming may take.
_MAX_BACKLOG = 100
_SHOW_SECONDS = 0.5
_DRAIN_SECONDS = 4.0
# A member that is slow to let go of its partitions holds up the whole group.
_REVOKE_SECONDS = 2.0


class Notify:
    """The role. `run` lasts until it is told to stop or something fails."""

    def __init__(
        self, settings: Settings, receivers: Sequence[WebhookTarget], health: Health
    ) -> None:
        self._settings = settings
        self._receivers = receivers
        self._health = health
        health.expect(_PART)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver alerts until `stop` is set, then drain for a few seconds.

        A new receiver starts at the end of `alerts`, once the health part `notify` is ready.

        Raises:
            StreamError: when no broker can be reached or a stream is missing.
            KafkaError: when the broker fails for longer than its client retries.
        """
        if not self._receivers:
            self._health.ready(_PART)
            await stop.wait()
            return
        async with (
            following(self._settings) as (board, desk),
            started(producer(self._settings), self._settings) as client,
        ):
            outbox = Outbox(self._settings, client)
            await outbox.read_back()
            waiting = {target.name for target in self._receivers}
            self._health.unready(_PART, "joining the consumer groups")

            def joined(receiver: str) -> None:
                waiting.discard(receiver)
                if not waiting:
                    self._health.ready(_PART)

            followers = [
                asyncio.create_task(
                    _follow(self._settings, target, outbox, board, joined, self._health),
                    name=f"notify {target.name}",
                )
                for target in self._receivers
            ]
            await _until(stop, [desk, *followers])


class _Partitions:
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
        _raise_first(closed)

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


async def _follow(
    settings: Settings,
    target: WebhookTarget,
    outbox: Outbox,
    board: Board,
    joined: Callable[[str], None],
    health: Health,
) -> None:
    """Deliver one receiver's alerts until cancelled; then drain."""
    group = group_name(settings, "notify", target.name)
    async with (
        sending(target, settings.notify) as sender,
        started(consumer(settings, group), settings) as client,
    ):
        partitions = _Partitions(settings, client, target, sender, outbox, board, joined)
        try:
            listener = Rebalance(partitions.take, partitions.let_go)
            await subscribe(settings, client, "alerts", listener)
            next_show = 0.0
            while True:
                fetched = await client.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_AT_ONCE)
                partitions.put(fetched)
                listener.check()
                partitions.check()
                health.turned(_PART, group, len(client.assignment()))
                if (now := asyncio.get_running_loop().time()) >= next_show:
                    await partitions.show()
                    next_show = now + _SHOW_SECONDS
        finally:
            await partitions.end()


async def _until(stop: asyncio.Event, followers: Sequence[asyncio.Task[None]]) -> None:
    """Wait for `stop` or the first follower that fails; then let all of them drain."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *followers], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopping, *followers):
            task.cancel()
        ended = await asyncio.gather(stopping, *followers, return_exceptions=True)
    _raise_first(ended)


def _raise_first(results: Sequence[object]) -> None:
    for result in results:
        if isinstance(result, Exception):
            raise result


def _alert_record(record: ConsumerRecord, now: float) -> AlertRecord:
    return AlertRecord(
        stream=record.topic,
        partition=record.partition,
        offset=record.offset,
        value=record.value or b"",
        caught_up=("caught-up", b"0") not in record.headers,
        taken_at=now,
    )
