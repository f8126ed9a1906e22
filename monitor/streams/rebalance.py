"""Hearing of partitions that come and go, without losing what fails meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

Hear = Callable[[set[TopicPartition]], Awaitable[None]]


class Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Passes assignments on to a role.

    aiokafka only logs what its listeners raise, so it is kept, for the role's loop to `check`.

    Args:
        take: told of the partitions that this process has from now on, which may be none.
        let_go: told of those that it is about to lose; awaited before they go.
    """

    def __init__(self, take: Hear, let_go: Hear) -> None:
        self._take = take
        self._let_go = let_go
        self._failure: Exception | None = None

    def check(self) -> None:
        """Raise what taking up or letting go of partitions failed of, if it did."""
        if self._failure is not None:
            raise self._failure

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Pass on which partitions are about to go."""
        await self._keep_failure(self._let_go(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Pass on which partitions have come."""
        await self._keep_failure(self._take(assigned))

    async def _keep_failure(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:
            self._failure = error
            raise
