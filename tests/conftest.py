"""Fixtures that tests share: real brokers, and deployments with streams of their own on them."""

import asyncio
import importlib.util
import itertools
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings as hypothesis_settings

from monitor.children import free_port
from monitor.embedded import EmbeddedBrokerError, embedded_broker, embedded_settings
from monitor.errors import StreamError
from monitor.settings import Settings
from monitor.streams.clients import partition_counts
from tests.model.tiny_bundle import tiny_bundle

_NO_KAFKA = (
    "needs a real Apache Kafka: `make test-tools` installs Java and Maven, "
    "or set KAFKA_BOOTSTRAP_SERVERS, or start Docker"
)
_READY_SECONDS = 60
# How long an example takes says how busy the machine is, and nothing about the law.
hypothesis_settings.register_profile("newsurge", deadline=None)
hypothesis_settings.load_profile("newsurge")
_numbers = itertools.count(1)
_run = uuid.uuid4().hex[:8]


@dataclass(frozen=True)
class Broker:
    """A running broker, the `kafka` settings that reach it, and those that log in, if any do."""

    name: str
    kafka: dict[str, Any] = field(default_factory=dict)
    login: dict[str, Any] | None = None


def _local_kafka_module() -> ModuleType:
    path = Path(__file__).parent.parent / "deploy" / "kafka" / "local.py"
    spec = importlib.util.spec_from_file_location("deploy_kafka_local", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedded() -> AsyncIterator[Broker]:
    """The embedded broker, one for the whole run."""
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(embedded_broker())
        except EmbeddedBrokerError as error:
            pytest.skip(str(error))
        yield Broker("embedded", embedded_settings(address))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    """A real Apache Kafka, one for the whole run; skips where there is none to be had."""
    async with AsyncExitStack() as stack:
        broker = await _kafka(stack, tmp_path_factory)
        await _ready(broker.kafka)
        yield broker


async def _kafka(stack: AsyncExitStack, tmp_path_factory: pytest.TempPathFactory) -> Broker:
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        return Broker("kafka", {"bootstrap_servers": given})
    local = _local_kafka_module()
    if local.available():
        sasl = local.SaslListener(free_port(), "desk", "open sesame")
        data = tmp_path_factory.mktemp("kafka")
        address = await stack.enter_async_context(local.local_kafka(data, sasl=sasl))
        login = {
            "bootstrap_servers": f"127.0.0.1:{sasl.port}",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": sasl.user,
            "sasl_password": sasl.password,
        }
        return Broker("kafka", {"bootstrap_servers": address}, login)
    if await local.docker_available():
        address = await stack.enter_async_context(local.docker_kafka())
        return Broker("kafka", {"bootstrap_servers": address})
    pytest.skip(_NO_KAFKA)


async def _ready(kafka: dict[str, Any]) -> None:
    """Wait until the broker answers a client: a container's port is open before that."""
    settings = Settings(kafka={**kafka, "connect_timeout_seconds": 2})
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            try:
                await partition_counts(settings)
            except StreamError:
                await asyncio.sleep(0.1)
            else:
                return


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn: a test that takes it is part of the contract of both."""
    broker: Broker = request.getfixturevalue(request.param)
    return broker


Deployment = Callable[..., Settings]


@pytest.fixture
def deployment() -> Deployment:
    """Makes settings of a deployment with streams of its own: `deployment(broker, watch={…})`.

    Each call has its own prefix, so tests share a broker and never each other's streams.
    Sections are given as dicts and are laid over small defaults.
    """

    def make(broker: Broker, **sections: Any) -> Settings:
        streams = {
            "prefix": f"t{_run}-{next(_numbers)}.",
            "partitions": {"news": 2, "scored": 2, "alerts": 1},
            **sections.pop("streams", {}),
        }
        kafka = {**broker.kafka, **sections.pop("kafka", {})}
        http = {"port": 0, **sections.pop("http", {})}
        return Settings(kafka=kafka, streams=streams, http=http, **sections)

    return make


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny bundle whose judgement a test can predict."""
    directory = tmp_path_factory.mktemp("bundle") / "tiny"
    tiny_bundle(directory)
    return directory
