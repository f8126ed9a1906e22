"""A scored stream for measuring WATCH: invented, seeded, of the shape that SCORE writes.

Only builds bytes; it measures nothing. Words are made of syllables and drawn by Zipf's law, so
that two headlines share common words, as real ones do, without telling the same story.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.model.bundle import STARTER, load_bundle
from monitor.model.signature import sign
from monitor.records import (
    Mark,
    NewsItem,
    Origin,
    Scored,
    ScoredRecord,
    Sentiment,
    Series,
    encode,
)

START = 1_709_542_800_000  # 2024-03-04 09:00 UTC
NEWS_PARTITIONS = 4
ENTITIES = tuple(f"E{number:04}" for number in range(300))
_MARK_MS = 500
_REPEATED = 0.3
_NAMES_ENTITY = 0.3
_NEGATIVE = 0.25
_REMEMBERED = 2000
# So many stories lie between two surges, and so many belong to one: two in five on one topic.
_CALM, _SURGE = 8000, 1000
_SOURCES = ("Northwire", "Calder News", "Meridian Press", "Harbour Desk", "The Quay")
_SYLLABLES = [a + b for a in "bcdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "or", "an")]


@dataclass(frozen=True, slots=True)
class Told:
    """A story that may be told again."""

    title: str
    topic: str
    negative: float
    entities: tuple[str, ...]


def topics() -> tuple[str, ...]:
    """The topics of the starter bundle: 20."""
    return load_bundle(STARTER).meta.topics


def scored_log(
    records: int, per_second: float, seed: int = 7, entities: Sequence[str] = ENTITIES
) -> list[bytes]:
    """At least so many scored records, encoded, among the marks of their time.

    Args:
        records: how many scored records.
        per_second: news items in a second of the log's time.
        seed: of all that is drawn.
        entities: the names that items may be about.
    """
    count, encoded = 0, []
    for one in _log(random.Random(seed), per_second, entities):
        encoded.append(encode(one))
        count += isinstance(one, ScoredRecord)
        if count >= records and isinstance(one, Mark):
            return encoded
    raise AssertionError("the log has no end")


def _log(rng: random.Random, per_second: float, entities: Sequence[str]) -> Iterator[Scored]:
    told = _stories(rng, entities)
    now, next_mark = float(START), START + _MARK_MS
    offsets = [0] * NEWS_PARTITIONS
    while True:
        now += rng.expovariate(per_second / 1000)
        while next_mark <= now:
            for partition, offset in enumerate(offsets):
                yield Mark(partition, offset, next_mark, caught_up=False)
            next_mark += _MARK_MS
        partition = rng.randrange(NEWS_PARTITIONS)
        yield from _records(next(told), Origin(partition, offsets[partition]), int(now), rng)
        offsets[partition] += 1


def _records(told: Told, origin: Origin, now: int, rng: random.Random) -> Iterator[ScoredRecord]:
    number = f"{origin.partition}-{origin.offset}"
    event_time = now - _delay(rng)
    item = NewsItem(
        id=f"urn:wire:{number}",
        title=told.title,
        published_at=event_time,
        source=rng.choice(_SOURCES),
        url=f"https://news.example/2024/03/{number}",
        language="en",
        entities=told.entities,
    )
    rest = round(1 - told.negative, 6)
    sentiment = Sentiment(told.negative, round(rest * 0.7, 6), round(rest * 0.3, 6))
    signature = sign(told.title)
    names = [Series("entity", name) for name in told.entities]
    for series in (Series("topic", told.topic), *names, Series("all", "all")):
        yield ScoredRecord(
            by=series.by,
            key=series.key,
            item=item,
            event_time=event_time,
            ingest_time=now,
            topic=told.topic,
            topic_probability=0.912345,
            sentiment=sentiment,
            score=sentiment.score,
            signature=signature,
            model="starter-2024-02",
            origin=origin,
        )


def _delay(rng: random.Random) -> int:
    """Milliseconds from publication to arrival: seconds for most, minutes for a few."""
    mean = rng.choices((1_000, 20_000, 120_000), (70, 28, 2))[0]
    return int(rng.expovariate(1 / mean))


def _stories(rng: random.Random, names_told: Sequence[str]) -> Iterator[Told]:
    """Stories, of which some repeat a recent one in the same or nearly the same words."""
    words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4))) for _ in range(8000)]
    weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(words))))
    names = topics()
    shares = list(itertools.accumulate(1 / (rank + 2) for rank in range(len(names))))
    recent: list[Told] = []
    for number in itertools.count():
        surges = number % (_CALM + _SURGE) >= _CALM and rng.random() < 0.4
        if recent and not surges and rng.random() < _REPEATED:
            story = _again(rng.choice(recent), rng)
        else:
            title = " ".join(rng.choices(words, cum_weights=weights, k=rng.randint(7, 14)))
            bad = surges or rng.random() < _NEGATIVE
            negative = rng.uniform(0.55, 0.99) if bad else rng.uniform(0, 0.4)
            named = rng.random() < _NAMES_ENTITY
            entities = (rng.choice(names_told),) if named else ()
            topic = names[number // (_CALM + _SURGE) % len(names)]
            if not surges:
                topic = rng.choices(names, cum_weights=shares)[0]
            story = Told(title, topic, round(negative, 6), entities)
        if len(recent) < _REMEMBERED:
            recent.append(story)
        else:
            recent[rng.randrange(_REMEMBERED)] = story
        yield story


def _again(story: Told, rng: random.Random) -> Told:
    """The story in the same words, or with one more: half of all each."""
    if rng.random() < 0.5:
        return story
    title = f"{story.title} {rng.choice(_SOURCES)}"
    return Told(title, story.topic, story.negative, story.entities)
