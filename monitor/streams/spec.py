"""The stream specification: names, partitions, retention, and what each role may do.

Pure: it says what a deployment's streams should be, and asks no broker. `newsurge streams`
prints it for clusters where the daemon may not create streams itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec
from aiokafka.partitioner import murmur2

from monitor.settings import Role, Settings, StreamSettings

StreamName = Literal[
    "news", "scored", "state", "alerts", "notifications", "desk", "dead-letter", "labels", "live"
]
STREAMS: tuple[StreamName, ...] = get_args(StreamName)

Actor = Literal["score", "watch", "notify", "page", "publish", "desk", "labels", "create"]
Operation = Literal["Read", "Write", "Create"]
Resource = Literal["Topic", "Group"]

_DAY_MS = 86_400_000
# What a broker accepts unless told otherwise, so what a producer that is not ours may send.
_BROKER_DEFAULT_MAX_BYTES = 1_048_588
_FOREVER = "-1"
_STATE_SEGMENT_BYTES = 32 * 1024 * 1024
_DEAD_LETTER_DAYS = 35
_LIVE_MS = 3_600_000


class StreamSpec(msgspec.Struct, frozen=True):
    """One stream as it should be: `name` is the full Kafka name, `config` its topic configuration.

    `replication_factor` -1 stands for the broker's default.
    """

    stream: StreamName
    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]
    purpose: str


class Acl(msgspec.Struct, frozen=True):
    """One permission, in the words of `kafka-acls`: who, what, on which resource.

    `pattern` is `literal` or `prefixed`, as in Kafka's resource pattern types.
    """

    actor: Actor
    operation: Operation
    resource: Resource
    name: str
    pattern: Literal["literal", "prefixed"]


def stream_name(settings: Settings, stream: StreamName) -> str:
    """The stream's full Kafka name in this deployment."""
    return f"{settings.streams.prefix}{stream}"


def group_name(settings: Settings, role: Role, receiver: str | None = None) -> str:
    """The consumer group of a role; NOTIFY has one for each receiver.

    Raises:
        ValueError: when a receiver is given to another role, or none to NOTIFY.
    """
    if (role == "notify") != (receiver is not None):
        raise ValueError(f"role {role} with receiver {receiver}: only 'notify' has receivers")
    suffix = f".{receiver}" if receiver is not None else ""
    return f"{settings.streams.prefix}{role}{suffix}"


def partition_for(key: bytes, count: int) -> int:
    """The partition of a key among `count`: murmur2, as the Java client and aiokafka choose."""
    return int(murmur2(key) & 0x7FFFFFFF) % count


def max_message_bytes(streams: StreamSettings) -> int:
    """The largest record batch that a stream takes, in bytes.

    It leaves room above `max_record_bytes`, so that an oversized news record arrives and is
    dead-lettered with its reason, rather than be refused where no one looks.
    """
    return max(_BROKER_DEFAULT_MAX_BYTES, 4 * streams.max_record_bytes)


def stream_specs(settings: Settings) -> tuple[StreamSpec, ...]:
    """Every stream of the deployment, in the order of the way of the data."""
    streams = settings.streams
    replay = settings.score.replay_speed is not None
    # The broker stamps live news, so that no producer's clock can move time or retention. In a
    # replay the publisher's stamps are the point, and retention must not eat old items.
    news_stamps = "CreateTime" if replay else "LogAppendTime"
    alerts_kept = _retention(streams.alerts_retention_days, replay)
    partitions = streams.partitions

    def spec(stream: StreamName, count: int, purpose: str, **config: str) -> StreamSpec:
        return StreamSpec(
            stream=stream,
            name=stream_name(settings, stream),
            partitions=count,
            replication_factor=streams.replication_factor,
            config={
                "cleanup.policy": "delete",
                "max.message.bytes": str(max_message_bytes(streams)),
                **{key.replace("_", "."): value for key, value in config.items()},
            },
            purpose=purpose,
        )

    return (
        spec(
            "news",
            partitions.news,
            "news items as published",
            retention_ms=_retention(streams.news_retention_days, replay),
            message_timestamp_type=news_stamps,
        ),
        spec(
            "scored",
            partitions.scored,
            "scores and marks, keyed by series",
            retention_ms=_retention(streams.scored_retention_days, replay),
        ),
        spec(
            "state",
            partitions.scored,
            "snapshots of WATCH, and the record of partition counts",
            cleanup_policy="compact",
            # A restart reads all of it, and what is in the newest segment is never compacted.
            segment_bytes=str(_STATE_SEGMENT_BYTES),
            min_cleanable_dirty_ratio="0.2",
        ),
        spec(
            "alerts",
            partitions.alerts,
            "alert events, keyed by rule and series",
            retention_ms=alerts_kept,
        ),
        spec(
            "notifications",
            partitions.alerts,
            "outbox of NOTIFY: what was to be sent, and how it ended",
            retention_ms=alerts_kept,
        ),
        spec(
            "desk",
            1,  # So that what the desk says has one order.
            "silences, acknowledgements and feedback of people",
            cleanup_policy="compact",
        ),
        spec(
            "dead-letter",
            1,
            "records that could not be used, with their reason",
            retention_ms=_retention(_DEAD_LETTER_DAYS, replay),
        ),
        spec(
            "labels",
            1,
            "labels that people gave to texts, for training",
            retention_ms=_FOREVER,  # they are few, and cost people's time
        ),
        spec(
            "live",
            1,
            "what processes and series look like now, for the live page",
            # Also in a replay: it is about the wall clock, and nothing rests on it.
            retention_ms=str(_LIVE_MS),
            # Only a segment that is closed is deleted.
            segment_ms=str(_LIVE_MS // 6),
        ),
    )


def acls(settings: Settings) -> tuple[Acl, ...]:
    """The permissions of each role, of `publish`, the desk and `labels`, and to create streams.

    Read and Write on a topic imply Describe. Every role reads `state`, where the partition
    counts are recorded, and writes `live`. `page` is what whoever serves the live page
    (`http.page`) reads beside.
    """
    prefix = settings.streams.prefix

    def topics(actor: Actor, operation: Operation, *streams: StreamName) -> tuple[Acl, ...]:
        return tuple(
            Acl(actor, operation, "Topic", stream_name(settings, stream), "literal")
            for stream in streams
        )

    return (
        *topics("score", "Read", "news", "state"),
        *topics("score", "Write", "scored", "dead-letter", "live"),
        Acl("score", "Read", "Group", group_name(settings, "score"), "literal"),
        *topics("watch", "Read", "scored", "state", "alerts"),
        *topics("watch", "Write", "state", "alerts", "live"),
        Acl("watch", "Read", "Group", group_name(settings, "watch"), "literal"),
        *topics("notify", "Read", "alerts", "notifications", "desk", "state"),
        *topics("notify", "Write", "notifications", "live"),
        Acl("notify", "Read", "Group", group_name(settings, "notify", ""), "prefixed"),
        *topics("page", "Read", "live", "scored", "alerts", "notifications", "desk"),
        *topics("publish", "Write", "news"),
        *topics("desk", "Read", "desk", "alerts"),
        *topics("desk", "Write", "desk"),
        *topics("labels", "Read", "labels"),
        *topics("labels", "Write", "labels"),
        Acl("create", "Create", "Topic", prefix or "*", "prefixed" if prefix else "literal"),
        *topics("create", "Read", "state"),
        *topics("create", "Write", "state"),
    )


def _retention(days: float, replay: bool) -> str:
    return _FOREVER if replay else str(round(days * _DAY_MS))
