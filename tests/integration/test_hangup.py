"""SIGHUP has a real process read its rules again, and does not end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import Broker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no SIGHUP")
_COMMAND = "from monitor.cli import main; main()"


async def test_a_hangup_reloads_and_nothing_else(
    tmp_path: Path, bundle: Path, embedded: Broker
) -> None:
    del embedded  # skips where there is no embedded broker
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules: [{alert: Silent, type: absent, by: all, window: 1d}]\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "faulthandler", "-c", _COMMAND, "run", "--embedded",
        "--rules", str(rules), "--set", f"model.bundle={bundle}", "--set", "http.port=0",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
        preexec_fn=_ignore_hangup,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        url = re.search(r"metrics at (\S+)", await says(process.stderr, "newsurge is ready"))
        assert url is not None
        process.send_signal(signal.SIGHUP)
        await says(process.stderr, "rules reloaded: 1 rules")
        rules.write_text("rules: [{alert: Silent, type: absent, by: nobody, window: 1d}]\n")
        process.send_signal(signal.SIGHUP)
        await says(process.stderr, f"{rules}:1:")
        async with aiohttp.ClientSession() as client, client.get(url[1]) as response:
            told = await response.text()
        assert "newsurge_rules_reload_success 0.0" in told
        assert 'newsurge_rules_reloads_total{outcome="adopted"} 1.0' in told
        process.terminate()
        async with asyncio.timeout(50):
            await process.stderr.read()
            assert await process.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _ignore_hangup() -> None:
    """As nohup does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


async def says(output: asyncio.StreamReader, words: str) -> str:
    """Read until the words come, and give the line."""
    said = ""
    async with asyncio.timeout(50):
        while line := (await output.readline()).decode():
            said += line
            if words in line:
                return line
    raise AssertionError(f"it ended without saying {words!r}: {said}")
