"""What the live page's tests are made of."""

from typing import Any

import msgspec

from monitor.live.records import ProcessView, SeriesView
from monitor.records import By, NewsItem, Origin, ScoredRecord, Sentiment

NOW = 1_800_000_000_000


def series_view(key: str = "banking", by: By = "topic", **fields: Any) -> SeriesView:
    """A calm series."""
    view = SeriesView(
        by=by,
        key=key,
        at=NOW,
        clock=NOW,
        partition=0,
        state="calm",
        story_count=3,
        negative_count=1,
        expected_negative=0.5,
        usual_share=0.25,
        spark_seconds=60,
        stories=(1, 2),
        negative=(0, 1),
    )
    return msgspec.structs.replace(view, **fields)


def process_view(identity: str = "p1", **fields: Any) -> ProcessView:
    """A process that is well."""
    view = ProcessView(
        id=identity,
        at=NOW,
        started_at=NOW - 60_000,
        host="host",
        version="1",
        roles=("watch",),
        is_ready=True,
    )
    return msgspec.structs.replace(view, **fields)


def scored_record(
    offset: int = 0, key: str = "banking", by: By = "topic", **item: Any
) -> ScoredRecord:
    """The score of the news record at an offset, in one of its series."""
    fields = {"id": f"n{offset}", "title": f"Headline {offset}"} | item
    return ScoredRecord(
        by=by,
        key=key,
        item=NewsItem(**fields),
        event_time=NOW,
        ingest_time=NOW,
        topic="banking",
        topic_probability=0.9,
        sentiment=Sentiment(0.7, 0.2, 0.1),
        score=-0.6,
        signature=bytes(64),
        model="m1",
        origin=Origin(0, offset),
    )
