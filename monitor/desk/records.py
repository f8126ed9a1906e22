"""The records of the `desk` stream, and their codec.

Owns the shape of what a person said: a silence, an acknowledgement, feedback. The stream is
compacted: of each key the last record counts. Nothing here knows of Kafka or of the wall clock;
times are milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from monitor.records import SCHEMA_VERSION, AlertEvent, AlertPlace, Series, Severity

Verdict = Literal["useful", "noise"]


class Matchers(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which alerts are meant: each pattern that is given must match the whole of its field.

    In a pattern `*` stands for any characters and `?` for one; all others stand for themselves.
    """

    rule: str | None = None
    by: str | None = None
    key: str | None = None
    severity: str | None = None


class Expiry(msgspec.Struct, frozen=True):
    """Someone ended a silence before its time."""

    who: str
    at: int


class Silence(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="silence"):
    """Alerts that match are not told from `starts_at` until before `ends_at`, or its expiry."""

    id: str
    matchers: Matchers
    starts_at: int
    ends_at: int
    who: str
    why: str
    at: int
    expired: Expiry | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def key(self) -> str:
        """What later records of the same silence replace."""
        return f"silence/{self.id}"

    @property
    def over_at(self) -> int:
        """When it ends, or was ended."""
        return self.ends_at if self.expired is None else min(self.ends_at, self.expired.at)


class Episode(msgspec.Struct, frozen=True):
    """One rule's firing on one series, from its start to its end: several alert events."""

    rule: str
    rule_hash: str
    series: Series
    started_at: int


class Ack(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="ack"):
    """Someone has seen an alert, and answers for its whole episode until `until`.

    `place` is where the alert stands.
    """

    alert_id: str
    episode: Episode
    who: str
    at: int
    until: int
    place: AlertPlace
    why: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def key(self) -> str:
        """What a later acknowledgement of the same episode replaces."""
        it = self.episode
        return f"ack/{it.rule}/{it.rule_hash}/{it.series}/{it.started_at}"


class Judged(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the alert was that feedback is about; it outlives the alert in its stream."""

    rule: str
    rule_hash: str
    series: Series
    severity: Severity
    fired_at: int
    factor: float | None = None
    strength: float | None = None


class Feedback(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="feedback"):
    """Whether an alert was worth being told, as one person saw it."""

    alert_id: str
    verdict: Verdict
    who: str
    at: int
    alert: Judged
    why: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def key(self) -> str:
        """What the same person's later verdict on the same alert replaces."""
        return f"feedback/{self.alert_id}/{self.who}"


DeskRecord = Silence | Ack | Feedback

_decoder: msgspec.json.Decoder[DeskRecord] = msgspec.json.Decoder(DeskRecord)


def decode_desk(value: bytes) -> DeskRecord:
    """Decode a record of the `desk` stream.

    Raises:
        msgspec.MsgspecError: when the bytes are not such a record.
    """
    return _decoder.decode(value)


def episode_of(alert: AlertEvent) -> Episode:
    """The episode that an alert event belongs to."""
    return Episode(alert.rule, alert.rule_hash, alert.series, alert.started_at)


def judged(alert: AlertEvent) -> Judged:
    """What is kept of an alert beside the feedback on it."""
    return Judged(
        alert.rule,
        alert.rule_hash,
        alert.series,
        alert.severity,
        alert.fired_at,
        alert.factor,
        alert.strength,
    )
