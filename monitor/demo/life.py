"""How the demo ends: by itself, by a signal, or because a part of it failed; never untidily.

It knows nothing of what the demo does.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from monitor.errors import NewsurgeError

_SIGNALS = [
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
]

T = TypeVar("T")


async def until_signal(work: Coroutine[Any, Any, int]) -> int:
    """The result of some work, or 128 and the number of the signal that cancelled it."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    ended_by: list[int] = []

    def end(number: int) -> None:
        ended_by.append(number)
        task.cancel()

    with suppress(NotImplementedError):  # Windows: Ctrl-C ends the loop itself
        for number in _SIGNALS:
            loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return 128 + ended_by[0]
    finally:
        task.cancel()
        with suppress(NotImplementedError):
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


async def guarded(work: Coroutine[Any, Any, T], guards: Sequence[asyncio.Task[None]]) -> T:
    """The result of some work, unless a task that must go on ends before it.

    Raises:
        NewsurgeError: when a guard ended without an error; else the error it ended with.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, *guards}, return_when=asyncio.FIRST_COMPLETED)
        for guard in guards:
            if guard.done() and not task.done():
                await guard
                raise NewsurgeError(f"{guard.get_name()} ended before the demo did; run it again")
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep log records that nobody set a handler up for from being written over the live view.

    What matters of them is in the view, or ends the demo with its reason.
    """
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
