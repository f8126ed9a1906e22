"""What only a real cluster has, and brokers that are not there or ask for a login."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import StreamError
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import (
    admin,
    consumer,
    partition_counts,
    producer,
    started,
)
from monitor.streams.spec import (
    stream_name,
    stream_specs,
)
from tests.conftest import Broker, Deployment
from tests.integration.streams import read, send


@pytest.mark.kafka
async def test_producers_are_idempotent_on_a_real_cluster(
    kafka: Broker, deployment: Deployment
) -> None:
    settings = deployment(kafka)
    await ensure_streams(settings)
    assert settings.kafka.idempotence

    assert await send(settings, "scored", [b"a", b"b"], partition=0) == [0, 1]


@pytest.mark.kafka
async def test_live_news_bears_the_brokers_stamp(kafka: Broker, deployment: Deployment) -> None:
    settings = deployment(kafka)
    await ensure_streams(settings)

    await send(settings, "news", [b"x"], timestamp_ms=1)

    (record,) = await read(settings, "news")
    assert record.timestamp > 1_000_000_000_000


@pytest.mark.kafka
async def test_streams_have_the_configuration_that_is_specified(
    kafka: Broker, deployment: Deployment
) -> None:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    settings = deployment(kafka)
    await ensure_streams(settings)

    for spec in stream_specs(settings):
        async with started(admin(settings), settings) as client:
            resource = ConfigResource(ConfigResourceType.TOPIC, spec.name)
            (answer,) = await client.describe_configs([resource])
        found = {name: value for name, value, *_ in answer.resources[0][4]}
        assert {key: found[key] for key in spec.config} == dict(spec.config)


@pytest.mark.kafka
async def test_read_all_passes_over_transactions(kafka: Broker, deployment: Deployment) -> None:
    # Aborted records and markers take up offsets, the last ones too.
    settings = deployment(kafka)
    await ensure_streams(settings)
    name = stream_name(settings, "alerts")
    async with started(producer(settings, transactional_id=name), settings) as client:
        async with client.transaction():
            await client.send(name, b"kept")
        await client.begin_transaction()
        await client.send_and_wait(name, b"aborted")
        await client.abort_transaction()

    assert [record.value for record in await read(settings, "alerts")] == [b"kept"]


def unreachable(**kafka: Any) -> Settings:
    return Settings(kafka={"connect_timeout_seconds": 1, **kafka})


@pytest.mark.parametrize("make", [admin, consumer, producer])
async def test_an_unreachable_broker_is_one_line_that_says_how_to_mend_it(
    make: Callable[[Settings], Any], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else's
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        settings = unreachable(bootstrap_servers=address)

        with pytest.raises(StreamError) as refusal:
            async with started(make(settings), settings):
                pass

    message = str(refusal.value)
    assert f"no Kafka broker answers at {address}" in message
    assert "kafka.bootstrap_servers" in message
    assert "\n" not in message
    assert not caplog.records


async def test_a_server_that_never_answers_is_given_up_and_hung_up_on() -> None:
    hung_up = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = unreachable(bootstrap_servers=f"127.0.0.1:{port}")

        with pytest.raises(StreamError, match="timed out"):
            async with started(consumer(settings), settings):
                pass
        await hung_up.wait()


async def test_a_host_name_that_does_not_exist_is_named() -> None:
    settings = unreachable(bootstrap_servers="broker.invalid:9092")

    with pytest.raises(StreamError, match=r"no Kafka broker answers at broker\.invalid:9092"):
        await partition_counts(settings)


async def test_a_broker_without_idempotent_producers_says_which_setting(
    embedded: Broker, deployment: Deployment
) -> None:
    settings = deployment(embedded, kafka={"idempotence": True})

    with pytest.raises(StreamError, match=r"turn kafka\.idempotence off"):
        async with started(producer(settings), settings):
            pass


@pytest.mark.kafka
async def test_a_broker_that_speaks_otherwise_is_one_line_too(
    kafka: Broker, deployment: Deployment
) -> None:
    settings = deployment(
        kafka,
        kafka={
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_username": "desk",
            "sasl_password": "open sesame",
            "connect_timeout_seconds": 5,
        },
    )

    with pytest.raises(StreamError) as refusal:
        await ensure_streams(settings)

    assert "SASL_PLAINTEXT" in str(refusal.value)
    assert "open sesame" not in str(refusal.value)


def logging_in(kafka: Broker, **changes: Any) -> dict[str, Any]:
    if kafka.login is None:
        pytest.skip("needs the Kafka that tests start from its jars: its listener asks for a login")
    return {**kafka.login, **changes}


@pytest.mark.kafka
async def test_who_logs_in_gets_in(kafka: Broker, deployment: Deployment, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("open sesame\n")
    login = logging_in(kafka, sasl_password=None, sasl_password_file=password)

    assert await ensure_streams(deployment(kafka, kafka=login))


@pytest.mark.kafka
@pytest.mark.parametrize(
    "changes",
    [{"sasl_password": "wrong secret"}, {"sasl_mechanism": "SCRAM-SHA-512"}],
    ids=["password", "mechanism"],
)
async def test_refused_credentials_are_told_from_an_absent_broker(
    kafka: Broker, deployment: Deployment, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    settings = deployment(kafka, kafka=logging_in(kafka, **changes))

    with pytest.raises(StreamError) as refusal:
        await ensure_streams(settings)

    message = str(refusal.value)
    assert "refused the credentials of user 'desk'" in message
    assert "kafka.sasl_username, sasl_password and sasl_mechanism" in message
    assert "\n" not in message
    for secret in ("open sesame", "wrong secret"):
        assert secret not in message + caplog.text
