"""A running daemon whose files change: new rules fire, broken ones change nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor import metrics
from monitor.audit.auditing import audit
from monitor.receiver import LocalReceiver, receiving
from monitor.records import Origin
from monitor.settings import Settings
from monitor.watch_plan import deployed_plan
from tests.conftest import Broker, Deployment
from tests.integration.daemons import PATIENCE, accounted, alerts, publish, running, scored

SECRET = "whsec_bmV3c3VyZ2UtdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OTA="
OTHER_SECRET = "whsec_b3RoZXItc2VjcmV0LWZvci10aGUtdGVzdC0wMTIzNDU2"
_RAW = "type: threshold, by: all, window: 1h, counting: raw"
OLD = f"{{alert: Old, {_RAW}, when: negative_count >= 2}}"
NEW = f"{{alert: New, {_RAW}, when: negative_count >= 3}}"
NAMED = "{alert: Named, type: threshold, by: entity, window: 1h, when: negative_count >= 1}"

pytestmark = [pytest.mark.timeout(180)]


class Desk:
    """The files of a deployment, its news, and what it tells."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.origins: list[Origin] = []
        self._numbers = itertools.count()

    def rules(self, *rules: str, **receivers: LocalReceiver) -> None:
        named = [
            f"{{name: {name}, webhook: {{url: {each.url!r}, secret_file: {name}.txt}}}}"
            for name, each in receivers.items()
        ]
        self.settings.rules.write_text(
            f"receivers: [{', '.join(named)}]\nrules: [{', '.join(rules)}]\n"
        )

    def secret(self, name: str, secret: str) -> None:
        self.settings.rules.with_name(f"{name}.txt").write_text(secret)

    async def bad_news(self, count: int) -> None:
        news: list[dict[str, Any] | bytes] = [
            {"title": f"Bank collapse feared, part {next(self._numbers)}", "entities": ["Oake"]}
            for _ in range(count)
        ]
        self.origins += await publish(self.settings, news)
        await accounted(self.settings, self.origins)

    async def told(self, *wanted: tuple[str, str]) -> None:
        """Wait until these have been told, each a rule and a state, as often as they are named."""
        async with asyncio.timeout(PATIENCE):
            while True:
                events = await alerts(self.settings)
                found = Counter[tuple[str, str]]((one.rule, one.state) for one in events)
                if not Counter(wanted) - found:
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def reloads(outcome: str) -> AsyncIterator[None]:
    """Wait at the end of the block until the files have been read again, and what came of it."""
    before = read(outcome)
    yield
    await until(lambda: read(outcome) > before)


def read(outcome: str) -> float:
    return float(metrics.rules_reloads_total.labels(outcome)._value.get())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


@pytest.fixture
def desk(broker: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Desk:
    (tmp_path / "names.csv").write_text("key,name\nHLDN,Halden\n")
    settings = deployment(
        broker,
        rules=tmp_path / "alerts.yaml",
        model={"bundle": bundle},
        score={"watchlist": tmp_path / "names.csv"},
        log_level="warning",
    )
    return Desk(settings)


async def test_rules_that_change_are_adopted_and_broken_ones_change_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.rules(OLD)
    async with running(desk.settings) as address:
        await desk.bad_news(3)
        await desk.told(("Old", "firing"))

        async with reloads("adopted"):
            desk.rules(NEW)
        # The news before counts, and who was told that Old fires is told that it does no more.
        await desk.told(("Old", "resolved"))
        await desk.bad_news(1)
        await desk.told(("New", "firing"))

        async with reloads("refused"):
            desk.settings.rules.write_text("rules:\n  - {alert: New, type: treshold}\n")
        assert f"{desk.settings.rules}:2:" in caplog.text
        async with aiohttp.ClientSession() as client, client.get(f"{address.url}/metrics") as got:
            assert "newsurge_rules_reload_success 0.0" in await got.text()
        async with reloads("adopted"):
            desk.rules(NEW, OLD)
        assert metrics.rules_reload_success._value.get() == 1
        while len(await alerts(desk.settings)) < 4:  # the first may come before the rules do
            await desk.bad_news(1)

    events = [(one.rule, one.state, one.withdrawn) for one in await alerts(desk.settings)]
    assert events == [
        ("Old", "firing", False),
        ("Old", "resolved", True),
        ("New", "firing", False),
        ("Old", "firing", False),
    ]
    assert len({one.origin for one in await scored(desk.settings)}) == len(desk.origins)


async def test_a_name_that_comes_onto_the_watchlist_is_followed_and_one_that_leaves_is_not(
    desk: Desk,
) -> None:
    desk.rules(NAMED)
    names = desk.settings.score.watchlist
    assert names is not None
    async with running(desk.settings):
        await desk.bad_news(1)
        async with reloads("adopted"):
            names.write_text("key,name\nHLDN,Halden\nOKE,Oake\n")
        await desk.bad_news(1)  # SCORE goes on by the new list at once
        await desk.told(("Named", "firing"))
        async with reloads("adopted"):
            names.write_text("key,name\nHLDN,Halden\n")
        await desk.told(("Named", "resolved"))
    [fired, resolved] = await alerts(desk.settings)
    assert fired.series == resolved.series
    assert (fired.series.key, resolved.withdrawn) == ("OKE", True)


async def test_receivers_come_change_and_go(desk: Desk) -> None:
    async with receiving(SECRET) as one, receiving(OTHER_SECRET) as two:
        desk.secret("desk", SECRET)
        desk.rules(OLD)
        async with running(desk.settings):
            await desk.bad_news(2)
            await desk.told(("Old", "firing"))
            async with reloads("adopted"):
                desk.rules(OLD, desk=one)
            await joined("desk")
            async with reloads("adopted"):
                desk.rules(NEW, desk=one)
            await desk.told(("Old", "resolved"))
            await desk.bad_news(1)
            await one.until(lambda it: len(it.accepted) == 2, PATIENCE)
            assert rules_of(one) == ["Old", "New"]  # not what was told before it came

            async with reloads("adopted"):
                desk.secret("desk", OTHER_SECRET)
                desk.rules(OLD, desk=two)
            await desk.told(("New", "resolved"))
            await desk.bad_news(1)
            await two.until(lambda it: len(it.accepted) == 2, PATIENCE)
            assert rules_of(two) == ["New", "Old"]

            async with reloads("adopted"):
                desk.rules(NEW)
            await desk.told(*[("Old", "resolved")] * 2)
            await desk.bad_news(1)
            await desk.told(*[("New", "firing")] * 2)
        assert len(one.accepted) == len(two.accepted) == 2
        assert one.bad_signatures == two.bad_signatures == 0


def rules_of(receiver: LocalReceiver) -> list[str]:
    return [each.payload["data"]["rule"] for each in receiver.accepted]


async def joined(receiver: str) -> None:
    """Wait until the receiver reads its partitions."""

    def reads() -> bool:
        (shown,) = metrics.notification_lag_records.collect()
        return any(sample.labels["receiver"] == receiver for sample in shown.samples)

    await until(reads)


async def test_an_audit_does_not_accuse_of_what_other_rules_told(desk: Desk) -> None:
    settings = desk.settings
    desk.rules(OLD)
    async with running(settings):
        await desk.bad_news(4)
        await desk.told(("Old", "firing"))
        async with reloads("adopted"):
            desk.rules(NEW)
        await desk.told(("Old", "resolved"))
        await desk.bad_news(1)
        await desk.told(("New", "firing"))
        await asyncio.sleep(1)  # the snapshot that tells since when New is in force
    found = await audit(settings, deployed_plan(settings))
    assert found.faults == []
    assert found.alerts.unchecked == 3
