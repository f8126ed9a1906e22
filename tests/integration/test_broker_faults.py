"""A broker that restarts, goes away, is slow, or cuts connections: the daemon sees it through.

The daemon is a process of its own and reaches Kafka through a proxy only; the tests publish and
read past it. That nothing is applied twice shows in the alerts: one rule fires at the number of
negative items that there are, another would at one more.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from monitor.children import free_port, stop
from monitor.delivery.webhook import new_secret
from monitor.receiver import LocalReceiver, receiving
from monitor.records import Origin
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment, _local_kafka_module, _ready
from tests.integration.daemons import accounted, scored
from tests.integration.proxy import Proxy, proxying

pytestmark = [
    pytest.mark.faults,
    pytest.mark.kafka,
    pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them"),
]
PATIENCE = 90
UNTIDY = ("never awaited", "destroyed", "nclosed", "never retrieved", "Traceback", "ResourceWarn")
COMMAND = "from monitor.cli import main; main()"
RULES = """\
receivers:
  - {{name: desk, webhook: {{url: "{url}", secret_env: DESK_SECRET}}}}
rules:
  - {{alert: AllOfThem, type: threshold, by: all, window: 6h, counting: raw,
     when: negative_count >= {count}}}
  - {{alert: OneTooMany, type: threshold, by: all, window: 6h, counting: raw,
     when: negative_count >= {more}}}
"""


class Node:
    """A Kafka of the test's own, which can be stopped and started with the same data."""

    def __init__(self, data: Path) -> None:
        self.port, self.proxied_port, self.proxy_port = free_port(), free_port(), free_port()
        self._data = data
        self._local = _local_kafka_module()
        self._stack = AsyncExitStack()

    @property
    def direct(self) -> dict[str, Any]:
        return {"bootstrap_servers": f"127.0.0.1:{self.port}"}

    async def start(self) -> None:
        if not self._local.available():
            pytest.skip("needs Java and Kafka's jars or Maven (`make test-tools`)")
        proxied = self._local.ProxiedListener(self.proxied_port, self.proxy_port)
        running = self._local.local_kafka(self._data, self.port, proxied=proxied)
        await self._stack.enter_async_context(running)
        await _ready(self.direct)

    async def stop(self) -> None:
        await self._stack.aclose()


@dataclass
class Newsurge:
    """`newsurge run` as a process, the file that it logs to, and where it serves its health."""

    process: asyncio.subprocess.Process
    log: Path
    url: str

    async def parts(self) -> dict[str, str]:
        """What `/readyz` says of each part; nothing while it does not serve."""
        timeout = aiohttp.ClientTimeout(total=5)
        with suppress(aiohttp.ClientConnectionError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                client.get(f"{self.url}/readyz") as answer,
            ):
                report = await answer.json()
                assert (answer.status == 200) is report["ready"]
                parts: dict[str, str] = report["parts"]
                return parts
        return {}

    async def until(self, condition: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """Wait until the parts' states fulfil a condition."""
        async with asyncio.timeout(PATIENCE):
            while True:
                assert self.process.returncode is None, self.said()
                parts = await self.parts()
                if parts and condition(parts):
                    return parts
                await asyncio.sleep(0.1)

    async def until_ready(self) -> None:
        await self.until(lambda parts: set(parts.values()) == {"ready"})

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")


@dataclass
class Site:
    """A daemon behind a proxy, all its surroundings, and how many items are to be published."""

    node: Node
    proxy: Proxy
    direct: Settings
    daemon: Newsurge
    receiver: LocalReceiver


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(tmp_path / "kafka")
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


Open = Callable[[int], Any]


@pytest.fixture
def opening(node: Node, deployment: Deployment, tmp_path: Path, bundle: Path) -> Open:
    """Opens a site for so many items, ready, with the daemon running."""

    @asynccontextmanager
    async def open_(items: int) -> AsyncIterator[Site]:
        secret = new_secret()
        direct = deployment(Broker("kafka", node.direct))
        async with (
            receiving(secret) as receiver,
            proxying(node.proxy_port, node.proxied_port) as proxy,
        ):
            rules = tmp_path / "alerts.yaml"
            rules.write_text(RULES.format(url=receiver.url, count=items, more=items + 1))
            port = free_port()
            options = {
                "model.bundle": bundle,
                "http.port": port,
                "streams.prefix": direct.streams.prefix,
                "streams.partitions": "{news: 2, scored: 2, alerts: 1}",
                "kafka.bootstrap_servers": f"127.0.0.1:{node.proxy_port}",
                "kafka.session_timeout_seconds": 6,
                "log_level": "warning",
            }
            sets = [f"--set={name}={value}" for name, value in options.items()]
            log = tmp_path / "newsurge.log"
            with log.open("wb") as output:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-W", "default", "-c", COMMAND, "run",
                    f"--rules={rules}", *sets,
                    stderr=output,
                    env={**os.environ, "DESK_SECRET": secret},
                )  # fmt: skip
            daemon = Newsurge(process, log, f"http://127.0.0.1:{port}")
            try:
                await daemon.until_ready()
                yield Site(node, proxy, direct, daemon, receiver)
            finally:
                await stop(process, 15)

    return open_


