"""The live page on real brokers: what a process tells, any process shows."""

import time
from pathlib import Path

import aiohttp
import pytest

from monitor.desk.records import Ack, Matchers, Silence, episode_of
from monitor.desk.stream import say
from monitor.live.messages import Snapshot
from monitor.receiver import receiving
from monitor.records import AlertPlace, Series
from monitor.settings import Settings
from monitor.watch_plan import scored_partition
from tests.conftest import Broker, Deployment
from tests.integration.daemons import PATIENCE, accounted, publish, running
from tests.integration.processes import Fleet, until
from tests.integration.test_daemon import MANY_NEGATIVE, SECRET, STORIES, items
from tests.live.following import live_page

HOUR_MS = 3_600_000
COUNT = 4
NAMES = {"Alder", "Birch", "Cedar", "Damson", "Elder", "Fir", "Gorse", "Hazel", "Ivy", "Juniper"}
HOSTILE = "<script>alert(1)</script>\n\ndata: {}\r\nevent: snapshot \u2028\u0000'\"& Calder fraud"


@pytest.fixture
def settings(broker: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text(MANY_NEGATIVE)
    return deployment(broker, rules=rules, model={"bundle": bundle}, log_level="warning")


def _is_delivered(page: Snapshot) -> bool:
    return any(each.state == "delivered" for alert in page.alerts for each in alert.deliveries)


async def test_a_surge_from_the_news_to_the_page(settings: Settings) -> None:
    async with (
        receiving(SECRET) as receiver,
        running(settings, [receiver.target("desk")]) as address,
        live_page(address.url) as page,
    ):
        empty = await page.until(lambda shown: bool(shown.processes))
        assert (empty.headlines, empty.alerts) == ((), ())
        (process,) = empty.processes
        assert set(process.roles) == {"score", "watch", "notify"}
        await publish(settings, items([*STORIES, HOSTILE]))
        shown = await page.until(
            lambda now: (
                len(now.headlines) == len(STORIES) + 1
                and _is_delivered(now)
                and any(each.by == "all" and each.state == "firing" for each in now.series)
            )
        )
        assert page.told.count("snapshot") == 1
        told = await page.until(
            lambda now: now.processes[0].is_ready and "scoring" in now.processes[0].seconds
        )
        (process,) = told.processes
    assert {each.title for each in shown.headlines} == {*STORIES, _cleaned(shown)}
    (alert,) = shown.alerts
    assert (alert.event.rule, alert.event.state) == ("ManyNegative", "firing")
    (delivery,) = alert.deliveries
    assert (delivery.receiver, delivery.state, delivery.attempts) == ("desk", "delivered", 1)
    assert process.model is not None
    assert {"news", "scored", "notify desk"} <= process.lag_records.keys()


def _cleaned(shown: Snapshot) -> str:
    """The hostile title, as SCORE cleans it: its marks of what it is stay."""
    (title,) = (each.title for each in shown.headlines if "<script>" in each.title)
    assert "alert(1)</script>" in title
    return title


async def test_who_comes_later_is_shown_what_was(settings: Settings) -> None:
    async with receiving(SECRET) as receiver, running(settings, [receiver.target("desk")]) as at:
        await accounted(settings, await publish(settings, items(STORIES)))
        await receiver.until(lambda told: bool(told.accepted), PATIENCE)
        async with live_page(at.url) as page:
            shown = await page.until(
                lambda now: (
                    len(now.headlines) == len(STORIES)
                    and _is_delivered(now)
                    and any(each.negative_count for each in now.series)
                )
            )
    assert all("all=all" in each.series and len(each.series) > 1 for each in shown.headlines)


async def test_what_the_desk_says_shows(settings: Settings) -> None:
    async with running(settings) as address, live_page(address.url) as page:
        await publish(settings, items(STORIES))
        (view,) = (await page.until(lambda now: bool(now.alerts))).alerts
        now = time.time_ns() // 1_000_000
        until = now + HOUR_MS
        place = AlertPlace(0, 0)
        await say(
            settings,
            Ack(view.event.id, episode_of(view.event), "Ida", now, until, place, "looking"),
            Silence("s1", Matchers(rule="Many*"), now - 1, until, "Ida", "known", now),
        )
        (view,) = (
            await page.until(
                lambda now: bool(now.alerts[0].acknowledged and now.alerts[0].silenced)
            )
        ).alerts
    assert view.acknowledged is not None
    assert view.silenced is not None
    assert (view.acknowledged.who, view.acknowledged.why, view.acknowledged.until) == (
        "Ida", "looking", until,
    )  # fmt: skip
    assert (view.silenced.who, view.silenced.why, view.silenced.until) == ("Ida", "known", until)
    assert (
        view.episode == f"{view.event.rule}/{view.event.rule_hash}/all=all/{view.event.started_at}"
    )


async def test_a_process_that_ends_in_order_says_so(settings: Settings) -> None:
    async with running(settings) as address, live_page(address.url) as page:
        await page.until(lambda now: len(now.processes) == 1)
        other = settings.model_copy(update={"roles": ("score",)})
        async with running(other):
            both = await page.until(lambda now: len(now.processes) == 2)
        (left,) = (await page.until(lambda now: len(now.processes) == 1)).processes
    assert left.id in {each.id for each in both.processes}
    assert set(left.roles) == {"score", "watch", "notify"}


async def test_a_page_that_is_turned_off_is_not_there_and_the_process_still_tells(
    settings: Settings,
) -> None:
    http = settings.http.model_copy(update={"page": False})
    without = settings.model_copy(update={"http": http})
    async with running(without) as address, aiohttp.ClientSession(address.url) as client:
        for path in ("/", "/events", "/login", "/static/live.js"):
            assert (await client.get(path)).status == 404
        assert (await client.get("/livez")).status == 200
        notifying = settings.model_copy(update={"roles": ("notify",)})
        async with running(notifying) as other, live_page(other.url) as page:
            await page.until(lambda now: len(now.processes) == 2 and bool(now.series))


async def test_a_process_without_watch_shows_what_another_watches(settings: Settings) -> None:
    watching = settings.model_copy(update={"roles": ("score", "watch")})
    notifying = settings.model_copy(update={"roles": ("notify",)})
    async with running(watching), running(notifying) as at, live_page(at.url) as page:
        await publish(settings, items(STORIES))
        shown = await page.until(
            lambda now: bool(now.alerts) and any(each.state == "firing" for each in now.series)
        )
    assert {each.roles for each in shown.processes} == {("score", "watch"), ("notify",)}


@pytest.mark.kafka
async def test_two_processes_share_the_series_and_each_shows_all(
    kafka: Broker, deployment: Deployment, tmp_path: Path, bundle: Path
) -> None:
    """Also after a handover: the one that is left tells of those that the other told of."""
    (tmp_path / "alerts.yaml").write_text(MANY_NEGATIVE.replace("by: all", "by: entity"))
    (tmp_path / "watchlist.csv").write_text("key,name\n" + "".join(f"{k},{k} Plc\n" for k in NAMES))
    first, second = (
        deployment(
            kafka,
            kafka={"client_id": name, "session_timeout_seconds": 6},
            streams={"prefix": f"{tmp_path.name}.", "partitions": {"scored": COUNT}},
            rules=tmp_path / "alerts.yaml",
            model={"bundle": bundle},
            score={"watchlist": tmp_path / "watchlist.csv"},
        )
        for name in ("first", "second")
    )
    async with aiohttp.ClientSession() as client, running(second) as stays:
        fleet = Fleet(tmp_path, second, client)
        async with running(first) as leaves:

            async def is_shared() -> bool:
                owners = await fleet.owners("watch")
                return owners.keys() == {"first", "second"} and all(map(_told_by, owners.values()))

            await until(is_shared)
            for address in (leaves, stays):
                async with live_page(address.url) as page:
                    await page.until(
                        lambda now: (
                            {each.key for each in now.series} == NAMES and len(now.processes) == 2
                        )
                    )
        ended = time.time_ns() // 1_000_000
        async with live_page(stays.url) as page:
            await page.until(
                lambda now: {each.key for each in now.series if each.at > ended} == NAMES
            )


def _told_by(partitions: set[int]) -> set[str]:
    return {key for key in NAMES if scored_partition(Series("entity", key), COUNT) in partitions}
