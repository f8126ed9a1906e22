"""NOTIFY: from the `alerts` stream to the receivers' webhooks, with `notifications` as outbox.

Owns the consumer groups, one for each receiver, and the outbox. It knows what the `desk` has said
before it sends anything. What a group's partitions need is `delivery.partitions`; how one's alerts
are seen through, `delivery.lane`; how one is sent, `delivery.sender`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from monitor.delivery.followers import Followers
from monitor.delivery.outbox import Outbox
from monitor.delivery.partitions import Partitions
from monitor.delivery.receivers import WebhookTarget
from monitor.delivery.sender import Sender, sending
from monitor.desk.board import Board
from monitor.desk.stream import following
from monitor.health import Health
from monitor.metric_zeros import begin_receiver
from monitor.settings import Settings
from monitor.streams.clients import consumer, producer, started, subscribe
from monitor.streams.rebalance import Rebalance
from monitor.streams.spec import group_name

_PART = "notify"
_POLL_MS = 200
_RECORDS_AT_ONCE = 100
_SHOW_SECONDS = 0.5


class Notify:
    """The role. `run` lasts until it is told to stop or something fails."""

    def __init__(
        self, settings: Settings, receivers: Sequence[WebhookTarget], health: Health
    ) -> None:
        self._settings = settings
        self._receivers = receivers
        self._health = health
        self._changed = asyncio.Event()
        health.expect(_PART)

    def adopt(self, receivers: Sequence[WebhookTarget]) -> None:
        """Tell these receivers from now on, and no others.

        One that is new starts at the end of `alerts`; one that has another URL or secret goes on
        where it is.
        """
        self._receivers = receivers
        self._changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver alerts until `stop` is set, then drain for a few seconds.

        A new receiver starts at the end of `alerts`, once the health part `notify` is ready.

        Raises:
            StreamError: when no broker can be reached or a stream is missing.
            KafkaError: when the broker fails for longer than its client retries.
        """
        while not self._receivers:
            self._health.ready(_PART)
            if await self._stopped(stop, ()):
                return
        async with (
            following(self._settings) as (board, desk),
            started(producer(self._settings), self._settings) as client,
        ):
            outbox = Outbox(self._settings, client)
            await outbox.read_back()
            waiting: set[str] = set()

            def joined(receiver: str) -> None:
                waiting.discard(receiver)
                if not waiting:
                    self._health.ready(_PART)

            followers = Followers(
                lambda target: _Follower(
                    self._settings, target, outbox, board, joined, self._health
                )
            )
            try:
                while True:
                    waiting &= {target.name for target in self._receivers}
                    waiting |= followers.news_of(self._receivers)
                    if waiting:
                        self._health.unready(_PART, "joining the consumer groups")
                    await followers.follow(self._receivers)
                    if not waiting:
                        self._health.ready(_PART)
                    if await self._stopped(stop, [desk, *followers.tasks]):
                        break
            finally:
                await followers.end()
            if desk.done():
                desk.result()

    async def _stopped(
        self, stop: asyncio.Event, followers: Collection[asyncio.Task[None]]
    ) -> bool:
        """Wait for `stop` or the end of a task; False where only the receivers changed."""
        waiting = [asyncio.create_task(each.wait()) for each in (stop, self._changed)]
        try:
            await asyncio.wait([*waiting, *followers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        self._changed.clear()
        return stop.is_set() or any(each.done() for each in followers)


@dataclass
class _Follower:
    """Delivers one receiver's alerts until cancelled; then drains."""

    _settings: Settings
    _target: WebhookTarget
    _outbox: Outbox
    _board: Board
    _joined: Callable[[str], None]
    _health: Health
    _sender: Sender | None = None

    def go_to(self, target: WebhookTarget) -> None:
        """Deliver to another URL, or sign with another secret, from the next try on."""
        self._target = target
        if self._sender is not None:
            self._sender.go_to(target)

    async def run(self) -> None:
        settings = self._settings
        group = group_name(settings, "notify", self._target.name)
        begin_receiver(self._target.name)
        async with (
            sending(self._target, settings.notify) as self._sender,
            started(consumer(settings, group), settings) as client,
        ):
            partitions = Partitions(
                settings,
                client,
                self._target,
                self._sender,
                self._outbox,
                self._board,
                self._joined,
            )
            try:
                listener = Rebalance(partitions.take, partitions.let_go)
                await subscribe(settings, client, "alerts", listener)
                next_show = 0.0
                while True:
                    fetched = await client.getmany(
                        timeout_ms=_POLL_MS, max_records=_RECORDS_AT_ONCE
                    )
                    partitions.put(fetched)
                    listener.check()
                    partitions.check()
                    self._health.turned(_PART, group, len(client.assignment()))
                    if (now := asyncio.get_running_loop().time()) >= next_show:
                        await partitions.show()
                        next_show = now + _SHOW_SECONDS
            finally:
                await partitions.end()
