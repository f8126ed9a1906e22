"""Telling the live page, while the broker is there and while it is not."""

import asyncio
import logging

import pytest

from monitor.children import free_port
from monitor.health import Health
from monitor.live import telling
from monitor.live.process import ThisProcess
from monitor.live.records import LiveRecord, ProcessView, SeriesView, decode_live
from monitor.live.telling import Telling
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.reading import read_all
from tests.conftest import Broker, Deployment
from tests.integration.processes import until
from tests.live.views import series_view


def now() -> int:
    return telling._now()


def a_telling(settings: Settings) -> Telling:
    return Telling(settings, ThisProcess(("watch",), Health(), now()))


async def told(settings: Settings) -> list[LiveRecord]:
    return [decode_live(record.value) async for record in read_all(settings, "live")]


async def until_told(settings: Settings, count: int) -> None:
    """Wait until so many records have been written."""

    async def is_told() -> bool:
        return len(await told(settings)) >= count

    await until(is_told)


async def test_a_process_tells_of_itself_its_series_and_its_end(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    tells = a_telling(settings)
    view = series_view(at=now())
    async with tells.running():
        tells.tell(view)
        await until_told(settings, 3)
    records = await told(settings)
    assert [one for one in records if isinstance(one, SeriesView)] == [view]
    processes = [one for one in records if isinstance(one, ProcessView)]
    assert [one.is_gone for one in processes] == [False] * (len(processes) - 1) + [True]
    assert len({one.id for one in processes}) == 1


async def test_without_a_broker_nothing_fails_and_it_is_said_once(
    deployment: Deployment, embedded: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    kafka = {"bootstrap_servers": nowhere, "connect_timeout_seconds": 0.2}
    settings = deployment(embedded, kafka=kafka)
    tells = a_telling(settings)
    with (
        pytest.MonkeyPatch.context() as hurry,
        caplog.at_level(logging.WARNING, telling.__name__),
    ):
        hurry.setattr(telling, "_PAUSE_SECONDS", 0.05)
        async with tells.running():
            for count in range(100):
                tells.tell(series_view(at=now(), story_count=count))
            await asyncio.sleep(1)
            assert len(tells._waiting) == 2, "of each key the newest"
    (line,) = (one.getMessage() for one in caplog.records if one.name == telling.__name__)
    assert "can't be written" in line
    assert nowhere in line


async def test_an_old_word_is_not_written_after_an_outage(
    broker: Broker, deployment: Deployment
) -> None:
    settings = deployment(broker)
    await ensure_streams(settings)
    tells = a_telling(settings)
    tells.tell(series_view("old", at=now() - 60_000))
    tells.tell(series_view("new", at=now()))
    async with tells.running():
        await until_told(settings, 2)
    assert {one.key for one in await told(settings) if isinstance(one, SeriesView)} == {"new"}
