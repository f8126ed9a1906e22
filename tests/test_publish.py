"""Publishing a file: what goes when, what is refused, and that every record is acknowledged."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FeedError, SettingsError, StreamError
from monitor.feeds import FeedRecord
from monitor.publish import Progress, Sent, publish
from monitor.publish_plan import (
    Planned,
    check_fresh,
    check_mode,
    check_replayable,
    plan_live,
    plan_rate,
    plan_replay,
    replay_settings,
    restamped,
)
from monitor.scoring.news import decode_news, parse_time
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.reading import read_all
from tests.conftest import Broker, Deployment

MAX_BYTES = 262_144
NOON = parse_time("2024-05-06T12:00:00Z")
BROKEN = b'{"title": "cut sho'


def news(line: int, second: float | None = None, **fields: Any) -> FeedRecord:
    """A record published `second` seconds after noon, or without a time."""
    item: dict[str, Any] = {"id": f"n{line}", "title": f"Headline number {line}", **fields}
    if second is not None:
        item["published_at"] = NOON + round(second * 1000)
    return FeedRecord(line=line, value=json.dumps(item).encode())


def broken(line: int) -> FeedRecord:
    return FeedRecord(line=line, value=BROKEN)


def replay(records: list[FeedRecord], speed: float = 60) -> list[Planned]:
    return list(plan_replay(records, speed, MAX_BYTES))


class TestReplay:
    def test_keeps_the_items_times_and_paces_by_them(self) -> None:
        """Noon, a minute later, an hour later; at 60 log seconds a second."""
        plan = replay([news(1, 0), news(2, 60), news(3, 3600)])
        assert [each.timestamp for each in plan] == [NOON, NOON + 60_000, NOON + 3_600_000]
        assert [each.after_seconds for each in plan] == [0, 1, 60]

    def test_twice_the_speed_takes_half_the_time(self) -> None:
        records = [news(1, 0), news(2, 90)]
        assert replay(records, 30)[-1].after_seconds == 3
        assert replay(records, 60)[-1].after_seconds == 1.5

    def test_a_late_item_keeps_its_time_and_goes_at_once(self) -> None:
        plan = replay([news(1, 0), news(2, 120), news(3, 60), news(4, 180)])
        assert [each.after_seconds for each in plan] == [0, 2, 2, 3]
        assert plan[2].timestamp == NOON + 60_000

    def test_what_has_no_time_takes_that_of_the_record_before(self) -> None:
        plan = replay([news(1, 0), news(2, 60), broken(3), news(4), news(5, 120)])
        assert [each.timestamp for each in plan[1:4]] == [NOON + 60_000] * 3
        assert [each.after_seconds for each in plan] == [0, 1, 1, 1, 2]

    def test_at_the_beginning_it_takes_that_of_the_first_with_one(self) -> None:
        plan = replay([broken(1), news(2), news(3, 60), news(4, 120)])
        assert [each.timestamp for each in plan[:3]] == [NOON + 60_000] * 3
        assert [each.line for each in plan] == [1, 2, 3, 4]
        assert plan[0].after_seconds == 0

    def test_values_are_untouched(self) -> None:
        records = [news(1, 0), broken(2), news(3, 1, extra={"a": 1})]
        assert [each.value for each in replay(records)] == [each.value for each in records]

    @pytest.mark.parametrize("second", [-NOON / 1000 - 1, 10])
    def test_times_that_no_replay_can_keep_are_refused(self, second: float) -> None:
        with pytest.raises(FeedError, match="line 2 was published at"):
            check_replayable("f", [news(1, 0), news(2, second)], NOON + 5_000, MAX_BYTES)

    def test_a_file_without_any_time_is_refused(self) -> None:
        with pytest.raises(FeedError, match="--rate"):
            check_replayable("f", [news(1), broken(2)], NOON, MAX_BYTES)

    def test_an_empty_file_is_not(self) -> None:
        assert check_replayable("f", [], NOON, MAX_BYTES) == 0


class TestRate:
    def test_records_are_evenly_spaced_and_restamped_if_they_can_be_read(self) -> None:
        plan = list(plan_rate([news(1, 0), broken(2), news(3)], 4, MAX_BYTES))
        assert [each.after_seconds for each in plan] == [0, 0.25, 0.5]
        assert [each.restamp for each in plan] == [True, False, True]
        assert [each.timestamp for each in plan] == [None] * 3

    def test_restamping_changes_the_time_only(self) -> None:
        record = news(1, 0, big=12345678901234567890, entities=["ABCD"], nested={"x": [1.10]})
        before = json.loads(record.value)
        after = json.loads(restamped(record.value, NOON + 1234))
        assert decode_news(json.dumps(after).encode(), MAX_BYTES).published_at == NOON + 1234
        assert {**after, "published_at": 0} == {**before, "published_at": 0}


class TestLive:
    def test_records_go_at_once_with_the_present_as_their_stamp(self) -> None:
        plan = list(plan_live([news(1, 0), broken(2)], MAX_BYTES))
        assert [(each.after_seconds, each.timestamp, each.restamp) for each in plan] == [
            (0, None, False)
        ] * 2

    def test_an_item_as_old_as_the_lateness_is_still_taken(self) -> None:
        assert (
            check_fresh("f", [news(1, 0), news(2), broken(3)], NOON + 300_000, 300, MAX_BYTES) == 3
        )

    def test_an_older_one_is_refused_with_both_ways_out(self) -> None:
        with pytest.raises(FeedError, match=r"line 2 .*300 s.*--speed X.*--rate N"):
            check_fresh("f", [news(1, 5), news(2, 0)], NOON + 300_001, 300, MAX_BYTES)


class TestKeys:
    def test_a_correction_follows_its_item_and_what_cant_be_read_has_no_key(self) -> None:
        records = [news(1, 0), news(2, 1, retracts="n1"), broken(3)]
        assert [each.key for each in replay(records)] == [b"n1", b"n1", None]


class TestMode:
    def test_replay_settings_fit_a_replay_and_nothing_else(self) -> None:
        settings = replay_settings(Settings(), 60)
        assert settings.streams.prefix == "newsurge.replay."
        assert replay_settings(settings, 60) == settings
        check_mode(settings, 60, None)
        with pytest.raises(SettingsError, match=r"replay_speed is 60.*--speed 60"):
            check_mode(settings, None, None)
        with pytest.raises(SettingsError, match="replay_speed: 30"):
            check_mode(settings, 30, None)

    def test_a_replay_into_the_streams_of_live_news_is_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"streams\.prefix"):
            check_mode(Settings(score={"replay_speed": 60}), 60, None)
        with pytest.raises(SettingsError, match=r"score\.replay_speed: 60"):
            check_mode(Settings(), 60, None)

    @pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
    def test_speeds_and_rates_are_positive_numbers(self, value: float) -> None:
        with pytest.raises(SettingsError, match="--speed"):
            check_mode(Settings(), value, None)
        with pytest.raises(SettingsError, match="--rate"):
            check_mode(Settings(), None, value)

    def test_only_one_of_both(self) -> None:
        with pytest.raises(SettingsError, match="give one"):
            check_mode(Settings(), 1, 1)


def write(path: Path, records: list[FeedRecord]) -> Path:
    path.write_bytes(b"".join(each.value + b"\n" for each in records))
    return path


class TestToABroker:
    async def test_a_replay_arrives_with_its_own_times(
        self, broker: Broker, deployment: Deployment, tmp_path: Path
    ) -> None:
        settings = replay_settings(deployment(broker), 1e6)
        await ensure_streams(settings)
        records = [news(n, n * 60) for n in range(40)]
        records[7] = broken(8)
        sent: list[Sent] = []
        steps: list[Progress] = []
        summary = await publish(
            settings,
            write(tmp_path / "news.jsonl", records),
            speed=1e6,
            progress=steps.append,
            on_sent=sent.append,
        )
        found = {(r.partition, r.offset): r async for r in read_all(settings, "news")}
        assert summary.published == len(found) == 40
        assert [each.line for each in sent] == list(range(1, 41))
        assert steps[-1] == Progress(40, 40)
        for each in sent:
            record = found[each.origin.partition, each.origin.offset]
            assert record.value == records[each.line - 1].value
            second = (7 - 1 if each.line == 8 else each.line - 1) * 60
            assert record.timestamp == NOON + second * 1000
        assert sum(last - first + 1 for first, last in summary.offsets.values()) == 40

    async def test_restamped_items_are_of_now(
        self, broker: Broker, deployment: Deployment, tmp_path: Path
    ) -> None:
        settings = deployment(broker)
        await ensure_streams(settings)
        before = time.time_ns() // 1_000_000
        file = write(tmp_path / "news.jsonl", [news(1, 0), broken(2), news(3)])
        await publish(settings, file, rate=1000)
        after = time.time_ns() // 1_000_000
        values = [record.value async for record in read_all(settings, "news")]
        assert BROKEN in values
        stamps = [decode_news(v, MAX_BYTES).published_at for v in values if v != BROKEN]
        assert len(stamps) == 2
        assert all(stamp is not None and before <= stamp <= after for stamp in stamps)

    async def test_old_news_is_refused_before_anything_is_published(
        self, embedded: Broker, deployment: Deployment, tmp_path: Path
    ) -> None:
        settings = deployment(embedded)
        await ensure_streams(settings)
        file = write(tmp_path / "news.jsonl", [news(1), news(2, 0)])
        with pytest.raises(FeedError, match=r"news\.jsonl: line 2"):
            await publish(settings, file)
        assert [record async for record in read_all(settings, "news")] == []

    async def test_a_missing_stream_is_said(
        self, embedded: Broker, deployment: Deployment, tmp_path: Path
    ) -> None:
        with pytest.raises(StreamError, match="does not exist"):
            await publish(deployment(embedded), write(tmp_path / "n.jsonl", [news(1)]))

    @pytest.mark.kafka
    async def test_a_replay_into_a_stream_that_stamps_by_itself_is_refused(
        self, kafka: Broker, deployment: Deployment, tmp_path: Path
    ) -> None:
        live = deployment(kafka)
        await ensure_streams(live)
        settings = live.model_copy(
            update={"score": live.score.model_copy(update={"replay_speed": 1.0})}
        )
        with pytest.raises(StreamError, match=r"streams\.prefix"):
            await publish(settings, write(tmp_path / "n.jsonl", [news(1, 0)]), speed=1.0)
