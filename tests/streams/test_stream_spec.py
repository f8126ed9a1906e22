"""The specification is what `ensure_streams` creates and what an administrator is told."""

from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from monitor.settings import Settings
from monitor.streams.spec import (
    STREAMS,
    StreamSpec,
    acls,
    group_name,
    max_message_bytes,
    partition_for,
    stream_name,
    stream_specs,
)

DAY_MS = 86_400_000


def specs(**sections: Any) -> dict[str, StreamSpec]:
    return {spec.stream: spec for spec in stream_specs(Settings(**sections))}


def test_every_stream_is_specified_once_under_the_prefix() -> None:
    found = stream_specs(Settings(streams={"prefix": "desk."}))

    assert [spec.stream for spec in found] == list(STREAMS)
    assert [spec.name for spec in found] == [f"desk.{stream}" for stream in STREAMS]


def test_state_has_as_many_partitions_as_scored_and_is_compacted() -> None:
    found = specs(streams={"partitions": {"scored": 7}})

    assert found["state"].partitions == found["scored"].partitions == 7
    assert found["state"].config["cleanup.policy"] == "compact"
    assert "retention.ms" not in found["state"].config


def test_alerts_are_kept_by_time_and_not_compacted() -> None:
    config = specs()["alerts"].config

    assert config["cleanup.policy"] == "delete"
    assert config["retention.ms"] == str(90 * DAY_MS)


def test_labels_are_kept_for_ever_in_one_partition() -> None:
    labels = specs()["labels"]

    assert labels.partitions == 1
    assert labels.config["retention.ms"] == "-1"


def test_a_replay_keeps_items_however_old_they_are() -> None:
    found = specs(score={"replay_speed": 60})

    for stream in ("news", "scored", "alerts", "notifications"):
        assert found[stream].config["retention.ms"] == "-1"


@pytest.mark.parametrize("sections", [{}, {"score": {"replay_speed": 60}}])
def test_the_live_stream_is_kept_for_an_hour_in_a_replay_too(sections: dict[str, Any]) -> None:
    live = specs(**sections)["live"]

    assert live.partitions == 1
    assert live.config["retention.ms"] == "3600000"
    assert int(live.config["segment.ms"]) < 3_600_000, "an open segment is never deleted"


def test_live_news_is_stamped_by_the_broker_and_replayed_news_by_its_publisher() -> None:
    assert specs()["news"].config["message.timestamp.type"] == "LogAppendTime"
    replayed = specs(score={"replay_speed": 60})["news"]
    assert replayed.config["message.timestamp.type"] == "CreateTime"


@pytest.mark.parametrize("max_record_bytes", [1024, 262_144, 4_194_304])
def test_an_oversized_record_fits_the_streams(max_record_bytes: int) -> None:
    settings = Settings(streams={"max_record_bytes": max_record_bytes})

    assert max_message_bytes(settings.streams) >= 4 * max_record_bytes
    assert max_message_bytes(settings.streams) > 1024 * 1000
    for spec in stream_specs(settings):
        assert int(spec.config["max.message.bytes"]) == max_message_bytes(settings.streams)


@given(st.binary(max_size=40), st.integers(1, 64))
def test_keys_go_where_other_clients_would_send_them(key: bytes, count: int) -> None:
    partitions = list(range(count))

    assert partition_for(key, count) == DefaultPartitioner()(key, partitions, partitions)


@pytest.mark.parametrize(("key", "hashed"), [(b"21", -973932308), (b"foobar", -790332482)])
def test_partitions_follow_the_java_clients_hash(key: bytes, hashed: int) -> None:
    # Known answers from Kafka's own UtilsTest.
    assert partition_for(key, 1000) == (hashed & 0x7FFFFFFF) % 1000


def test_each_receiver_has_a_group_of_its_own() -> None:
    settings = Settings(streams={"prefix": "desk."})

    assert group_name(settings, "score") == "desk.score"
    assert group_name(settings, "notify", "pager") == "desk.notify.pager"
    with pytest.raises(ValueError, match="receiver"):
        group_name(settings, "notify")
    with pytest.raises(ValueError, match="receiver"):
        group_name(settings, "watch", "pager")


def test_a_role_may_do_what_it_does_and_no_more() -> None:
    settings = Settings(streams={"prefix": "desk."})

    def may(actor: str, operation: str) -> set[str]:
        return {
            acl.name
            for acl in acls(settings)
            if (acl.actor, acl.operation, acl.resource) == (actor, operation, "Topic")
        }

    assert may("publish", "Write") == {"desk.news"}
    assert may("publish", "Read") == set()
    assert may("labels", "Write") == may("labels", "Read") == {"desk.labels"}
    assert may("score", "Write") == {"desk.scored", "desk.dead-letter", "desk.live"}
    assert may("watch", "Write") == {"desk.state", "desk.alerts", "desk.live"}
    assert may("notify", "Write") == {"desk.notifications", "desk.live"}
    shown = ("live", "scored", "alerts", "notifications", "desk")
    assert may("page", "Read") == {f"desk.{stream}" for stream in shown}
    assert may("page", "Write") == set()
    for role in ("score", "watch", "notify"):
        assert "desk.state" in may(role, "Read"), "partition counts are read from state"


def test_the_groups_of_notify_are_permitted_by_their_common_prefix() -> None:
    settings = Settings()
    (acl,) = [each for each in acls(settings) if (each.actor, each.resource) == ("notify", "Group")]

    assert acl.pattern == "prefixed"
    assert group_name(settings, "notify", "pager").startswith(acl.name)
    assert stream_name(settings, "news") == "newsurge.news"
