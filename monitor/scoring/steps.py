"""One step of a chain of queues, each step a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def step(
    source: asyncio.Queue[T | None],
    work: Callable[[T], Awaitable[None]],
    target: asyncio.Queue[T | None] | None,
) -> None:
    """Work on what comes, in its order, until None comes, and pass everything on."""
    while (one := await source.get()) is not None:
        await work(one)
        if target is not None:
            await target.put(one)
    if target is not None:
        await target.put(None)
