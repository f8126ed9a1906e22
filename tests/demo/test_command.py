"""`newsurge demo` as a user runs it: as a process of its own, ended from outside."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from monitor.model.bundle import META, STARTER

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not (STARTER / META).is_file(), reason="there is no starter bundle"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
COMMAND = "from monitor.cli import main; main()"


def children(pid: int) -> set[int]:
    """The processes that a process has started and not yet ended."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found |= {int(child) for child in (task / "children").read_text().split()}
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


async def started(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", COMMAND, "demo", *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def until_it_says(process: asyncio.subprocess.Process, words: str) -> str:
    """What it printed, up to a line with these words."""
    assert process.stdout is not None
    said = ""
    while words not in said:
        line = await process.stdout.readline()
        assert line, said
        said += line.decode()
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_everything_it_started(number: signal.Signals) -> None:
    process = await started()
    await until_it_says(process, "published 0/")
    broker = children(process.pid)
    assert alive(broker)
    process.send_signal(number)
    out, _ = await process.communicate()
    assert process.returncode == 128 + number, out.decode()
    assert b"Traceback" not in out
    assert not alive(broker)


@pytest.mark.timeout(120)
async def test_kept_it_goes_on_live_and_tells_how_to_publish() -> None:
    process = await started("--keep")
    said = await until_it_says(process, "newsurge tail scored")
    assert "✗" not in said
    assert "newsurge publish FILE --rate" in said
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    assert process.returncode == 130, out.decode()
