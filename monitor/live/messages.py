"""What a page is sent: one `snapshot` when it connects, then what has changed, as JSON.

Owns the shape of the server-sent events; a name below is the event's name, and its data is the
record. Texts in them are not trusted, by whoever writes the page. Times are milliseconds since
1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from monitor.live.records import ProcessView, SeriesView
from monitor.records import AlertEvent, Sentiment

HEADLINES = 60
ALERTS = 200
"""How many of each a page is sent at most, and keeps; the newest."""


class Headline(msgspec.Struct, frozen=True):
    """One news item as it was judged: once, however many series it feeds.

    `id` tells items apart (`PARTITION/OFFSET` of the news record). `url` is only there where it
    is http or https.
    """

    id: str
    title: str
    event_time: int
    topic: str
    topic_probability: float
    sentiment: Sentiment
    score: float
    series: tuple[str, ...]
    model: str
    source: str | None = None
    url: str | None = None
    unjudged: str | None = None


class DeliveryView(msgspec.Struct, frozen=True):
    """How an alert event fares with one receiver; `reason` is why it was given up or silenced."""

    receiver: str
    state: Literal["queued", "delivered", "given_up", "silenced"]
    at: int
    attempts: int = 0
    reason: str = ""


class Said(msgspec.Struct, frozen=True):
    """What a person said of an alert: a silence that holds it back, or who answers for it."""

    who: str
    why: str
    until: int


class AlertView(msgspec.Struct, frozen=True):
    """One alert event, and what became of it."""

    event: AlertEvent
    episode: str
    deliveries: tuple[DeliveryView, ...] = ()
    silenced: Said | None = None
    acknowledged: Said | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """All that a page shows. About so many headlines as `skipped` came too fast to be shown."""

    now: int
    version: str
    series: tuple[SeriesView, ...]
    processes: tuple[ProcessView, ...]
    headlines: tuple[Headline, ...]
    alerts: tuple[AlertView, ...]
    skipped: int = 0


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new since the last event; each replaces what the page has under the same key.

    Keys are `by` and `key` of a series, `id` of a process or headline, `event.id` of an alert.
    Both lists come newest last. `gone_series` are `BY=KEY`, the other gone ones ids.
    """

    now: int
    series: tuple[SeriesView, ...] = ()
    processes: tuple[ProcessView, ...] = ()
    headlines: tuple[Headline, ...] = ()
    alerts: tuple[AlertView, ...] = ()
    gone_series: tuple[str, ...] = ()
    gone_processes: tuple[str, ...] = ()
    gone_alerts: tuple[str, ...] = ()
    skipped: int | None = None


_encoder = msgspec.json.Encoder()


def as_event(message: Snapshot | Change) -> bytes:
    """The message as one server-sent event: `snapshot` or `change`, its data on one line."""
    name = type(message).__name__.lower()
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encoder.encode(message))
