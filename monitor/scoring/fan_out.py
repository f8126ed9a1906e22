"""From one judged item to the scored records of its series. Pure."""

from __future__ import annotations

import msgspec

from monitor.model.judge import Judgement
from monitor.records import NewsItem, Origin, ScoredRecord, Series
from monitor.scoring.watchlist import Watchlist
from monitor.settings import ScoreSettings

ALL = Series("all", "all")


def series_of(
    item: NewsItem, judgement: Judgement, settings: ScoreSettings, watchlist: Watchlist
) -> list[Series]:
    """The series that an item feeds, in the dimensions that the deployment emits."""
    series: list[Series] = []
    if "topic" in settings.dimensions:
        series += [Series("topic", topic) for topic in judgement.series_topics]
    if "entity" in settings.dimensions:
        names = watchlist.match(item, settings.max_entities)
        series += [Series("entity", name) for name in names]
    if "all" in settings.dimensions:
        series.append(ALL)
    return series


def scored_records(
    item: NewsItem,
    judgement: Judgement,
    series: list[Series],
    *,
    event_time: int,
    ingest_time: int,
    origin: Origin,
    model: str,
) -> list[ScoredRecord]:
    """One record for each series; the item goes without its body, and with its language.

    Args:
        item: the item.
        judgement: what the model made of it.
        series: the series that it feeds.
        event_time: when it happened, in milliseconds.
        ingest_time: when it arrived, in milliseconds.
        origin: where it stood in `news`.
        model: the version of the bundle that judged it.
    """
    head = msgspec.structs.replace(item, body=None, language=judgement.language)
    return [
        ScoredRecord(
            by=one.by,
            key=one.key,
            item=head,
            event_time=event_time,
            ingest_time=ingest_time,
            topic=judgement.topic,
            topic_probability=judgement.topic_probability,
            sentiment=judgement.sentiment,
            score=judgement.sentiment.score,
            signature=judgement.signature,
            model=model,
            origin=origin,
            unjudged=judgement.unjudged,
        )
        for one in series
    ]


def known_series(
    topics: tuple[str, ...], settings: ScoreSettings, watchlist: Watchlist
) -> tuple[Series, ...]:
    """Every series that is known before the first item: the bundle's topics, the watchlist, all."""
    known = [Series("topic", topic) for topic in topics] if "topic" in settings.dimensions else []
    if "entity" in settings.dimensions:
        known += [Series("entity", key) for key in watchlist.keys]
    return (*known, ALL) if "all" in settings.dimensions else tuple(known)
