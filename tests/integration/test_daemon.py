"""The whole daemon on real brokers: news in, signed webhooks out, everything accounted for."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from monitor.audit.auditing import audit
from monitor.errors import RulesError
from monitor.receiver import Delivery, receiving
from monitor.settings import Settings
from monitor.watch_plan import deployed_plan
from tests.conftest import Broker, Deployment
from tests.integration.daemons import PATIENCE, accounted, alerts, publish, running, scored

SECRET = "whsec_bmV3c3VyZ2UtdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OTA="
MANY_NEGATIVE = """\
rules:
  - alert: ManyNegative
    type: threshold
    by: all
    window: 1h
    when: negative_count >= 5
"""
STORIES = [
    "Harbourline Bank collapse feared as depositors queue",
    "Run on Calder Savings: branches shut at noon",
    "Fraud inquiry opened into Dunmore Trust accounts",
    "Default looms for Eastmarch Lending after failed sale",
    "Kestrel Mutual bankruptcy filing expected within days",
    "Lawsuit: Glenrock Bank hid losses for two years",
]


@pytest.fixture
def settings(broker: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text(MANY_NEGATIVE)
    return deployment(broker, rules=rules, model={"bundle": bundle}, log_level="warning")


def items(titles: list[str]) -> list[dict[str, Any]]:
    return [{"id": f"n{i}", "title": title, "source": "Wire"} for i, title in enumerate(titles)]


async def test_negative_news_in_a_signed_webhook_out(settings: Settings) -> None:
    async with receiving(SECRET) as receiver, running(settings, [receiver.target("desk")]):
        origins = await publish(settings, items(STORIES))
        await receiver.until(lambda told: bool(told.accepted), PATIENCE)
        became = await accounted(settings, origins)
    assert {became[origin] for origin in origins} == {"scored"}
    assert receiver.bad_signatures == 0
    payload = receiver.accepted[0].payload
    assert payload["type"] == "alert.firing"
    assert payload["data"]["rule"] == "ManyNegative"
    titles = {story["title"] for story in payload["data"]["stories"]}
    assert len(titles) >= 5
    assert titles <= set(STORIES)
    [alert] = await alerts(settings)
    assert alert.id == payload["data"]["id"]
    found = await audit(settings, deployed_plan(settings))
    assert found.faults == []
    assert (found.news.scored, found.delivered["desk"]) == (len(STORIES), 1)
    assert found.alerts.ids == {alert.id}


async def test_each_item_feeds_its_series_and_bad_ones_are_set_aside(
    settings: Settings, tmp_path: Path
) -> None:
    watchlist = tmp_path / "watchlist.csv"
    watchlist.write_text("key,name\nHLB,Harbourline Bank\nCAL,Calder Savings\n")
    score = settings.score.model_copy(update={"watchlist": watchlist})
    settings = settings.model_copy(update={"score": score})
    broken: list[dict[str, Any] | bytes] = [b"{", b'{"title": 5}', {"title": "  "}]
    async with running(settings):
        origins = await publish(settings, [*items(STORIES), *broken])
        found = await accounted(settings, origins)
    assert [found[origin] for origin in origins] == [
        *["scored"] * len(STORIES), "malformed_json", "wrong_type", "empty_title",
    ]  # fmt: skip
    records = await scored(settings)
    by_origin = {origin: {r.by for r in records if r.origin == origin} for origin in origins[:6]}
    assert all(dimensions >= {"topic", "all"} for dimensions in by_origin.values())
    named = {r.key: r.item.title for r in records if r.by == "entity"}
    assert named == {"HLB": STORIES[0], "CAL": STORIES[1]}  # by their titles alone
    assert all(record.item.body is None for record in records)


async def test_a_restart_tells_no_alert_again(settings: Settings) -> None:
    async with receiving(SECRET) as receiver:
        async with running(settings, [receiver.target("desk")]):
            await publish(settings, items(STORIES))
            await receiver.until(lambda told: bool(told.accepted), PATIENCE)
        first = await alerts(settings)
        async with running(settings, [receiver.target("desk")]):
            later = [{"id": f"later-{i}", "title": title} for i, title in enumerate(STORIES)]
            await accounted(settings, await publish(settings, later))
    assert len(first) == 1
    assert await alerts(settings) == first
    assert len({delivery.id for delivery in receiver.accepted}) == 1


async def test_a_new_rule_that_is_met_when_the_daemon_starts_is_told(settings: Settings) -> None:
    async with receiving(SECRET) as receiver:
        # A receiver that is new starts at the end of the alerts, so it must be known before.
        async with running(settings, [receiver.target("desk")]):
            await accounted(settings, await publish(settings, items(STORIES)))
        settings.rules.write_text(MANY_NEGATIVE.replace("ManyNegative", "New"))
        async with running(settings, [receiver.target("desk")]):
            await receiver.until(lambda told: "New" in map(rule_of, told.accepted), PATIENCE)
    # Whoever was told of the rule before is told that it fires no more.
    events = [(one.rule, one.state, one.withdrawn) for one in await alerts(settings)]
    assert events == [
        ("ManyNegative", "firing", False),
        ("ManyNegative", "resolved", True),
        ("New", "firing", False),
    ]


def rule_of(delivery: Delivery) -> str:
    return str(delivery.payload["data"]["rule"])


async def test_time_passes_on_a_quiet_night_so_that_silence_is_noticed(settings: Settings) -> None:
    settings.rules.write_text(
        "rules: [{alert: Silent, type: absent, by: all, window: 1s}]\n", encoding="utf-8"
    )
    watch = settings.watch.model_copy(update={"slide_seconds": 1})
    quick = settings.model_copy(update={"watch": watch})
    async with receiving(SECRET) as receiver, running(quick, [receiver.target("desk")]):
        await receiver.until(lambda told: bool(told.accepted), PATIENCE)
    assert receiver.accepted[0].payload["data"]["rule"] == "Silent"


async def test_a_role_that_fails_ends_the_process_with_its_reason(settings: Settings) -> None:
    settings.rules.write_text("rules: [{alert: A}]\n")
    with pytest.raises(RulesError, match="type"):
        async with running(settings):
            await asyncio.sleep(0)
