"""How the process ends: drained and tidy at the first signal, at once at the second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.settings import Settings
from tests.conftest import Broker
from tests.integration.daemons import accounted, publish

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
_COMMAND = "from monitor.cli import main; main()"
_UNTIDY = ("never awaited", "destroyed", "unclosed", "never retrieved", "Traceback", "ResourceWarn")


class Process:
    """`newsurge run --embedded`, in Python's development mode, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said = ""

    async def says(self, words: str) -> str:
        """Read until the words come, and give the line."""
        assert self._process.stderr is not None
        async with asyncio.timeout(50):
            while line := (await self._process.stderr.readline()).decode():
                self.said += line
                if words in line:
                    return line
        raise AssertionError(f"it ended without saying {words!r}: {self.said}")

    def tell(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """The exit code, once the process has ended and all that it said has been read."""
        assert self._process.stderr is not None
        async with asyncio.timeout(50):
            self.said += (await self._process.stderr.read()).decode()
            return await self._process.wait()

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self._process.pid}/task")
        found = [(task / "children").read_text().split() for task in tasks.iterdir()]
        return [int(number) for numbers in found for number in numbers]


@pytest.fixture
async def newsurge(tmp_path: Path, bundle: Path, embedded: Broker) -> AsyncIterator[Process]:
    del embedded  # skips where there is no embedded broker
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules: [{alert: Silent, type: absent, by: all, window: 1d}]\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-c", _COMMAND, "run", "--embedded", "--rules", str(rules),
        "--set", f"model.bundle={bundle}", "--set", "http.port=0",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONASYNCIODEBUG": "1", "PYTHONTRACEMALLOC": "0"},
    )  # fmt: skip
    try:
        yield Process(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ready(newsurge: Process) -> Settings:
    """Wait until it is ready; the settings that reach its streams."""
    line = await newsurge.says("NEWSURGE_KAFKA__BOOTSTRAP_SERVERS=")
    found = re.search(r"SERVERS=(\S+)", line)
    assert found is not None
    kafka = {"bootstrap_servers": found[1], "idempotence": False, "fetch_max_wait_ms": 10}
    await newsurge.says("newsurge tail alerts")
    return Settings(kafka=kafka)


async def test_a_signal_drains_and_leaves_nothing_behind(newsurge: Process) -> None:
    settings = await ready(newsurge)
    news = [{"title": f"Calder Foods opens site {i}"} for i in range(200)]
    await accounted(settings, await publish(settings, news))
    await publish(settings, [json.dumps(item).encode() for item in news])
    newsurge.tell(signal.SIGTERM)
    assert await newsurge.ended() == 0, newsurge.said
    assert "stopping" in newsurge.said
    assert not [words for words in _UNTIDY if words in newsurge.said], newsurge.said


@pytest.mark.skipif(sys.platform != "linux", reason="finds the broker in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_second_signal_ends_at_once_what_can_not_drain(
    newsurge: Process, number: signal.Signals
) -> None:
    await ready(newsurge)
    [broker] = newsurge.children()
    os.kill(broker, signal.SIGSTOP)  # no commit and no farewell is answered from now on
    try:
        newsurge.tell(number)
        await newsurge.says("stopping")
        newsurge.tell(number)
        assert await newsurge.ended() == 128 + number
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(broker, signal.SIGKILL)
