"""The contract of the streams, kept on the embedded broker and on a real Apache Kafka."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.structs import OffsetAndMetadata

from monitor.errors import StreamError
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import (
    admin,
    consumer,
    partition_counts,
    partitions_of,
    producer,
    started,
    subscribe,
)
from monitor.streams.dead_letters import decode_dead_letter, encode_dead_letter
from monitor.streams.reading import end_offsets, lag, read_all
from monitor.streams.spec import (
    STREAMS,
    StreamName,
    group_name,
    partition_for,
    stream_name,
    stream_specs,
)
from tests.conftest import Broker, Deployment


def in_groups(broker: Broker) -> dict[str, Any]:
    """Settings that join groups; the embedded broker takes seconds longer for a longer session."""
    short = {"session_timeout_seconds": 2} if broker.name == "embedded" else {}
    return {"sole_consumer": False, **short}


class Heard(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Remembers what a consumer was told of its partitions."""

    def __init__(self) -> None:
        self.assigned: asyncio.Queue[set[int]] = asyncio.Queue()
        self.revoked: asyncio.Queue[set[int]] = asyncio.Queue()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned.put_nowait({each.partition for each in assigned})

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.revoked.put_nowait({each.partition for each in revoked})


async def send(
    settings: Settings, stream: StreamName, values: Iterable[bytes | None], **place: Any
) -> list[int]:
    async with started(producer(settings), settings) as client:
        name = stream_name(settings, stream)
        sent = [await client.send(name, value, **place) for value in values]
        return [(await each).offset for each in sent]


async def read(settings: Settings, stream: StreamName, **where: Any) -> list[Any]:
    return [record async for record in read_all(settings, stream, **where)]


@asynccontextmanager
async def member(
    settings: Settings, group: str, stream: StreamName = "news"
) -> AsyncIterator[tuple[AIOKafkaConsumer, Heard]]:
    """A consumer of a stream, with what it was told of its partitions."""
    heard = Heard()
    async with started(consumer(settings, group), settings) as client:
        await subscribe(settings, client, stream, heard)
        yield client, heard


async def assigned(heard: Heard, expected: set[int]) -> None:
    """Wait until the consumer was told that it has just these partitions."""
    while await heard.assigned.get() != expected:
        pass


# Creation


async def test_missing_streams_are_created_as_specified_and_said(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, streams={"partitions": {"news": 3, "scored": 2, "alerts": 1}})

    created = await ensure_streams(settings)

    assert created == tuple(stream_name(settings, stream) for stream in STREAMS)
    counts = await partition_counts(settings)
    for spec in stream_specs(settings):
        assert counts[spec.name] == spec.partitions


async def test_a_second_start_creates_nothing(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)

    assert await ensure_streams(settings) == ()


async def test_two_processes_may_start_at_once(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)

    await asyncio.gather(ensure_streams(settings), ensure_streams(settings))

    assert await ensure_streams(settings) == ()


async def test_missing_streams_are_named_where_creating_is_off(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, streams={"create": False})

    with pytest.raises(StreamError) as refusal:
        await ensure_streams(settings)

    for stream in STREAMS:
        assert stream_name(settings, stream) in str(refusal.value)
    assert "newsurge streams" in str(refusal.value)
    counts = await partition_counts(settings)
    assert not any(name.startswith(settings.streams.prefix) for name in counts)


async def create(settings: Settings, *names: str, partitions: int) -> None:
    async with started(admin(settings), settings) as client:
        await client.create_topics([NewTopic(name, partitions, 1) for name in names])


async def test_streams_made_by_an_administrator_are_taken_as_they_are(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, streams={"create": False})
    await create(settings, *(stream_name(settings, each) for each in STREAMS), partitions=5)

    assert await ensure_streams(settings) == ()
    assert await ensure_streams(settings) == ()


