"""The streams as they are on the cluster: created where missing, refused where not as recorded.

Partition counts bind keys to partitions and offsets to state, so they never change. They are
recorded in the first partition of `state`, because the streams are the only durable state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from monitor.errors import StreamError
from monitor.settings import PartitionSettings, Settings
from monitor.streams.clients import admin, partition_counts, producer, started
from monitor.streams.failures import client_logs_held
from monitor.streams.reading import read_all
from monitor.streams.spec import StreamName, StreamSpec, stream_name, stream_specs

RECORD_KEY = b"streams"
"""The key, in partition 0 of `state`, of the record of partition counts."""

_RECORD_PARTITION = 0
_VISIBLE_SECONDS = 15.0
_LOOK_AGAIN_SECONDS = 0.05
_COUNTED: tuple[StreamName, ...] = ("news", "scored", "alerts")


class StreamsRecord(msgspec.Struct, frozen=True):
    """How many partitions each stream was created with, by its name without the prefix."""

    partitions: dict[str, int]
    schema_version: int = 1


async def ensure_streams(settings: Settings) -> tuple[str, ...]:
    """Create the streams that are missing, and check those that exist.

    Returns:
        The full names of the streams that were created, for the caller to say so.

    Raises:
        StreamError: when no broker answers; when streams are missing that may not be created
            or that existed once; when a partition count is not the one recorded.
    """
    specs = stream_specs(settings)
    counts = await partition_counts(settings)
    recorded: dict[str, int] = {}
    if stream_name(settings, "state") in counts:
        recorded = await _read_record(settings, {spec.stream for spec in specs})
    missing = [spec for spec in specs if spec.name not in counts]
    _check_missing(missing, recorded, may_create=settings.streams.create)
    if missing:
        await _create(settings, missing)
        counts = await _visible(settings, specs)
    _check_counts(specs, counts, recorded)
    found: dict[str, int] = {spec.stream: counts[spec.name] for spec in specs}
    may_write = settings.streams.create or "watch" in settings.roles
    if may_write and not found.keys() <= recorded.keys():
        await _write_record(settings, {**found, **recorded})
    return tuple(spec.name for spec in missing)


async def as_deployed(settings: Settings) -> Settings:
    """The settings with the partition counts that the streams really have.

    Raises:
        StreamError: when no broker can be reached, or a stream is missing.
    """
    counts = await partition_counts(settings)
    names = {stream: stream_name(settings, stream) for stream in _COUNTED}
    missing = [name for name in names.values() if not counts.get(name)]
    if missing:
        raise StreamError(
            f"missing streams: {', '.join(missing)}; is streams.prefix that of the deployment?"
        )
    actual = PartitionSettings(**{stream: counts[name] for stream, name in names.items()})
    streams = settings.streams.model_copy(update={"partitions": actual})
    return settings.model_copy(update={"streams": streams})


def _check_missing(
    missing: list[StreamSpec], recorded: Mapping[str, int], *, may_create: bool
) -> None:
    names = ", ".join(spec.name for spec in missing)
    if missing and not may_create:
        raise StreamError(
            f"missing streams: {names}; streams.create is off, so create them as "
            "`newsurge streams` prints them"
        )
    lost = [spec.name for spec in missing if spec.stream in recorded]
    if lost:
        raise StreamError(
            f"streams that existed are gone: {', '.join(lost)}; restore them, or delete all "
            "streams of this prefix (streams.prefix) to begin anew: offsets of the lost ones "
            "are part of the state"
        )


def _check_counts(
    specs: tuple[StreamSpec, ...], counts: Mapping[str, int], recorded: Mapping[str, int]
) -> None:
    for spec in specs:
        was = recorded.get(spec.stream, counts[spec.name])
        if counts[spec.name] != was:
            raise StreamError(
                f"stream {spec.name} has {counts[spec.name]} partitions, but was created with "
                f"{was}, to which its keys and offsets belong; restore that count, or begin "
                "anew under another streams.prefix"
            )
    by_stream = {spec.stream: counts[spec.name] for spec in specs}
    if by_stream["state"] != by_stream["scored"]:
        raise StreamError(
            f"stream state has {by_stream['state']} partitions, but scored has "
            f"{by_stream['scored']}; they must be equal: recreate state as `newsurge streams` "
            "prints it"
        )


async def _create(settings: Settings, specs: list[StreamSpec]) -> None:
    async with started(admin(settings), settings) as client:
        response = await client.create_topics([_new_topic(spec) for spec in specs])
    for name, code, words in _topic_errors(response):
        error = for_code(code)
        if code != 0 and error is not TopicAlreadyExistsError:
            raise StreamError(
                f"stream {name} can't be created ({words or error.__name__}); create it as "
                "`newsurge streams` prints it, or set streams.replication_factor or ACLs right"
            )


def _new_topic(spec: StreamSpec) -> NewTopic:
    topic = NewTopic(spec.name, spec.partitions, 1, topic_configs=dict(spec.config))
    # The constructor refuses -1, by which brokers understand their own default.
    topic.replication_factor = spec.replication_factor
    return topic


def _topic_errors(response: Any) -> list[tuple[str, int, str]]:
    return [(name, code, words or "") for name, code, words in response.topic_errors]


async def _visible(settings: Settings, specs: tuple[StreamSpec, ...]) -> dict[str, int]:
    """Partition counts, once every stream shows in the cluster's metadata."""
    try:
        async with asyncio.timeout(_VISIBLE_SECONDS):
            while True:
                counts = await partition_counts(settings)
                if all(counts.get(spec.name) for spec in specs):
                    return counts
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError:
        raise StreamError(
            f"streams were created, but the cluster does not show them all within "
            f"{_VISIBLE_SECONDS:.0f} s; check that the broker is well and try again"
        ) from None


async def _read_record(settings: Settings, wanted: set[str]) -> dict[str, int]:
    """The recorded counts; reading ends at the first record that covers `wanted`.

    It was written before anything else, and counts never change, so the first one will do;
    a later one only adds streams of a newer version.
    """
    recorded: dict[str, int] = {}
    async with aclosing(read_all(settings, "state", [_RECORD_PARTITION])) as records:
        async for record in records:
            if record.key != RECORD_KEY or record.value is None:
                continue
            recorded = _decode_record(record.value, stream_name(settings, "state"), record.offset)
            if wanted <= recorded.keys():
                break
    return recorded


def _decode_record(value: bytes, stream: str, offset: int) -> dict[str, int]:
    try:
        return msgspec.json.decode(value, type=StreamsRecord).partitions
    except msgspec.MsgspecError as error:
        raise StreamError(
            f"the record of partition counts in {stream}, partition {_RECORD_PARTITION}, offset "
            f"{offset} can't be read ({error}); begin anew under another streams.prefix"
        ) from error


async def _write_record(settings: Settings, counts: dict[str, int]) -> None:
    name = stream_name(settings, "state")
    value = msgspec.json.encode(StreamsRecord(partitions=counts))
    async with started(producer(settings), settings) as client:
        try:
            # A stream just created may have no leader yet: the producer retries, and need not warn.
            with client_logs_held():
                await client.send_and_wait(name, value, key=RECORD_KEY, partition=_RECORD_PARTITION)
        except KafkaError as error:
            raise StreamError(
                f"the partition counts can't be recorded in {name} ({error}); this role needs "
                "Write on it: see `newsurge streams`"
            ) from error
