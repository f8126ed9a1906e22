"""`newsurge dead-letter list|show|retry` on real brokers, and that no terminal obeys a letter."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from monitor.records import Origin
from monitor.settings import Settings
from monitor.streams.admin import ensure_streams
from monitor.streams.clients import producer, started
from monitor.streams.dead_letters import encode_dead_letter
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, publish, running, scored

NEWSURGE = Path(sys.executable).with_name("newsurge")
HOSTILE = b'{"title": "\x1b[2J\xe2\x80\xae \xff\r\nletter: 9/9\x9b"}'
FINE = b'{"title": "Calder Foods profit", "id": "c1"}'
MAX_BYTES = 100
LONG = b"x" * (MAX_BYTES + 1)


@pytest.fixture
async def settings(broker: Broker, deployment: Deployment) -> Settings:
    settings = deployment(broker)
    await ensure_streams(settings)
    return settings


async def set_aside(settings: Settings, letters: Sequence[tuple[str, bytes]], **place: Any) -> None:
    """Write letters as SCORE does; their origins are 1/0, 1/1 and so on."""
    where = {"stream": stream_name(settings, "news"), "partition": 1, "time": 1_750_000_000_000}
    async with started(producer(settings), settings) as client:
        for offset, (reason, value) in enumerate(letters):
            kept, headers = encode_dead_letter(
                **{**where, **place},
                offset=offset,
                reason=reason,
                detail=f"why \x1b[31m{offset}",
                value=value,
                max_bytes=MAX_BYTES,
            )
            stream = stream_name(settings, "dead-letter")
            await client.send_and_wait(stream, kept, headers=headers)


async def newsurge(
    settings: Settings, command: str, *arguments: str, answer: str = ""
) -> subprocess.CompletedProcess[bytes]:
    kafka = settings.kafka
    words = [
        str(NEWSURGE), "dead-letter", command, *arguments,
        "--bootstrap-servers", kafka.bootstrap_servers,
        "--prefix", settings.streams.prefix,
        "--set", f"kafka.idempotence={str(kafka.idempotence).lower()}",
    ]  # fmt: skip

    def run() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            words, input=answer.encode(), capture_output=True, timeout=50, check=False
        )

    return await asyncio.to_thread(run)


def lines(output: bytes) -> list[str]:
    """The lines of an output in which nothing could steer a terminal."""
    text = output.decode("utf-8")
    found = text.split("\n")
    assert all(line.isprintable() for line in found), text
    return [line for line in found if line]


def error(result: subprocess.CompletedProcess[bytes]) -> str:
    """The only line of a command that failed."""
    assert result.returncode == 1, result
    assert result.stdout == b""
    [line] = lines(result.stderr)
    return line


async def news(settings: Settings) -> list[tuple[bytes, int, bytes]]:
    """Value, partition and header of each news record."""
    return [
        (record.value, record.partition, dict(record.headers)["dead-letter"])
        async for record in read_all(settings, "news")
    ]


async def test_the_list_tells_where_when_why_and_how_it_begins(settings: Settings) -> None:
    await set_aside(settings, [("inference", FINE), ("malformed_json", HOSTILE)])
    heading, first, second = lines((await newsurge(settings, "list")).stdout)
    assert heading.split() == ["LETTER", "SET", "ASIDE", "REASON", "ORIGIN", "VALUE"]
    news_stream = stream_name(settings, "news")
    assert first.split()[0] == "0/0"
    assert f"inference       {news_stream} 1/0  {FINE.decode()}" in first
    assert f"malformed_json  {news_stream} 1/1  " in second
    assert r"\x1b[2J\u202e" in second


async def test_the_list_can_be_narrowed_and_read_by_machines(settings: Settings) -> None:
    await set_aside(settings, [("inference", FINE), ("oversized", LONG), ("inference", HOSTILE)])
    arguments = ("--format", "json", "--since", "2h")
    told = lines((await newsurge(settings, "list", *arguments, "--reason", "inference")).stdout)
    assert [json.loads(line)["offset"] for line in told] == [0, 2]
    entry = json.loads(told[0])
    assert entry["origin"] == {
        "stream": stream_name(settings, "news"), "partition": 1, "offset": 0,
    }  # fmt: skip
    assert entry["ingest_time"] == 1_750_000_000_000
    assert abs(entry["set_aside_at"] - time.time() * 1000) < 600_000
    assert json.loads(told[1])["beginning"] == HOSTILE.decode("utf-8", "backslashreplace")

    newest = await newsurge(settings, "list", "--format", "json", "--limit", "2")
    found = [json.loads(line) for line in lines(newest.stdout)]
    assert [(one["offset"], one["truncated"]) for one in found] == [(1, True), (2, False)]
    assert "1 older" in lines(newest.stderr)[0]


async def test_a_letter_is_shown_in_full_and_its_bytes_written_on_demand(
    settings: Settings, tmp_path: Path
) -> None:
    await set_aside(settings, [("inference", FINE), ("malformed_json", HOSTILE)])
    raw = tmp_path / "raw"
    shown = await newsurge(settings, "show", "0/1", "--raw", str(raw))
    told = lines(shown.stdout)
    assert raw.read_bytes() == HOSTILE
    assert "letter: 0/1" in told
    assert "letter: 9/9" not in told  # what the value says stands indented
    assert r"detail: why \x1b[31m1" in told
    assert (
        "exists already"
        in (await newsurge(settings, "show", "0/1", "--raw", str(raw))).stderr.decode()
    )
    assert "0/17" in error(await newsurge(settings, "show", "0/17"))


async def test_a_retry_publishes_the_original_bytes_where_they_came_from(
    settings: Settings,
) -> None:
    await set_aside(settings, [("inference", FINE), ("oversized", LONG), ("inference", HOSTILE)])
    asked = await newsurge(settings, "retry", "--reason", "inference", answer="n\n")
    assert "publish 2 records" in asked.stderr.decode()
    assert asked.returncode == 1
    assert "--yes" in (await newsurge(settings, "retry", "0/0")).stderr.decode()
    assert await news(settings) == []

    agreed = await newsurge(settings, "retry", "--reason", "inference", answer="y\n")
    assert lines(agreed.stdout) == ["published 2 records again"]
    expected = [(FINE, 1, b"0/0"), (HOSTILE, 1, b"0/2")]
    assert await news(settings) == expected
    one = await newsurge(settings, "retry", "0/2", "0/1", "--yes")
    assert "refused 0/1: only the first 100 of its 101 bytes" in lines(one.stderr)[0]
    assert await news(settings) == [*expected, expected[1]]


async def test_what_cannot_be_retried_is_one_clear_line(settings: Settings) -> None:
    await set_aside(settings, [("inference", FINE)], stream="other.news")
    refused = await newsurge(settings, "retry", "0/0", "--yes")
    assert "not from" in lines(refused.stderr)[0]
    assert "0/7" in error(await newsurge(settings, "retry", "0/0", "0/7", "--yes"))
    assert "no dead letter" in error(await newsurge(settings, "retry", "--reason", "none"))
    wrong: list[list[str]] = [
        [],
        ["0/0", "--reason", "x"],
        ["0"],
        ["-1/0"],
        ["0/0", "--since", "1h"],
    ]
    for arguments in [*wrong, ["--reason", "x", "--since", "soon"]]:
        result = await newsurge(settings, "retry", *arguments)
        assert result.returncode == 2, arguments
        assert b"Traceback" not in result.stderr
    assert await news(settings) == []


async def test_a_deployment_without_the_stream_is_one_clear_line(
    broker: Broker, deployment: Deployment
) -> None:
    assert "does not exist" in error(await newsurge(deployment(broker), "list"))


async def test_a_retried_record_is_scored(settings: Settings, tmp_path: Path, bundle: Path) -> None:
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules: [{alert: Silent, type: absent, by: all, window: 1d}]\n")
    await set_aside(settings, [("inference", FINE)])
    update = {"rules": rules, "model": settings.model.model_copy(update={"bundle": bundle})}
    await publish(settings, [{"title": "Dunmore Trust holds"}] * 2)  # the letter's own offset, 1/0
    async with running(settings.model_copy(update=update)):
        assert (await newsurge(settings, "retry", "0/0", "--yes")).returncode == 0
        again = Origin(1, 1)
        found = await accounted(settings, [again])
    assert found[again] == "scored"
    titles = {one.item.title for one in await scored(settings) if one.origin == again}
    assert titles == {"Calder Foods profit"}
