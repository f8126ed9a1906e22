"""The news of a soak: good, broken, repeated, retold and withdrawn items at a steady rate."""

from __future__ import annotations

import asyncio
import logging
import random
import time

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from benchmarks.corpus import headlines
from monitor.errors import StreamError
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name

log = logging.getLogger(__name__)
_TICK_SECONDS = 0.5
_WAVE_SECONDS = 240.0
_BAD = (
    "collapse feared as depositors queue",
    "fraud inquiry opened into its accounts",
    "defaults on its bonds after failed sale",
    "files for bankruptcy, thousands to lose jobs",
    "shares plunge on heavy losses and a lawsuit",
)


class Load:
    """Publishes until cancelled; `sent` counts acknowledged records, `outages` failed ones.

    Every `_WAVE_SECONDS` a quarter of the time is a wave of bad news.
    """

    def __init__(self, settings: Settings, rate: float, seed: int) -> None:
        self.sent = 0
        self.outages = 0
        self._settings = settings
        self._rate = rate
        self._rng = random.Random(seed)
        self._number = 0
        self._recent: list[dict[str, object]] = []
        self._began = time.monotonic()

    async def run(self) -> None:
        """Publish; a batch that fails is published again once the broker answers."""
        pending: list[bytes] = []
        while True:
            try:
                async with started(producer(self._settings), self._settings) as client:
                    while True:
                        pending = pending or self._batch()
                        await self._send(client, pending)
                        pending = []
                        await asyncio.sleep(_TICK_SECONDS)
            except (KafkaError, StreamError, OSError) as error:
                self.outages += 1
                log.info("publishing again after %r", error)
                await asyncio.sleep(_TICK_SECONDS)

    async def _send(self, client: AIOKafkaProducer, batch: list[bytes]) -> None:
        name = stream_name(self._settings, "news")
        count = self._settings.streams.partitions.news
        sends = [
            await client.send(name, value, partition=self._rng.randrange(count)) for value in batch
        ]
        await asyncio.gather(*sends)
        self.sent += len(batch)

    def _batch(self) -> list[bytes]:
        due = int((time.monotonic() - self._began) * self._rate) - self._number
        # After an outage the rate is kept from then on; what was missed is not crammed in.
        if due > 4 * self._rate:
            self._began = time.monotonic() - self._number / self._rate
            due = 1
        return [self._record() for _ in range(max(0, due))]

    def _record(self) -> bytes:
        self._number += 1
        chance = self._rng.random()
        if chance < 0.01:
            return b'{"title": '
        if chance < 0.03 and self._recent:
            return msgspec.json.encode(self._rng.choice(self._recent))
        item: dict[str, object] = {"id": f"n{self._number}", "title": self._title(), "source": "W"}
        if chance < 0.2 and self._recent:
            item["title"] = str(self._rng.choice(self._recent)["title"]) + "; more follows"
        elif chance < 0.21 and self._recent:
            item["retracts"] = self._rng.choice(self._recent)["id"]
        self._recent = [*self._recent[-200:], item]
        return msgspec.json.encode(item)

    def _title(self) -> str:
        (title,) = headlines(1, self._rng)
        in_wave = (time.monotonic() - self._began) % _WAVE_SECONDS > 0.75 * _WAVE_SECONDS
        if in_wave and self._rng.random() < 0.7:
            return " ".join([*title.split()[:2], self._rng.choice(_BAD)])
        return title