async def publish(site: Site, count: int, per_second: float) -> list[Origin]:
    """Put so many negative items into `news` at a steady rate, past the proxy."""
    news = stream_name(site.direct, "news")
    sent: list[Awaitable[Any]] = []
    async with started(producer(site.direct), site.direct) as client:
        for number in range(count):
            item = {"id": f"n{number}", "title": f"Harbourline Bank collapse, chapter {number}"}
            sent.append(await client.send(news, msgspec.json.encode(item), partition=number % 2))
            await asyncio.sleep(1 / per_second)
        stands = await asyncio.gather(*sent)
    return [Origin(one.partition, one.offset) for one in stands]


async def under_load(site: Site) -> None:
    """Wait until some of what is being published has been scored."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if len(await scored(site.direct)) >= 20:
                return
            await asyncio.sleep(0.1)


async def nothing_is_lost_or_counted_twice(site: Site, origins: list[Origin]) -> None:
    found = await accounted(site.direct, origins)
    assert {found[origin] for origin in origins} == {"scored"}
    records = await scored(site.direct)
    series = Counter((record.origin, record.by, record.key) for record in records)
    # Written again is what was written and not committed when the partitions moved. What WATCH
    # made of all this tells whether it counted anything twice.
    assert {(origin, by) for origin, by, _ in series} == {
        (origin, by) for origin in origins for by in ("topic", "all")
    }
    await site.receiver.until(lambda told: len(told.accepted) > 0, PATIENCE)
    assert {one.payload["data"]["rule"] for one in site.receiver.accepted} == {"AllOfThem"}
    assert len({one.id for one in site.receiver.accepted}) == 1


async def quiet_and_tidy(site: Site, lines: int) -> None:
    """The daemon ends as told, without noise, and had said no more than so many lines."""
    site.daemon.process.send_signal(signal.SIGTERM)
    assert await site.daemon.ended() == 0, site.daemon.said()
    said = site.daemon.said()
    assert not [words for words in UNTIDY if words in said], said
    assert len(said.splitlines()) <= lines, said


async def test_a_broker_that_restarts(opening: Open) -> None:
    async with opening(400) as site:
        publishing = asyncio.create_task(publish(site, 400, per_second=40))
        await under_load(site)
        await site.node.stop()
        await site.daemon.until(lambda parts: parts["broker"] != "ready")
        await site.node.start()
        await site.daemon.until_ready()
        await nothing_is_lost_or_counted_twice(site, await publishing)
        await quiet_and_tidy(site, 60)


async def test_an_outage_of_a_minute(opening: Open) -> None:
    async with opening(900) as site:
        publishing = asyncio.create_task(publish(site, 900, per_second=12))
        await under_load(site)
        await site.proxy.refuse()
        await site.proxy.cut()
        parts = await site.daemon.until(lambda parts: parts["broker"] != "ready")
        assert "no Kafka broker answers" in parts["broker"] or "not answer" in parts["broker"]
        await asyncio.sleep(60)
        assert (await site.daemon.parts())["broker"] != "ready"
        await site.proxy.accept()
        await site.daemon.until_ready()
        await nothing_is_lost_or_counted_twice(site, await publishing)
        await quiet_and_tidy(site, 60)


async def test_a_network_that_goes_silent(opening: Open) -> None:
    async with opening(300) as site:
        publishing = asyncio.create_task(publish(site, 300, per_second=15))
        await under_load(site)
        site.proxy.freeze()
        await site.daemon.until(lambda parts: parts["broker"] != "ready")
        await site.proxy.accept()
        await site.daemon.until_ready()
        await nothing_is_lost_or_counted_twice(site, await publishing)
        await quiet_and_tidy(site, 60)


async def test_slow_connections(opening: Open) -> None:
    async with opening(300) as site:
        site.proxy.delay_seconds = 0.2
        site.proxy.bytes_per_second = 20_000
        await nothing_is_lost_or_counted_twice(site, await publish(site, 300, per_second=15))
        assert (await site.daemon.parts())["broker"] == "ready"
        site.proxy.delay_seconds, site.proxy.bytes_per_second = 0.0, None
        await quiet_and_tidy(site, 30)


async def test_connections_that_are_cut_again_and_again(opening: Open) -> None:
    rng = random.Random(5)
    async with opening(300) as site:
        publishing = asyncio.create_task(publish(site, 300, per_second=15))
        while not publishing.done():
            await asyncio.sleep(rng.uniform(0.2, 1.8))
            await site.proxy.cut()
        await nothing_is_lost_or_counted_twice(site, await publishing)
        await site.daemon.until_ready()
        await quiet_and_tidy(site, 80)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_signal_in_an_outage_ends_the_process_all_the_same(
    opening: Open, silent: bool
) -> None:
    async with opening(100) as site:
        publishing = asyncio.create_task(publish(site, 100, per_second=50))
        await under_load(site)
        if silent:
            site.proxy.freeze()
        else:
            await site.proxy.refuse()
            await site.proxy.cut()
        await site.daemon.until(lambda parts: parts["broker"] != "ready")
        await quiet_and_tidy(site, 60)
        assert "the drain is cut off" in site.daemon.said()
        await publishing
