"""`newsurge run` as processes of the operating system, to be killed, and what they tell."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from prometheus_client.parser import text_string_to_metric_families

from monitor.children import free_port, spawn
from monitor.prior_file import write_prior
from monitor.settings import Role, Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import admin, consumer, partitions_of, started
from monitor.streams.spec import StreamName, group_name
from monitor.surge.prior import Prior, SeriesPrior
from tests.conftest import Broker, Deployment

READS: dict[Role, StreamName] = {"score": "news", "watch": "scored", "notify": "alerts"}
RECEIVER = "desk"
PATIENCE = 90
_LOOK_AGAIN_SECONDS = 0.2
_COMMAND = (
    sys.executable,
    "-X",
    "faulthandler",
    "-c",
    "from monitor.cli import main; main()",
    "run",
)
_USUAL = SeriesPrior(rate=7200, rate_hours=48, share=0.1, share_stories=1000)
_RULES = yaml.safe_load("""
- {alert: ManyNegative, type: threshold, by: topic, window: 3s, when: negative_count >= 12,
   keep_firing_for: 1s}
- {alert: MostlyNegative, type: threshold, by: all, window: 4s, counting: raw,
   when: negative_share >= 0.3 and negative_count >= 20}
- {alert: NegativeSurge, type: surge, by: topic, window: 1m, factor: 4, false_alarms: 1 per 1h}
""")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


@dataclass
class Process:
    """One process of newsurge, through all its lives."""

    name: str
    roles: tuple[Role, ...]
    log: Path
    port: int = field(default_factory=free_port)
    life: asyncio.subprocess.Process | None = None
    lives: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def check(self) -> None:
        """Fail where it has ended by itself."""
        assert self.life is None or self.life.returncode is None, (
            f"{self.name} ended by itself with {self.life.returncode}: "
            + self.log.read_text()[-3000:]
        )


class Fleet:
    """The processes of one deployment, by name."""

    def __init__(self, directory: Path, settings: Settings, client: aiohttp.ClientSession) -> None:
        self.settings = settings
        self.processes: dict[str, Process] = {}
        self._directory = directory
        self._client = client

    def of(self, role: Role) -> list[Process]:
        """The running processes that play the role."""
        return [one for one in self.processes.values() if role in one.roles and one.life]

    async def start(self, name: str, *roles: Role) -> Process:
        """Start a process; one that ran before under this name is started again."""
        known = self.processes.get(name)
        process = known or Process(name, roles, self._directory / f"{name}.log")
        self.processes[name] = process
        assert process.life is None
        command = (
            *_COMMAND,
            "--settings", str(self._directory / "settings.yaml"),
            "--roles", ",".join(process.roles),
            "--set", f"http.port={process.port}",
            "--set", f"kafka.client_id={name}",
        )  # fmt: skip
        with process.log.open("ab") as log:
            process.life = await spawn(command, log)
        process.lives += 1
        return process

    async def kill(self, process: Process) -> None:
        """End it as a crash does."""
        process.check()
        assert process.life is not None
        process.life.kill()
        assert await process.life.wait() == -signal.SIGKILL
        process.life = None

    async def stop(self, *processes: Process) -> None:
        """Tell processes to end, which they do with exit code 0."""
        for process in processes:
            process.check()
            assert process.life is not None
            process.life.terminate()
        for process in processes:
            assert process.life is not None
            assert await process.life.wait() == 0, process.log.read_text()[-3000:]
            process.life = None

    async def end(self) -> None:
        """Leave none behind."""
        for process in self.processes.values():
            if process.life is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.life.kill()
                await process.life.wait()

    async def ready(self, *processes: Process) -> None:
        """Wait until `/readyz` of each says that it is ready."""
        for process in processes:
            await until(partial(self._is_ready, process))

    async def _is_ready(self, process: Process) -> bool:
        process.check()
        with contextlib.suppress(aiohttp.ClientError):
            async with self._client.get(f"{process.url}/readyz") as response:
                return response.status == 200
        return False

    async def metrics(self, process: Process) -> Samples:
        """The samples that its `/metrics` shows, by name and labels."""
        async with self._client.get(f"{process.url}/metrics") as response:
            text = await response.text()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def owners(self, role: Role) -> dict[str, set[int]]:
        """The partitions of each member of the role's group, by process; empty while it moves."""
        name = _group(self.settings, role)
        async with started(admin(self.settings), self.settings) as client:
            [response] = await client.describe_consumer_groups([name])
        [(_, _, state, _, _, members, *_)] = response.groups
        if state != "Stable":
            return {}
        owned: defaultdict[str, set[int]] = defaultdict(set)
        for _, client_id, _, _, assignment, *_ in members:
            decoded = ConsumerProtocolMemberAssignment.decode(assignment)
            owned[client_id] |= {each.partition for each in decoded.partitions()}
        return dict(owned)

    async def _has_committed_all(self, role: Role) -> bool:
        for process in self.of(role):
            process.check()
        async with _reader(self.settings, role) as (client, partitions):
            ends = await client.end_offsets(partitions)
            return all([await client.committed(each) == ends[each] for each in partitions])

    async def drain(self) -> None:
        """Role by role, wait until all that there is to read is committed, and stop it."""
        for role in READS:
            await self.ready(*self.of(role))
            await until(partial(self._has_committed_all, role))
            await self.stop(*self.of(role))


