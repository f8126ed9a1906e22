"""Builders for logs: scored records, marks and retractions in a few words.

Times are minutes after `DAY`, given as floats; `minute` turns them into milliseconds. No model
is needed: a story's signature is derived from its name, so that equal names are the same story
and different names are not.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from monitor.records import (
    AlertEvent,
    Mark,
    NewsItem,
    Origin,
    Retraction,
    Scored,
    ScoredRecord,
    Sentiment,
    Series,
)
from monitor.surge.maintenance import Maintenance
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import Rule
from monitor.surge.track import Statistics

DAY = 1_709_510_400_000  # 2024-03-04 00:00 UTC
MINUTE = 60_000
BANKING = Series("topic", "banking")

NEGATIVE = Sentiment(0.9, 0.06, 0.04)
NEUTRAL = Sentiment(0.1, 0.8, 0.1)
POSITIVE = Sentiment(0.05, 0.05, 0.9)

_rule = TypeAdapter[Rule](Rule)


def minute(minutes: float) -> int:
    """A moment so many minutes after `DAY`, in milliseconds."""
    return DAY + round(minutes * MINUTE)


def minutes(time: int) -> float:
    """The inverse of `minute`."""
    return (time - DAY) / MINUTE


def signature_bytes(story: str, wording: int = 0) -> bytes:
    """The signature of a story; another `wording` of it differs in 12 of the 64 bytes."""
    raw = bytearray(hashlib.sha512(story.encode()).digest())
    if wording:
        raw[:12] = hashlib.sha512(f"{story} {wording}".encode()).digest()[:12]
    return bytes(raw)


def record(
    at: float,
    story: str = "a story",
    sentiment: Sentiment = NEGATIVE,
    *,
    origin: tuple[int, int],
    item_id: str | None = None,
    series: Series = BANKING,
    arrives: float | None = None,
    wording: int = 0,
    source: str | None = None,
    language: str | None = None,
) -> ScoredRecord:
    """A scored record of an item published at minute `at`; its id is its origin unless given."""
    return ScoredRecord(
        by=series.by,
        key=series.key,
        item=NewsItem(
            id=item_id or f"{origin[0]}/{origin[1]}",
            title=story,
            source=source,
            language=language,
        ),
        event_time=minute(at),
        ingest_time=minute(at if arrives is None else arrives),
        topic=series.key if series.by == "topic" else "banking",
        topic_probability=0.9,
        sentiment=sentiment,
        score=sentiment.score,
        signature=signature_bytes(story, wording),
        model="test-1",
        origin=Origin(*origin),
    )


def mark(at: float, news_partition: int = 0, caught_up: bool = True) -> Mark:
    """A mark of a news partition whose time has come to minute `at`."""
    return Mark(news_partition, next_offset=0, time=minute(at), caught_up=caught_up)


def retraction(item_id: str, *, origin: tuple[int, int], at: float = 0) -> Retraction:
    """The withdrawal of an item by one that arrives at minute `at`."""
    return Retraction(item_id, Origin(*origin), minute(at))


def rule(text: str = "", **fields: Any) -> Rule:
    """A rule on topics; `text` is the condition of a threshold, such as `negative_count >= 3`."""
    fields = {"alert": "Rule", "type": "threshold", "by": "topic"} | fields
    if fields["type"] != "dead_man":
        fields.setdefault("window", "5m")
    if fields["type"] == "threshold":
        fields["when"] = text or "negative_count >= 3"
    if "for_" in fields:
        fields["for"] = fields.pop("for_")
    return _rule.validate_python(fields)


def plan(
    *rules: Rule,
    news_partitions: int = 1,
    series: Iterable[Series] = (BANKING,),
    lateness: float = 2,
    horizon: float = 60,
    idle: float = 5,
    maintenance: tuple[Maintenance, ...] = (),
    **statistics: Any,
) -> WatchPlan:
    """A plan with panes of one minute; `lateness`, `horizon` and `idle` are in minutes."""
    return WatchPlan(
        statistics=Statistics(
            slide=MINUTE,
            allowed_lateness=round(lateness * MINUTE),
            duplicate_horizon=round(horizon * MINUTE),
            negative_threshold=0.5,
            **statistics,
        ),
        rules=rules,
        news_partitions=news_partitions,
        idle_timeout=round(idle * MINUTE),
        series=tuple(series),
        maintenance=maintenance,
    )


def feed(watch: PartitionWatch, log: Iterable[Scored], first_offset: int = 0) -> list[AlertEvent]:
    """Apply a log, record by record; returns every alert event."""
    return [
        event
        for offset, entry in enumerate(log, first_offset)
        for event in watch.apply(offset, entry)
    ]


def told(events: Iterable[AlertEvent]) -> list[tuple[str, float]]:
    """What happened and when: the state of each event and the minute of its transition."""
    return [
        (event.state, minutes(event.fired_at if event.resolved_at is None else event.resolved_at))
        for event in events
    ]


class Desk:
    """One watched partition, fed by hand: origins and offsets are counted for the test."""

    def __init__(self, *rules: Rule, **fields: Any) -> None:
        self.watch = PartitionWatch(0, plan(*rules, **fields))
        self.events: list[AlertEvent] = []
        self._offset = 0
        self._origin = 0

    def apply(self, entry: Scored) -> list[AlertEvent]:
        """Apply one entry of the log; returns the events that it causes."""
        events = self.watch.apply(self._offset, entry)
        self._offset += 1
        self.events += events
        return events

    def news(self, at: float, story: str, sentiment: Sentiment = NEGATIVE, **fields: Any) -> Any:
        """Apply an item; see `record`. Returns the events that it causes."""
        fields.setdefault("origin", (0, self._next_origin()))
        return self.apply(record(at, story, sentiment, **fields))

    def mark(self, at: float, news_partition: int = 0) -> list[AlertEvent]:
        """Let the clock of a news partition come to minute `at`."""
        return self.apply(mark(at, news_partition))

    def retract(self, item_id: str) -> list[AlertEvent]:
        """Withdraw an item, at the time of the clock."""
        at = ((self.watch.clock.time or minute(0)) - minute(0)) / MINUTE
        return self.apply(retraction(item_id, origin=(0, self._next_origin()), at=at))

    def track(self, series: Series = BANKING) -> Any:
        """The track of the first rule on a series."""
        self.watch.catch_up()
        return self.watch._followings[series][0].track

    def _next_origin(self) -> int:
        self._origin += 1
        return self._origin
