"""Streams are created as specified, recorded, and refused where not as recorded."""

import asyncio

import pytest
from aiokafka.admin import NewTopic

from monitor.errors import StreamError
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import (
    admin,
    partition_counts,
    started,
)
from monitor.streams.spec import (
    STREAMS,
    StreamName,
    stream_name,
    stream_specs,
)
from tests.conftest import Broker, Deployment


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


async def test_a_deployment_made_before_a_stream_existed_gets_it_at_the_next_start(
    broker: Broker, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = deployment(broker)
    known_then = tuple(spec for spec in stream_specs(settings) if spec.stream != "live")
    with monkeypatch.context() as then:
        then.setattr("monitor.streams.admin.stream_specs", lambda _: known_then)
        await ensure_streams(settings)

    assert await ensure_streams(settings) == (stream_name(settings, "live"),)
    assert await ensure_streams(settings) == ()


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
        for _ in range(600):  # the brokers agree on it in their own time
            if stream_name(settings, "scored") not in await client.list_topics():
                break
            await asyncio.sleep(0.05)

    with pytest.raises(StreamError, match=r"streams that existed are gone: .*scored"):
        await ensure_streams(settings)
