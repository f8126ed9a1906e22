"""Floods of bad input: the daemon stays up, accounts for every record, and keeps its clock."""

import json
import random
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.records import Mark, decode_scored
from monitor.scoring.take_up import take_up
from monitor.settings import Settings
from monitor.streams.reading import read_all
from tests.conftest import Broker, Deployment
from tests.integration.daemons import accounted, publish, running, set_aside

pytestmark = pytest.mark.faults
HOUR = 3_600_000
FAR = 4_102_444_800_000  # the year 2100


@pytest.fixture
def settings(broker: Broker, deployment: Deployment, tmp_path: Path, bundle: Path) -> Settings:
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules: [{alert: Silent, type: absent, by: all, window: 1d}]\n")
    return deployment(broker, rules=rules, model={"bundle": bundle}, log_level="error")


def hostile(rng: random.Random) -> bytes:
    """One hostile record: broken, absurd, or meant to hurt whoever shows it."""
    kinds: list[Any] = [
        lambda: rng.randbytes(rng.randrange(400)),
        lambda: b'{"title": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        lambda: json.dumps({"title": "t", "extra": "x" * rng.randrange(2000)}).encode()[:-1],
        lambda: json.dumps({"title": "\x00\u200b\ufeff"}).encode(),
        lambda: json.dumps({"title": "Nul\x00 and \x1b[2J\u202e", "source": "\x00"}).encode(),
        lambda: json.dumps({"title": rng.choice([1, None, [], {}, True])}).encode(),
        lambda: json.dumps({"title": "When?", "published_at": rng.choice(ABSURD)}).encode(),
        lambda: json.dumps({"title": "<script>alert(1)</script>", "url": "javascript:1"}).encode(),
        lambda: b'{"title": "caf\xe9"}',
        lambda: json.dumps([{"title": "a list"}]).encode(),
        lambda: b"",
        lambda: json.dumps({"title": "x", "id": "i" * 5000, "entities": ["e"] * 3000}).encode(),
    ]
    made: bytes = rng.choice(kinds)()
    return made


ABSURD = [FAR, -FAR, 0, 10**18, -(10**18), "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon"]


async def test_ten_thousand_hostile_records_among_as_many_good_ones(settings: Settings) -> None:
    rng = random.Random(11)
    good = [{"id": f"g{i}", "title": f"Calder Foods opens site number {i}"} for i in range(10_000)]
    records: list[dict[str, Any] | bytes] = [*good, *(hostile(rng) for _ in range(9_980))]
    records += [json.dumps({"title": "long " * 180_000}).encode()] * 20
    rng.shuffle(records)
    now = time.time_ns() // 1_000_000
    stamps = [rng.choice([now, now, FAR, 0, now - HOUR]) for _ in records]
    async with running(settings) as address:
        origins = await publish(settings, records, stamps)
        found = await accounted(settings, origins)
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{address.url}/readyz") as response,
        ):
            assert response.status == 200
    expected = {
        origin: _expected(record, settings.streams.max_record_bytes)
        for origin, record in zip(origins, records, strict=True)
    }
    assert {origin: found[origin] for origin in origins} == expected
    assert len(set(expected.values())) >= 8
    times = [m.time async for m in _marks(settings)]
    assert times
    assert max(times) <= time.time_ns() // 1_000_000


def _expected(record: dict[str, Any] | bytes, max_bytes: int) -> str:
    """What the decoder, which has tests of its own, says of the record alone."""

    class Raw:
        partition, offset, timestamp = 0, 0, 0
        value: bytes | None = record if isinstance(record, bytes) else json.dumps(record).encode()

    [one] = take_up([Raw()], 0, max_bytes)
    return "scored" if one.error is None else one.error.reason


async def _marks(settings: Settings) -> Any:
    async for record in read_all(settings, "scored"):
        one = decode_scored(record.value)
        if isinstance(one, Mark):
            yield one


async def test_a_broken_deployment_pauses_and_goes_on_when_told(settings: Settings) -> None:
    # A replay's `news` keeps the producer's stamps, so that five minutes need not be waited for.
    score = settings.score.model_copy(update={"replay_speed": 1.0})
    settings = settings.model_copy(update={"score": score})
    now = time.time_ns() // 1_000_000
    count = 4_000
    spread = [now - HOUR + i * 1000 for i in range(count)]
    async with running(settings) as address, aiohttp.ClientSession() as client:
        origins = await publish(settings, [b"not json"] * count, spread)
        report = await _until_unready(client, address.url)
        assert "99%" in report["parts"]["score"]
        aside = len(await set_aside(settings))
        assert 1_000 <= aside < count
        refused = await client.post(f"{address.url}/dead-letter/resume")
        assert refused.status == 403
        while len(await set_aside(settings)) < count:
            await client.post(
                f"{address.url}/dead-letter/resume", headers={"X-Newsurge-Action": "resume"}
            )
        found = await accounted(settings, origins)
        assert set(found.values()) == {"malformed_json"}


async def _until_unready(client: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    for _ in range(3000):
        async with client.get(f"{url}/readyz") as response:
            if response.status == 503:
                report: dict[str, Any] = await response.json()
                return report
    raise AssertionError("it did not pause")
