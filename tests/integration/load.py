"""A steady load of news in which bad news comes and goes, with all that makes counting hard."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import msgspec

from monitor.records import Origin
from monitor.settings import Settings
from monitor.streams.clients import producer, started
from monitor.streams.spec import stream_name
from tests.model.tiny_bundle import SENTIMENT_WORDS, TOPIC_WORDS

_TICK_SECONDS = 0.1
_CYCLE_SECONDS = 8
_BURST_SECONDS = 3
_INVALID: tuple[bytes, ...] = (b"{", b"", b'{"title": ""}', b'{"title": 1}', b"[]", b'{"id": "n"}')
_TOPICS = tuple(words.split()[0] for words in TOPIC_WORDS.values())
_NEGATIVE = tuple(SENTIMENT_WORDS["negative"].split()[:12])


class Load:
    """Publishes `rate` items a second until told to stop, the way it comes from its seed.

    In every eight seconds there are three in which most news is bad, on one topic after the
    other. Among the items are invalid records, items whose id came before, stories told in other
    words, retractions, and items that come late.

    Attributes:
        origins: where each item came to stand.
    """

    def __init__(self, settings: Settings, rate: int, seed: int) -> None:
        self.origins: list[Origin] = []
        self._settings = settings
        self._at_once = round(rate * _TICK_SECONDS)
        self._random = random.Random(seed)
        self._recent: list[dict[str, Any]] = []
        self._count = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set; then all is acknowledged."""
        news = stream_name(self._settings, "news")
        began = time.monotonic()
        sent = []
        async with started(producer(self._settings), self._settings) as client:
            while not stop.is_set():
                for _ in range(self._at_once):
                    value = self._next(time.monotonic() - began)
                    partition = self._random.randrange(self._settings.streams.partitions.news)
                    sent.append(await client.send(news, value, partition=partition))
                await asyncio.sleep(_TICK_SECONDS)
            stands = [await one for one in sent]
        self.origins = [Origin(one.partition, one.offset) for one in stands]

    def _next(self, elapsed: float) -> bytes:
        self._count += 1
        kind = self._random.random()
        if kind < 0.03:
            return self._random.choice(_INVALID)
        item = self._item(elapsed)
        if self._recent and kind < 0.25:
            before = self._random.choice(self._recent)
            if kind < 0.06:
                item["retracts"] = before["id"]
            elif kind < 0.10:
                item["id"] = before["id"]
            else:
                item["title"] = f"{before['title']} again"
        self._recent = [*self._recent[-100:], item]
        return msgspec.json.encode(item)

    def _item(self, elapsed: float) -> dict[str, Any]:
        rng = self._random
        cycle, moment = divmod(elapsed, _CYCLE_SECONDS)
        topic, bad = rng.choice(_TOPICS), 0.02
        if moment < _BURST_SECONDS:
            topic, bad = _TOPICS[int(cycle) % len(_TOPICS)], 0.7
        told = rng.choice(_NEGATIVE) if rng.random() < bad else "meets"
        details = " ".join(f"{rng.getrandbits(40):x}" for _ in range(6))
        late = rng.random() * 4 if rng.random() < 0.1 else 0
        return {
            "id": f"n{self._count}",
            "title": f"{topic} {told} {details}",
            "published_at": round((time.time() - late) * 1000),
            "source": "Wire",
            "language": "en",
        }
