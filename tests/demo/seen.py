"""Made-up observations of a small demo: 4 items, of which the last two are a surge."""

import hashlib

from monitor.demo.accounts import Expected, OddLine, Surge
from monitor.demo.observed import Observed, Span
from monitor.publish import Sent
from monitor.receiver import Delivery
from monitor.records import (
    AlertEvent,
    AlertState,
    By,
    Mark,
    NewsItem,
    OffsetRange,
    Origin,
    ScoredRecord,
    Sentiment,
    Series,
    Story,
    WindowStatistics,
)
from monitor.scoring.news import parse_time
from monitor.streams.dead_letters import DeadLetter

BANKS = Series("topic", "Banks")
NOON = parse_time("2024-05-06T12:00:00Z")
MINUTE = 60_000
SPAN = Span(NOON, NOON + 32 * MINUTE)

EXPECTED = Expected(
    items=4,
    first="2024-05-06T12:00:00Z",
    last="2024-05-06T12:32:00Z",
    surge=Surge(
        onset="2024-05-06T12:10:00Z",
        last="2024-05-06T12:12:00Z",
        rescue="2024-05-06T12:20:00Z",
        first_line=3,
        last_line=4,
        items=2,
        stories=2,
        lines=(3, 4),
        series=(BANKS,),
    ),
    dead_letters=(OddLine(line=2, reason="malformed_json"),),
    unjudged=(),
)


def signature(story: str) -> bytes:
    return hashlib.sha512(story.encode()).digest()


def scored(
    line: int,
    minute: float,
    *,
    negative: float = 0.1,
    key: str = "Banks",
    by: By = "topic",
    title: str = "A headline",
    story: str | None = None,
) -> ScoredRecord:
    at = NOON + round(minute * MINUTE)
    return ScoredRecord(
        by=by,
        key=key,
        item=NewsItem(id=f"n{line}", title=title, published_at=at),
        event_time=at,
        ingest_time=at,
        topic=key,
        topic_probability=0.9,
        sentiment=Sentiment(negative, 1 - negative, 0.0),
        score=-negative,
        signature=signature(story or f"story {line}"),
        model="m1",
        origin=origin(line),
    )


def origin(line: int) -> Origin:
    return Origin(line % 2, line)


def alert(
    state: AlertState = "firing",
    series: Series = BANKS,
    minute: float = 12,
    last: int = 3,
    title: str = "Bank falls",
) -> AlertEvent:
    at = NOON + round(minute * MINUTE)
    return AlertEvent(
        id=f"alert-{state}",
        rule="NegativeSurge",
        rule_hash="h",
        series=series,
        state=state,
        severity="critical",
        started_at=NOON + 10 * MINUTE,
        fired_at=at,
        resolved_at=at if state == "resolved" else None,
        window=WindowStatistics(3600, at, 4, 2, 4, 2, 0.5, -0.4),
        stories=(Story("n4", title, NOON + 12 * MINUTE, 0.9, 1, "Northline News"),),
        model="m1",
        offsets=OffsetRange(partition=0, first=0, last=last),
    )


def delivery(event: AlertEvent, monotonic: float = 100.25) -> Delivery:
    return Delivery("ntf_1", monotonic, 0.0, b"", {"data": {"id": event.id}})


def a_good_run() -> Observed:
    """Lines 1, 3 and 4 scored at offsets 0, 2 and 3 of one partition; line 2 dead-lettered."""
    seen = Observed(SPAN, negative_threshold=0.5)
    for line in range(1, 5):
        seen.take_sent(Sent(line, origin(line), 96.0 + line))
    seen.take_scored(0, 0, scored(1, 0), now=97.0)
    seen.take_scored(0, 1, Mark(0, 3, NOON, caught_up=True), now=97.0)
    seen.take_scored(0, 2, scored(3, 10, negative=0.8), now=99.0)
    seen.take_scored(0, 3, scored(4, 12, negative=0.9), now=100.0)
    seen.take_dead_letter(DeadLetter("news", 0, 2, "malformed_json", "cut short", NOON, b"{", 1))
    seen.alerts.append(alert())
    return seen
