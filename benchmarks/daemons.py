"""What the benchmarks share: a broker, the daemon as a process of its own, and its clients.

Runs the same `newsurge run` that a user runs; it measures nothing itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from monitor.children import free_port
from monitor.embedded import embedded_broker, embedded_settings
from monitor.model.bundle import STARTER
from monitor.settings import Settings, load_settings

NEWSURGE = str(Path(sys.executable).with_name("newsurge"))


@dataclass(frozen=True)
class Running:
    """A daemon that is ready; `start_seconds` is from its spawn to its being ready."""

    settings: Settings
    start_seconds: float


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark of the daemon has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--bootstrap-servers", help="a Kafka cluster; an embedded broker without it"
    )
    parser.add_argument("--bundle", type=Path, default=STARTER, help="the starter without it")
    return parser


@contextlib.asynccontextmanager
async def broker(bootstrap_servers: str | None) -> AsyncIterator[dict[str, Any]]:
    """Settings of the `kafka` section for the cluster named, or for an embedded broker."""
    if bootstrap_servers is not None:
        yield {"bootstrap_servers": bootstrap_servers}
        return
    async with embedded_broker() as address:
        yield embedded_settings(address)


def deployment(directory: Path, kafka: dict[str, Any], bundle: Path, **sections: Any) -> Settings:
    """Settings on streams of their own, kept in `directory` for the daemon to read."""
    content = {
        "kafka": kafka,
        "model": {"bundle": str(bundle)},
        "streams": {"prefix": f"bench-{os.getpid()}-{time.monotonic_ns()}."},
        "http": {"port": free_port()},
        "log_level": "warning",
        **sections,
    }
    (directory / "settings.yaml").write_text(yaml.safe_dump(content))
    return load_settings(directory / "settings.yaml")


@contextlib.asynccontextmanager
async def daemon(directory: Path, *arguments: str) -> AsyncIterator[Running]:
    """Run the daemon with the settings in `directory` until the block ends."""
    settings = load_settings(directory / "settings.yaml")
    command = (NEWSURGE, "run", "--settings", str(directory / "settings.yaml"), *arguments)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        await _ready(settings.http.port, process)
        yield Running(settings, time.perf_counter() - began)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(port: int, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as client:
        while process.returncode is None:
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get(f"http://127.0.0.1:{port}/readyz") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.01)
    raise SystemExit(f"the daemon ended with {process.returncode} before it was ready")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
