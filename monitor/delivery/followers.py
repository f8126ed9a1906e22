"""The receivers that are told now: a task for each, begun and ended as receivers come and go.

Owns these tasks; what one does is its maker's to say. It reads no stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from monitor.delivery.receivers import WebhookTarget


class Follower(Protocol):
    """Sees one receiver's alerts through."""

    async def run(self) -> None:
        """Deliver until cancelled, then drain for a few seconds."""

    def go_to(self, target: WebhookTarget) -> None:
        """Deliver to another URL, or sign with another secret, from the next try on."""


class Followers:
    """One follower for each receiver.

    Args:
        make: makes one, which is run at once.
    """

    def __init__(self, make: Callable[[WebhookTarget], Follower]) -> None:
        self._make = make
        self._targets: dict[str, WebhookTarget] = {}
        self._followers: dict[str, Follower] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """Those under way; none of them may end by itself."""
        return self._tasks.values()

    def news_of(self, targets: Sequence[WebhookTarget]) -> set[str]:
        """The names among these for whom a follower is to begin."""
        before = self._targets
        return {
            target.name
            for target in targets
            if target.name not in before or not _goes_on(before[target.name], target)
        }

    async def follow(self, targets: Sequence[WebhookTarget]) -> None:
        """Follow these receivers and no others; those that are no more drain first.

        One that goes elsewhere is only told so; one of which more has changed begins anew.

        Raises:
            Exception: what a follower failed of.
        """
        wanted = {target.name: target for target in targets}
        await self._end(
            {name for name, old in self._targets.items() if not _goes_on(old, wanted.get(name))}
        )
        for name, target in wanted.items():
            if name not in self._followers:
                follower = self._followers[name] = self._make(target)
                self._tasks[name] = asyncio.create_task(follower.run(), name=f"notify {name}")
            elif target != self._targets[name]:
                self._followers[name].go_to(target)
        self._targets = wanted

    async def end(self) -> None:
        """Let all of them drain; raises what the first of those that failed failed of."""
        await self._end(set(self._tasks))

    async def _end(self, names: Collection[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names]
        for name in names:
            del self._followers[name]
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


def _goes_on(old: WebhookTarget, new: WebhookTarget | None) -> bool:
    """Whether the same receiver goes on, though perhaps to another URL or with another secret."""
    return new is not None and replace(old, url=new.url, secret=new.secret) == new
