"""How the demo ends: the first of its result, a part's failure, and a signal."""

import asyncio
import logging
import signal
import subprocess
import sys

import pytest

from monitor.demo.life import guarded, quiet, until_signal
from monitor.errors import NewsurgeError

SIGNALLED = """
import asyncio, os, sys
from monitor.demo.life import until_signal

async def work():
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
        await asyncio.Event().wait()
    finally:
        print("cleaned up")

sys.exit(asyncio.run(until_signal(work())))
"""


async def forever() -> None:
    await asyncio.Event().wait()


async def ends() -> None:
    return


async def fails() -> None:
    raise ValueError("the disk is full")


async def at_once(value: int = 7) -> int:
    return value


async def test_work_that_ends_gives_its_result() -> None:
    guard = asyncio.create_task(forever())
    assert await guarded(at_once(), [guard]) == 7
    assert not guard.done()
    guard.cancel()


async def test_a_failing_guard_ends_the_work_with_its_error() -> None:
    with pytest.raises(ValueError, match="the disk is full"):
        await guarded(forever(), [asyncio.create_task(fails())])


async def test_a_guard_that_just_ends_is_named() -> None:
    with pytest.raises(NewsurgeError, match="the daemon ended before"):
        await guarded(forever(), [asyncio.create_task(ends(), name="the daemon")])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_work_and_lets_it_clean_up(number: signal.Signals) -> None:
    # In a process of its own: here a signal may hit a thread of any library that tests loaded.
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED, str(int(number))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (128 + number, "cleaned up\n"), done.stderr


async def test_without_a_signal_the_result_counts() -> None:
    assert await until_signal(at_once(3)) == 3


def test_quiet_leaves_the_loggers_as_they_were() -> None:
    before = list(logging.getLogger().handlers)
    with quiet():
        assert len(logging.getLogger().handlers) == len(before) + 1
    assert logging.getLogger().handlers == before
