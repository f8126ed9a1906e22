"""The wire schema: every record that crosses a stream, and its codec.

Times are integers, milliseconds since 1970-01-01 UTC. Nothing here knows of Kafka or of the
wall clock. JSON Schemas are generated from these types into `docs/schemas/`.

Records that come by the million are hidden from the garbage collector (`gc=False`): frozen, and
decoded from JSON, they can't be part of a reference cycle.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

SCHEMA_VERSION = 1

By = Literal["topic", "entity", "all"]
AlertState = Literal["firing", "resolved"]
Severity = Literal["info", "warning", "critical"]


class Series(msgspec.Struct, frozen=True, order=True, gc=False):
    """One thing followed over time: a topic, an entity of the watchlist, or everything."""

    by: By
    key: str

    def __str__(self) -> str:
        return f"{self.by}={self.key}"


class Origin(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where a news record stood: its partition and offset in the `news` stream."""

    partition: int
    offset: int


class NewsItem(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One news item as published.

    `id` is the publisher's, or a stable hash of source, title and published_at when absent.
    `extra` holds the fields that newsurge does not know, as they came.
    """

    id: str
    title: str
    published_at: int | None = None
    body: str | None = None
    source: str | None = None
    url: str | None = None
    language: str | None = None
    entities: tuple[str, ...] = ()
    retracts: str | None = None
    extra: dict[str, msgspec.Raw] = {}


class Sentiment(msgspec.Struct, frozen=True, gc=False):
    """Calibrated probabilities of the three sentiments; they sum to 1."""

    negative: float
    neutral: float
    positive: float

    @property
    def score(self) -> float:
        """Positive minus negative, from -1 to 1."""
        return self.positive - self.negative

    @property
    def likeliest(self) -> str:
        """The most probable one, by its name; of equals the first."""
        return max(self.__struct_fields__, key=lambda name: float(getattr(self, name)))


class ScoredRecord(
    msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="kind", tag="scored"
):
    """One item's score in one of its series.

    `item` has no body. `topic` is the most probable one even where the series key is `none`.
    `signature` is the near-duplicate signature of the text (see `monitor.surge.signature`).
    `unjudged` names the reason why the model did not judge the item, if it did not.
    """

    by: By
    key: str
    item: NewsItem
    event_time: int
    ingest_time: int
    topic: str
    topic_probability: float
    sentiment: Sentiment
    score: float
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
    model: str
    origin: Origin
    unjudged: str | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def series(self) -> Series:
        """The series that this record belongs to."""
        return Series(self.by, self.key)


class Mark(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="kind", tag="mark"):
    """SCORE's word on one news partition: everything before `next_offset` has been written.

    `time` is how far time has come there. `caught_up` tells whether the end of the news
    partition had been reached, so that alerts raised during a backlog can be told apart.
    """

    news_partition: int
    next_offset: int
    time: int
    caught_up: bool
    schema_version: int = SCHEMA_VERSION


class Retraction(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="retraction"
):
    """An item withdraws or corrects another: series that hold `retracts` take it out.

    `origin` and `time` (its ingest time) are those of the item that says so.
    """

    retracts: str
    origin: Origin
    time: int
    schema_version: int = SCHEMA_VERSION


class ModelChange(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="model_change"
):
    """A model took over from another; it stands before that SCORE process's first record of it.

    The ratios say how many negative items `model` makes, on recent news, of one that `previous`
    makes: for each topic series that both know, for entities together, and for all. They rest on
    `items` news items. Each SCORE process writes its own, of the news that it has seen itself:
    one (`previous`, `model`) pair may come several times.
    """

    previous: str
    model: str
    topics: dict[str, float]
    entities: float
    all: float
    items: int
    schema_version: int = SCHEMA_VERSION


Scored = ScoredRecord | Mark | Retraction | ModelChange


class WindowStatistics(msgspec.Struct, frozen=True):
    """What the window (end - length, end] held when the alert changed state."""

    length_seconds: float
    end: int
    raw_count: int
    raw_negative: int
    novel_count: int
    novel_negative: int
    negative_share: float
    mean_score: float


class BaselineStatistics(msgspec.Struct, frozen=True):
    """What the series' own past led one to expect of the same window."""

    state: Literal["warming", "trusted"]
    expected_negative: float
    observed_seconds: float
    negative_share: float | None = None


class Story(msgspec.Struct, frozen=True, omit_defaults=True):
    """One story behind an alert; `near_duplicates` counts the other items that told it too."""

    id: str
    title: str
    event_time: int
    negative: float
    near_duplicates: int
    source: str | None = None
    url: str | None = None


class OffsetRange(msgspec.Struct, frozen=True):
    """A range of records in one partition of `scored`, both ends included."""

    partition: int
    first: int
    last: int


class AlertEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One transition of one rule on one series, with its evidence.

    `model` scored the series' newest record; `models` are there where the window holds records
    of others too, or of others only. What each field means is in docs/EVIDENCE.md.
    `unrendered` names the labels and annotations whose templates could not be rendered for it:
    they stand as they were written.
    `withdrawn` tells of one that is resolved because its rule was removed or changed, or its
    series is followed no more: nothing is known of calm, and the evidence is that of the firing.
    """

    id: str
    rule: str
    rule_hash: str
    series: Series
    state: AlertState
    severity: Severity
    started_at: int
    fired_at: int
    window: WindowStatistics
    stories: tuple[Story, ...]
    model: str
    offsets: OffsetRange | None = None
    resolved_at: int | None = None
    baseline: BaselineStatistics | None = None
    factor: float | None = None
    strength: float | None = None
    without_duplicates: bool | None = None
    models: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    receivers: tuple[str, ...] = ()
    unrendered: tuple[str, ...] = ()
    withdrawn: bool = False
    schema_version: int = SCHEMA_VERSION


class AlertPlace(msgspec.Struct, frozen=True):
    """Where an alert event stands: its partition and offset in the `alerts` stream."""

    partition: int
    offset: int


class Queued(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="queued"):
    """A notification about to be sent to a receiver; `id` is the `webhook-id` of every try."""

    id: str
    receiver: str
    alerts: tuple[str, ...]
    at: int
    acknowledged: dict[str, str] = {}  # who answered for its episode then, by alert id
    last_offset: int | None = None  # where the last of the alerts stands in its partition
    schema_version: int = SCHEMA_VERSION


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="outcome"):
    """How a notification ended: delivered, given up and why, or kept back by a `silence`."""

    id: str
    receiver: str
    delivered: bool
    attempts: int
    at: int
    reason: str = ""
    silence: str | None = None
    place: AlertPlace | None = None  # while its alert may be told still: another outcome follows
    schema_version: int = SCHEMA_VERSION


Notification = Queued | Outcome

_encoder = msgspec.json.Encoder()
_scored_decoder: msgspec.json.Decoder[Scored] = msgspec.json.Decoder(Scored)
_alert_decoder = msgspec.json.Decoder(AlertEvent)
_notification_decoder: msgspec.json.Decoder[Notification] = msgspec.json.Decoder(Notification)


def encode(record: msgspec.Struct) -> bytes:
    """Encode any record of this schema as UTF-8 JSON."""
    return _encoder.encode(record)


def decode_scored(value: bytes) -> Scored:
    """Decode a record of the `scored` stream.

    Raises:
        msgspec.MsgspecError: when the bytes are not such a record.
    """
    return _scored_decoder.decode(value)


def decode_alert(value: bytes) -> AlertEvent:
    """Decode a record of the `alerts` stream.

    Raises:
        msgspec.MsgspecError: when the bytes are not such a record.
    """
    return _alert_decoder.decode(value)


def decode_notification(value: bytes) -> Notification:
    """Decode a record of the `notifications` stream.

    Raises:
        msgspec.MsgspecError: when the bytes are not such a record.
    """
    return _notification_decoder.decode(value)
