"""Servers run as child processes: started apart from the terminal, and ended for sure.

It knows no server in particular; it only listens for a TCP port to answer.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

_LOOK_AGAIN_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def spawn(command: Sequence[str], output: IO[bytes]) -> asyncio.subprocess.Process:
    """Start a server whose output goes to a file.

    It gets no Ctrl-C of its own, so that what still drains can reach it. On Linux the kernel
    ends it when the thread that started it ends, however that happens; elsewhere a killed
    process leaves it behind.
    """
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=_end_with_parent(),
    )


async def answers(process: asyncio.subprocess.Process, port: int, within_seconds: float) -> bool:
    """Whether the server takes connections on the loopback port before it ends or time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_seconds):
            while process.returncode is None:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    await writer.wait_closed()
                    return process.returncode is None
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return False


async def stop(process: asyncio.subprocess.Process, within_seconds: float) -> None:
    """Ask the server to end; kill it when it has not in time, or when this task is cancelled."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(within_seconds):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
    await process.wait()


def last_line(output: str) -> str:
    """The last line of a server's output that says anything."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def _end_with_parent() -> Callable[[], None] | None:
    """What a child runs before it becomes another program, so that it can't outlive this one."""
    if sys.platform != "linux":
        return None
    # Loaded here, because between fork and exec a child should make system calls only.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