async def committed(settings: Settings, role: Role) -> list[int]:
    """What the role's group has committed of each partition that it reads."""
    async with _reader(settings, role) as (client, partitions):
        return [await client.committed(each) or 0 for each in partitions]


@contextlib.asynccontextmanager
async def _reader(
    settings: Settings, role: Role
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    """A client that sees what the role's group has committed, but is no member of it."""
    partitions = await partitions_of(settings, READS[role])
    async with started(consumer(settings, _group(settings, role)), settings) as client:
        client.assign(partitions)
        yield client, partitions


def _group(settings: Settings, role: Role) -> str:
    return group_name(settings, role, RECEIVER if role == "notify" else None)


@contextlib.asynccontextmanager
async def fleet(
    directory: Path, deployment: Deployment, broker: Broker, bundle: Path, url: str, secret: str
) -> AsyncIterator[Fleet]:
    """A deployment without processes yet, whose streams are there; none outlives the block.

    Panes last a second and rules look at a few, so that alerts come and go within seconds of the
    wall clock, which is the log's.
    """
    (directory / "secret.txt").write_text(secret)
    write_prior(Prior(fitted_on="nothing: invented", unknown=_USUAL), directory / "prior.json")
    webhook = {"url": url, "secret_file": "secret.txt"}
    rules = {"receivers": [{"name": RECEIVER, "webhook": webhook}], "rules": _RULES}
    (directory / "alerts.yaml").write_text(yaml.safe_dump(rules))
    settings = deployment(
        broker,
        kafka={"session_timeout_seconds": 6},
        streams={"partitions": {"news": 4, "scored": 3, "alerts": 3}},
        rules=directory / "alerts.yaml",
        model={"bundle": bundle, "threads": 1},
        score={"chunk_records": 50},
        watch={
            "slide_seconds": 1,
            "allowed_lateness_seconds": 2,
            "idle_timeout_seconds": 5,
            "duplicate_horizon_hours": 0.02,
            "snapshot_interval_seconds": 2,
            "prior": directory / "prior.json",
        },
        notify={"backoff_seconds": 0.05, "max_backoff_seconds": 0.5},
    )
    content = settings.model_dump(mode="json", exclude_none=True)
    (directory / "settings.yaml").write_text(yaml.safe_dump(content))
    await ensure_streams(settings)
    async with aiohttp.ClientSession() as client:
        made = Fleet(directory, settings, client)
        try:
            yield made
        finally:
            await made.end()
