"""Live and backtest give the same alerts: what a daemon wrote, and what its log gives again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from importlib import resources
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.watch_log import NEWS_PARTITIONS, scored_log
from monitor.backtest.running import Options, backtest_files, backtest_stream
from monitor.demo.accounts import read_expected
from monitor.model.bundle import META, STARTER
from monitor.publish import publish
from monitor.publish_plan import replay_settings
from monitor.records import AlertEvent, Mark, Origin, ScoredRecord, decode_scored
from monitor.rules.file import default_rules
from monitor.scoring.news import parse_time
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import consumer, partitions_of, producer, started
from monitor.streams.reading import end_offsets
from monitor.streams.spec import group_name, stream_name
from monitor.streams.writing import Outgoing, write_all
from monitor.watch_plan import scored_partition
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, alerts, running

DEMO = resources.files("monitor.demo")
PLAY_SECONDS = 12
MARK_SECONDS = 0.05
MARKS_KEPT_MS = 4_000


def by_id(events: Sequence[AlertEvent]) -> dict[str, AlertEvent]:
    assert len({event.id for event in events}) == len(events)
    return {event.id: event for event in events}


def time_of(event: AlertEvent) -> int:
    return event.resolved_at or event.fired_at


async def until_read(settings: Settings) -> None:
    """Wait until WATCH has committed all that is in `scored` by now."""
    partitions = await partitions_of(settings, "scored")
    ends = await end_offsets(settings, partitions)
    async with (
        asyncio.timeout(300),
        started(consumer(settings, group_name(settings, "watch")), settings) as client,
    ):
        client.assign(partitions)
        for each in partitions:
            while (await client.committed(each) or 0) < ends[each]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # another process' commit tells nobody


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "feed.jsonl"
    path.write_bytes(DEMO.joinpath("feed.jsonl").read_bytes())
    return path


@pytest_asyncio.fixture
async def replayed(broker: Broker, deployment: Deployment, feed: Path) -> AsyncIterator[Settings]:
    """The demo's feed, replayed through a daemon that has done all of it."""
    meta = read_expected(DEMO / "feed.meta.json")
    speed = (parse_time(meta.last) - parse_time(meta.first)) / 1000 / PLAY_SECONDS
    settings = deployment(
        broker, rules=default_rules(), score={"mark_interval_seconds": MARK_SECONDS},
        log_level="warning",
    )  # fmt: skip
    settings = replay_settings(settings, speed)
    origins: list[Origin] = []
    async with running(settings):
        await publish(settings, feed, speed=speed, on_sent=lambda one: origins.append(one.origin))
        await accounted(settings, origins)
        await until_read(settings)
    yield settings


def options(tmp_path: Path) -> Options:
    return Options(rules=(default_rules(),), cache=tmp_path / "scores", with_curve=False)


@pytest.mark.timeout(240)
@pytest.mark.skipif(not (STARTER / META).is_file(), reason="there is no starter bundle")
async def test_the_demo_gives_the_same_alerts_live_and_in_a_backtest(
    replayed: Settings, feed: Path, tmp_path: Path
) -> None:
    told = await alerts(replayed)
    assert {event.rule for event in told} >= {"NegativeSurge", "MostlyNegative"}

    of_stream = await backtest_stream(replayed, options(tmp_path))
    again = by_id(of_stream.outcomes[0].alerts)
    assert by_id(told) == {identity: again[identity] for identity in by_id(told)}
    # Time runs on after the feed, and the daemon was stopped somewhere there.
    end = parse_time(read_expected(DEMO / "feed.meta.json").last)
    assert {event.id for event in again.values() if time_of(event) <= end} <= by_id(told).keys()

    of_file = backtest_files([feed], replayed, options(tmp_path))
    news = [event for event in told if time_of(event) <= end]
    assert_alike(news, of_file.outcomes[0].alerts)


def assert_alike(told: Sequence[AlertEvent], raw: Sequence[AlertEvent]) -> None:
    """The same alerts, though not to the second: see docs/BACKTEST.md.

    In a quick replay a mark is minutes of log time after the one before, and the partitions of
    `news` overtake each other by as much; no two replays of a file give the same log.
    """
    live, filed = ({(e.rule, e.series, e.state): e for e in events} for events in (told, raw))
    assert live.keys() == filed.keys()
    for which, event in live.items():
        if event.state == "firing":
            stories = [{story.id for story in one.stories} for one in (event, filed[which])]
            assert stories[0] & stories[1]


@pytest.mark.faults
@pytest.mark.timeout(600)
async def test_a_hundred_thousand_records_give_the_same_alerts(
    broker: Broker, deployment: Deployment, tmp_path: Path
) -> None:
    settings = deployment(
        broker,
        rules=default_rules(),
        roles=("watch",),
        streams={"partitions": {"news": NEWS_PARTITIONS, "scored": 3, "alerts": 1}},
        log_level="warning",
    )
    log = scored_log(100_000, per_second=0.5)
    await ensure_streams(settings)
    async with started(producer(settings, max_batch_size=262_144), settings) as writer:
        await write_all(writer, stream_name(settings, "scored"), outgoing(log, 3))
    async with running(settings):
        await until_read(settings)
    told = await alerts(settings)
    assert len(told) > 20
    for processes in (1, 2):
        wanted = Options((default_rules(),), tmp_path, with_curve=False, processes=processes)
        found = await backtest_stream(settings, wanted)
        assert found.history.scored_records == sum(is_scored(value) for value in log)
        assert by_id(found.outcomes[0].alerts) == by_id(told)


def is_scored(value: bytes) -> bool:
    return isinstance(decode_scored(value), ScoredRecord)


def outgoing(log: list[bytes], count: int) -> list[Outgoing]:
    """Each record to the partition of its series, and of the marks one in eight, to all."""
    records = []
    for value in log:
        record = decode_scored(value)
        if isinstance(record, ScoredRecord):
            records.append(Outgoing(scored_partition(record.series, count), None, value))
        elif isinstance(record, Mark) and not record.time % MARKS_KEPT_MS:
            records += [Outgoing(number, None, value) for number in range(count)]
    return records
