"""Clients for the streams, made from the settings, and started so that failures explain themselves.

Owns how newsurge speaks to a broker: security, time-outs, commits, latency. It knows no record.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.errors import SettingsError, StreamError
from monitor.settings import KafkaSettings, Settings
from monitor.streams.failures import client_logs_held, explained, reason
from monitor.streams.spec import StreamName, max_message_bytes, stream_name


class Client(Protocol):
    """What `started` asks of a client: every aiokafka client has it."""

    async def start(self) -> None:
        """Connect."""


log = logging.getLogger(__name__)
_CLOSE_SECONDS = 3.0
# The loop itself keeps no task alive.
_closing: set[asyncio.Task[None]] = set()
ClientT = TypeVar("ClientT", bound=Client)


def consumer(settings: Settings, group: str | None = None, **overrides: Any) -> AIOKafkaConsumer:
    """A consumer that commits only when told and begins at the start of a stream without commits.

    It reads committed records only. `overrides` are aiokafka's own arguments. Pass it to
    `started`, then to `subscribe`, or assign partitions yourself.

    Raises:
        SettingsError: for a password or certificate file that can't be used.
    """
    session_ms = round(settings.kafka.session_timeout_seconds * 1000)
    return AIOKafkaConsumer(
        **{
            **_connection(settings.kafka),
            "group_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "fetch_max_wait_ms": settings.kafka.fetch_max_wait_ms,
            "max_partition_fetch_bytes": max_message_bytes(settings.streams),
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": max(1, session_ms // 4),
            **overrides,
        }
    )


def producer(settings: Settings, **overrides: Any) -> AIOKafkaProducer:
    """A producer whose sends are acknowledged by all replicas, without repeats where it can.

    `overrides` are aiokafka's own arguments.

    Raises:
        SettingsError: for a password or certificate file that can't be used.
    """
    return AIOKafkaProducer(
        **{
            **_connection(settings.kafka),
            "acks": "all",
            "enable_idempotence": settings.kafka.idempotence,
            "compression_type": "lz4",
            "max_request_size": max_message_bytes(settings.streams),
            **overrides,
        }
    )


def admin(settings: Settings) -> AIOKafkaAdminClient:
    """An administration client.

    Raises:
        SettingsError: for a password or certificate file that can't be used.
    """
    return AIOKafkaAdminClient(**_connection(settings.kafka))


@asynccontextmanager
async def started(
    client: ClientT, settings: Settings, close_seconds: float = _CLOSE_SECONDS
) -> AsyncIterator[ClientT]:
    """Start a client for the length of the block, and close it however the block ends.

    Closing waits `close_seconds` at most for a broker that is away.

    Raises:
        StreamError: when no broker can be reached, or it refuses these credentials, within
            `connect_timeout_seconds`; one line that says which address and which setting.
    """
    kafka = settings.kafka
    try:
        with client_logs_held() as causes:
            try:
                async with asyncio.timeout(kafka.connect_timeout_seconds):
                    await client.start()
            except (KafkaError, OSError) as error:
                raise explained(kafka, [*causes, error]) from error
        yield client
    finally:
        await _close(client, close_seconds)


async def subscribe(
    settings: Settings,
    client: AIOKafkaConsumer,
    stream: StreamName,
    listener: ConsumerRebalanceListener,
) -> None:
    """Take up a stream's partitions with the consumer's group; the listener hears which.

    With `sole_consumer` all partitions are taken without joining the group, and the listener
    is told of them before this returns. Commits work either way.

    Raises:
        StreamError: with `sole_consumer`, when the stream does not exist.
    """
    if not settings.kafka.sole_consumer:
        client.subscribe([stream_name(settings, stream)], listener=listener)
        return
    partitions = await partitions_of(settings, stream)
    client.assign(partitions)
    await _maybe(listener.on_partitions_assigned(partitions))


async def partition_counts(settings: Settings) -> dict[str, int]:
    """Every stream and other Kafka topic that these credentials may see, with its partitions.

    Raises:
        StreamError: when no broker can be reached.
    """
    async with started(admin(settings), settings) as client:
        # Asking for all of them by no name never makes a broker create one.
        topics = await client.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in topics}


async def partitions_of(settings: Settings, stream: StreamName) -> list[TopicPartition]:
    """The partitions of a stream, in order.

    Raises:
        StreamError: when no broker can be reached, or it knows no such stream.
    """
    name = stream_name(settings, stream)
    count = (await partition_counts(settings)).get(name, 0)
    if count == 0:
        raise StreamError(f"stream {name} does not exist; `newsurge streams` says how to create it")
    return [TopicPartition(name, number) for number in range(count)]


async def _maybe(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result


async def _close(client: Any, seconds: float) -> None:
    """Close a client, without waiting longer than so many seconds for a broker that is away.

    What is left then, such as a producer's last records, goes on until the broker is back or the
    process ends. That is safe: whoever wrote them was never told that they are written.
    """
    closing = asyncio.create_task(_stop(client))
    _closing.add(closing)
    closing.add_done_callback(_closed)
    await asyncio.wait([closing], timeout=seconds)


def _closed(closing: asyncio.Task[None]) -> None:
    _closing.discard(closing)
    if not closing.cancelled() and closing.exception() is not None:
        log.warning("a client did not close as it should: %s", closing.exception())


async def _stop(client: Any) -> None:
    if isinstance(client, AIOKafkaAdminClient):
        await client.close()
        return
    try:
        await client.stop()
    except asyncio.CancelledError:
        # While a broker is away, a consumer's `stop` lets the cancellation of its own fetches
        # out (aiokafka issue 647). Then, and where this task is cancelled at the end of the
        # process, connections are left open, and a consumer has no public way to close them.
        is_producer = isinstance(client, AIOKafkaProducer)
        await (client.client if is_producer else client._client).close()  # noqa: SLF001
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise


def _connection(kafka: KafkaSettings) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "client_id": kafka.client_id,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = _ssl_context(kafka)
    if kafka.security_protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = kafka.sasl_mechanism
        arguments["sasl_plain_username"] = kafka.sasl_username
        arguments["sasl_plain_password"] = _password(kafka)
    return arguments


def _password(kafka: KafkaSettings) -> str:
    if kafka.sasl_password is not None:
        return kafka.sasl_password.get_secret_value()
    path = kafka.sasl_password_file or Path()
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"kafka.sasl_password_file {path} can't be read ({reason(error)}); "
            "check its path and permissions"
        ) from error


def _ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
        if kafka.ssl_certfile is not None:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            "kafka.ssl_cafile, ssl_certfile or ssl_keyfile can't be used "
            f"({reason(error)}); check that each exists and is in PEM format"
        ) from error
    return context