async def test_state_must_have_the_partitions_of_scored(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await create(settings, stream_name(settings, "state"), partitions=3)

    with pytest.raises(StreamError, match="state has 3 partitions, but scored has 2"):
        await ensure_streams(settings)


async def recreate(settings: Settings, stream: StreamName, partitions: int) -> None:
    name = stream_name(settings, stream)
    async with started(admin(settings), settings) as client:
        await client.delete_topics([name])
        async with asyncio.timeout(20):
            while (await partition_counts(settings)).get(name, 0) != partitions:
                await client.create_topics([NewTopic(name, partitions, 1)])


async def test_another_partition_count_than_recorded_is_refused(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await recreate(settings, "news", partitions=6)

    with pytest.raises(StreamError, match="6 partitions, but was created with 2"):
        await ensure_streams(settings)


async def test_other_settings_do_not_change_the_record(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    wider = {**settings.streams.model_dump(), "partitions": {"news": 8, "scored": 8}}

    assert await ensure_streams(deployment(broker, streams=wider)) == ()


async def test_a_lost_stream_is_not_replaced_in_silence(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    async with started(admin(settings), settings) as client:
        await client.delete_topics([stream_name(settings, "scored")])

    with pytest.raises(StreamError, match=r"streams that existed are gone: .*scored"):
        await ensure_streams(settings)


# Producing and reading


async def test_read_all_gives_everything_once_and_in_order(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    values = [b"%d" % number for number in range(5_000)]
    await send(settings, "news", values[:2_500], partition=0)
    await send(settings, "news", values[2_500:], partition=1)

    records = await read(settings, "news")

    for partition, expected in ((0, values[:2_500]), (1, values[2_500:])):
        mine = [record for record in records if record.partition == partition]
        assert [record.value for record in mine] == expected
        assert [record.offset for record in mine] == list(range(2_500))


async def test_read_all_reads_the_partitions_and_from_the_offsets_that_it_is_given(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    for partition in (0, 1):
        await send(settings, "news", [b"a", b"b", b"c"], partition=partition)

    assert [each.value for each in await read(settings, "news", partitions=[1])] == [
        b"a", b"b", b"c",
    ]  # fmt: skip
    records = await read(settings, "news", start={0: 2, 1: 3})
    assert [(each.partition, each.value) for each in records] == [(0, b"c")]


async def test_read_all_of_an_empty_stream_ends(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)

    assert await read(settings, "alerts") == []


async def test_read_all_may_be_left_early(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "alerts", [b"a", b"b"])

    async with aclosing(read_all(settings, "alerts")) as records:
        async for record in records:
            assert record.value == b"a"
            break


async def test_read_all_of_a_stream_that_is_not_there(
    broker: Broker, deployment: Deployment
) -> None:
    with pytest.raises(StreamError, match="does not exist"):
        await read(deployment(broker), "alerts")


async def test_the_end_is_beyond_the_last_record_of_a_batch(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "alerts", [b"x"] * 1_234)

    partitions = await partitions_of(settings, "alerts")

    assert await end_offsets(settings, partitions) == {partitions[0]: 1_234}


async def test_records_of_a_key_go_to_the_partition_that_partition_for_says(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    keys = [f"topic={number}".encode() for number in range(50)]
    for key in keys:
        await send(settings, "scored", [b""], key=key)

    found = {record.key: record.partition for record in await read(settings, "scored")}

    assert found == {key: partition_for(key, 2) for key in keys}


async def test_an_oversized_record_arrives_whole(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    oversized = os.urandom(900 * 1024)

    await send(settings, "news", [oversized, b"small"], partition=0)

    assert [record.value for record in await read(settings, "news")] == [oversized, b"small"]


async def test_a_record_keeps_the_time_that_a_replay_gives_it(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, score={"replay_speed": 60})
    await ensure_streams(settings)
    long_ago = 1_000_000_000_000

    await send(settings, "news", [b"x"], timestamp_ms=long_ago)

    (record,) = await read(settings, "news")
    assert record.timestamp == long_ago


async def test_a_dead_letter_goes_through_the_stream(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    value, headers = encode_dead_letter(
        stream=stream_name(settings, "news"),
        partition=1,
        offset=17,
        reason="oversized",
        detail="too long",
        time=1_700_000_000_000,
        value=b"\x00\xff" * 500_000,
        max_bytes=settings.streams.max_record_bytes,
    )

    await send(settings, "dead-letter", [value], headers=headers)

    (record,) = await read(settings, "dead-letter")
    letter = decode_dead_letter(record.value, record.headers)
    assert (letter.reason, letter.offset, letter.length) == ("oversized", 17, 1_000_000)
    assert letter.value == value


# Groups, commits, lag


async def test_a_group_goes_on_from_its_commit(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "news", [b"a", b"b", b"c"], partition=0)
    group = group_name(settings, "score")
    partition = TopicPartition(stream_name(settings, "news"), 0)

    async with member(settings, group) as (client, _):
        first = await client.getone()
        await client.commit({partition: OffsetAndMetadata(first.offset + 1, "")})
    async with member(settings, group) as (client, _):
        second = await client.getone()

    assert (first.value, second.value) == (b"a", b"b")


async def test_what_was_not_committed_is_read_again(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "news", [b"a"], partition=0)
    group = group_name(settings, "score")

    for _ in range(2):
        async with member(settings, group) as (client, _):
            assert (await client.getone()).value == b"a"


async def test_a_sole_consumer_is_told_of_all_partitions_at_once(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, kafka={"sole_consumer": True})
    await ensure_streams(settings)

    async with member(settings, group_name(settings, "score")) as (_, heard):
        assert heard.assigned.get_nowait() == {0, 1}


async def test_the_members_of_a_group_share_its_partitions(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker, kafka=in_groups(broker))
    await ensure_streams(settings)
    group = group_name(settings, "score")

    async with member(settings, group) as (_, first):
        await assigned(first, {0, 1})
        async with member(settings, group) as (_, second):
            one, other = await asyncio.gather(_single(first.assigned), _single(second.assigned))
            assert one | other == {0, 1}
            assert one != other
        await assigned(first, {0, 1})


async def _single(told: asyncio.Queue[set[int]]) -> set[int]:
    while len(partitions := await told.get()) != 1:
        pass
    return partitions


async def test_lag_counts_what_was_not_handed_out(broker: Broker, deployment: Deployment) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    await send(settings, "news", [b"x"] * 10, partition=0)
    partition = TopicPartition(stream_name(settings, "news"), 0)

    async with member(settings, group_name(settings, "score")) as (client, _):
        await client.getmany(partition, timeout_ms=10_000, max_records=4)

        assert (await lag(client))[partition] == 6


# What only a cluster has


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


# Brokers that are not there


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
