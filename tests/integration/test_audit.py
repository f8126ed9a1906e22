"""`newsurge audit` on real brokers: of a deployment that is well, and of one that is not."""

from pathlib import Path

import msgspec
import pytest

from monitor.audit.command import audit_command
from monitor.records import encode
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, alerts, publish, running

RULES = "rules: [{alert: Any, type: threshold, by: all, window: 1h, when: negative_count >= 1}]\n"
ITEMS = [{"id": f"n{i}", "title": f"Harbourline Bank collapse feared, part {i}"} for i in range(5)]


@pytest.fixture
def settings(broker: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text(RULES)
    return deployment(broker, rules=rules, model={"bundle": bundle}, log_level="warning")


async def test_it_tells_that_all_is_well_and_then_what_is_not(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings):
        await accounted(settings, await publish(settings, [*ITEMS, b"{"]))
    assert await audit_command(settings) == 0
    said = capsys.readouterr().out
    assert "news: 5 scored, 1 in dead-letter, 0 still to be scored" in said
    assert "alerts: 1 told, 1 due by the log" in said
    assert said.endswith("All is accounted for.\n")

    (true,) = await alerts(settings)
    false = msgspec.structs.replace(true, id="invented")
    async with started(producer(settings), settings) as client:
        for event in (true, false):
            await client.send_and_wait(stream_name(settings, "alerts"), encode(event))
    assert await audit_command(settings) == 1
    said = capsys.readouterr().out
    assert "FAULT: 1 alerts were told that do not follow from the log, such as invented" in said
    assert f"FAULT: 1 alerts were told more than once, such as {true.id}" in said
    assert said.endswith("Not all is as it must be.\n")


async def test_what_was_not_taken_up_yet_is_pending_and_no_fault(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings):
        await accounted(settings, await publish(settings, ITEMS))
    await publish(settings, ITEMS[:3])
    assert await audit_command(settings) == 0
    assert "5 scored, 0 in dead-letter, 3 still to be scored" in capsys.readouterr().out
