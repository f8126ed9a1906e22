"""From scored records to headlines: one for each news item, however many series it feeds. Pure."""

from __future__ import annotations

import re

import msgspec

from monitor.live.messages import Headline
from monitor.records import ScoredRecord

_TITLE_CHARACTERS = 500
_SOURCE_CHARACTERS = 100
_URL_CHARACTERS = 2_000
_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]+", re.IGNORECASE)


def headline_of(record: ScoredRecord, before: Headline | None = None) -> Headline:
    """The headline of a record's item; `before` is what other series of the item made of it.

    Texts are cut to what a page can show, so that nobody's title fills its memory.
    """
    series = str(record.series)
    if before is not None:
        if series in before.series:
            return before
        return msgspec.structs.replace(before, series=(*before.series, series))
    item = record.item
    url = item.url or ""
    return Headline(
        id=headline_id(record),
        title=_cut(item.title, _TITLE_CHARACTERS),
        event_time=record.event_time,
        topic=record.topic,
        topic_probability=record.topic_probability,
        sentiment=record.sentiment,
        score=record.score,
        series=(series,),
        model=record.model,
        source=None if item.source is None else _cut(item.source, _SOURCE_CHARACTERS),
        url=url if len(url) <= _URL_CHARACTERS and _URL.fullmatch(url) else None,
        unjudged=record.unjudged,
    )


def headline_id(record: ScoredRecord) -> str:
    """Where the news record stood."""
    return f"{record.origin.partition}/{record.origin.offset}"


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"
