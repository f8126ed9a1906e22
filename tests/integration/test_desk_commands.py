"""`newsurge silence`, `ack`, `feedback` and `tail desk` on a real broker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor.records import encode
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment
from tests.desk.desk import fires

NEWSURGE = Path(sys.executable).with_name("newsurge")
HOSTILE = "why \x1b[2J\x7f\u202e"


@pytest.fixture
async def settings(broker: Broker, deployment: Deployment) -> Settings:
    settings = deployment(broker)
    await ensure_streams(settings)
    return settings


async def newsurge(
    settings: Settings, *words: str, timeout_seconds: float = 50
) -> subprocess.CompletedProcess[str]:
    kafka = settings.kafka
    command = [
        str(NEWSURGE), *words,
        "--bootstrap-servers", kafka.bootstrap_servers,
        "--prefix", settings.streams.prefix,
        "--set", f"kafka.idempotence={str(kafka.idempotence).lower()}",
        "--set", f"kafka.fetch_max_wait_ms={kafka.fetch_max_wait_ms}",
    ]  # fmt: skip

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )

    done = await asyncio.to_thread(run)
    assert "Traceback" not in done.stderr
    assert all(line.isprintable() for line in done.stdout.split("\n")), done.stdout
    return done


async def said(settings: Settings, *words: str) -> list[str]:
    done = await newsurge(settings, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


async def as_json(settings: Settings, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in await said(settings, *words, "--json")]


async def test_a_silence_is_added_listed_and_ended(settings: Settings) -> None:
    rule = ("--rule", "Bank*", "--severity", "critical")
    (identity,) = await said(
        settings, "silence", "add", *rule, "--for", "2h", "--why", HOSTILE, "--who", "ada"
    )
    (listed,) = await as_json(settings, "silence", "list")
    assert (listed["id"], listed["who"], listed["why"]) == (identity, "ada", HOSTILE)
    assert listed["matchers"] == {"rule": "Bank*", "severity": "critical"}
    assert listed["ends_at"] - listed["starts_at"] == 2 * 3_600_000
    heading, line = await said(settings, "silence", "list")
    assert heading.split()[:2] == ["SILENCE", "STATE"]
    assert line.split()[:2] == [identity, "active"]
    assert "rule=Bank* severity=critical" in line

    assert await said(settings, "silence", "expire", identity) == [f"silence {identity} is over"]
    assert await as_json(settings, "silence", "list") == []
    (ended,) = await as_json(settings, "silence", "list", "--all")
    assert ended["expired"]["who"]
    again = await newsurge(settings, "silence", "expire", identity)
    assert (again.returncode, "is over already" in again.stderr) == (1, True)


async def test_an_alert_is_acknowledged_and_judged(settings: Settings) -> None:
    async with started(producer(settings), settings) as client:
        for number in (1, 2):
            alert = fires(number, key="Northgate \x1b[31m", factor=4.5)
            await client.send_and_wait(stream_name(settings, "alerts"), encode(alert))
    await said(settings, "ack", "alert-2", "--for", "4h", "--why", "on it", "--who", "ada")
    (ack,) = await as_json(settings, "ack", "--list")
    assert (ack["alert_id"], ack["who"], ack["place"]["offset"]) == ("alert-2", "ada", 1)
    assert ack["until"] - ack["at"] == 4 * 3_600_000
    await said(settings, "feedback", "alert-1", "useful", "--who", "ada")
    (feedback,) = await as_json(settings, "feedback")
    assert (feedback["verdict"], feedback["alert"]["factor"]) == ("useful", 4.5)
    assert len(await said(settings, "feedback", "--list")) == 2

    unknown = await newsurge(settings, "feedback", "alert-", "noise")
    assert unknown.returncode == 1
    assert f"there is no alert alert- in {stream_name(settings, 'alerts')}" in unknown.stderr


async def test_the_desk_can_be_followed(settings: Settings) -> None:
    await said(settings, "silence", "add", "--by", "topic", "--for", "1h", "--why", HOSTILE)
    with pytest.raises(subprocess.TimeoutExpired) as following:
        await newsurge(settings, "tail", "desk", "--from-start", timeout_seconds=6)
    shown = (following.value.stdout or b"").decode()
    assert "silence s-" in shown
    assert "of by=topic until" in shown
    assert shown.rstrip("\n").isprintable()
