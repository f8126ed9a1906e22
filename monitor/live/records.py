"""The records of the `live` stream: what each process shows of itself, and WATCH of its series.

Owns their shape and codec. The stream is kept for an hour and decides nothing: whoever shows the
deployment reads its newest records, of each key the last. Every key is written again within
`REPEAT_SECONDS`, so that reading back a little longer than that finds all that is alive, and what
has not been written for `STALE_SECONDS` is no longer known. Times are milliseconds since
1970-01-01 UTC. Nothing here knows of Kafka or of the wall clock.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from monitor.records import SCHEMA_VERSION, By, Series, Severity

SeriesState = Literal["firing", "pending", "warming", "silent", "calm"]
STATES: tuple[SeriesState, ...] = get_args(SeriesState)
REPEAT_SECONDS = 15.0
STALE_SECONDS = 45.0
SPARKS = 60
"""How many numbers a sparkline has; each is one pane's, or of several in a longer window."""


class RuleView(msgspec.Struct, frozen=True):
    """How one rule stands with a series now."""

    rule: str
    severity: Severity
    state: Literal["inactive", "pending", "firing"]


class SeriesView(msgspec.Struct, frozen=True, tag_field="kind", tag="series"):
    """One series as WATCH sees it.

    Counts are of stories in the last hour of its clock, near-duplicates once; where its rules look
    less far back, of as long as the sparkline. `expected_negative` is what its own past leads one
    to expect in that time, and `usual_share` which share of its
    stories is negative usually; None before it is known. `negative` and `stories` are the hour's
    counts by `spark_seconds`, oldest first, for a sparkline; at most `SPARKS` of them.
    `at` is the wall clock of the writer, `clock` the time in its log.
    """

    by: By
    key: str
    at: int
    clock: int
    partition: int
    state: SeriesState
    story_count: int
    negative_count: int
    expected_negative: float
    usual_share: float | None
    spark_seconds: float
    stories: tuple[int, ...]
    negative: tuple[int, ...]
    rules: tuple[RuleView, ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def series(self) -> Series:
        """The series that it is about."""
        return Series(self.by, self.key)


class Seconds(msgspec.Struct, frozen=True):
    """A duration as it was lately: its median and what one in a hundred exceeds, in seconds."""

    median: float
    p99: float


class ProcessView(msgspec.Struct, frozen=True, tag_field="kind", tag="process"):
    """One process of the deployment, as it sees itself.

    `id` is its own for its life. `parts` are what is not ready and why, in words. `lag_records`
    is by stream (`news`, `scored`) or `notify RECEIVER`, of the partitions that it holds.
    `items_per_second` are news items scored lately, and `scored_per_second` records that WATCH
    applied. `seconds` are durations by what was timed, such as `scoring`. `is_gone` is the last
    word of one that ended in order.
    """

    id: str
    at: int
    started_at: int
    host: str
    version: str
    roles: tuple[str, ...]
    is_ready: bool
    parts: dict[str, str] = {}
    model: str | None = None
    runtime: str | None = None
    rules_hash: str | None = None
    items_per_second: float | None = None
    scored_per_second: float | None = None
    lag_records: dict[str, int] = {}
    seconds: dict[str, Seconds] = {}
    dead_letters: int = 0
    is_gone: bool = False
    schema_version: int = SCHEMA_VERSION


LiveRecord = SeriesView | ProcessView

_decoder: msgspec.json.Decoder[LiveRecord] = msgspec.json.Decoder(LiveRecord)


def decode_live(value: bytes) -> LiveRecord:
    """Decode a record of the `live` stream.

    Raises:
        msgspec.MsgspecError: when the bytes are not such a record.
    """
    return _decoder.decode(value)
