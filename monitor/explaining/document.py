"""What `newsurge explain` says, as one document: `--json` prints it, the text is made from it.

Pure values. Times are milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from monitor.records import AlertEvent, Origin

InNews = Literal["there", "gone", "unlike"]
Outcome = Literal["reproduced", "differs", "not_raised", "rule_changed"]
RuleNow = Literal["unchanged", "changed", "gone"]


class Written(msgspec.Struct, frozen=True):
    """Where the event stands in `alerts`; `times` is how often it was written there."""

    partition: int
    offset: int
    at: int
    times: int


class Difference(msgspec.Struct, frozen=True):
    """A field of the event that came out otherwise than it was written."""

    field: str
    written: Any
    found: Any


class Reproduction(msgspec.Struct, frozen=True):
    """Whether the log, replayed through the core, leads to the very event.

    `log_begins` is the first offset that `scored` still has of the partition (None: it is
    empty), `read_to` the last that was read. `why` says in words why it was not reproduced.
    """

    outcome: Outcome
    partition: int
    log_begins: int | None
    read_to: int
    differing: tuple[Difference, ...] = ()
    why: str | None = None


class RuleThen(msgspec.Struct, frozen=True):
    """The alert's rule as it stands now; `hash_now` and `says` are None where it is gone."""

    now: RuleNow
    file: str
    hash_then: str
    hash_now: str | None = None
    says: str | None = None


class Counts(msgspec.Struct, frozen=True):
    """A window's counts."""

    raw_count: int
    raw_negative: int
    novel_count: int
    novel_negative: int
    negative_share: float
    mean_score: float


class Teller(msgspec.Struct, frozen=True):
    """One scored record: its item, its score, and where it and its news record stand."""

    id: str
    title: str
    source: str | None
    url: str | None
    event_time: int
    negative: float
    topic: str
    model: str
    scored_offset: int
    origin: Origin
    news: InNews


class ToldStory(msgspec.Struct, frozen=True):
    """A negative story of the window, the item that told it first, and those that told it again.

    `shown` says whether the event itself names it.
    """

    first: Teller
    near_duplicates: tuple[Teller, ...]
    shown: bool


class Records(msgspec.Struct, frozen=True):
    """The records of the window in the log, and those that did not count, by their reason.

    `retold` are items of the window that tell a story from before it; `calm` counts the stories
    that are not negative. `gone` says that the log no longer has the beginning of the range.
    """

    counted: int
    not_counted: dict[str, int]
    calm: int
    stories: tuple[ToldStory, ...]
    retold: tuple[Teller, ...]
    news_gone: int
    gone: bool


class Delivery(msgspec.Struct, frozen=True):
    """One notification that names the alert; `delivered` is None while it is under way."""

    id: str
    receiver: str
    alerts: int
    queued_at: int | None
    delivered: bool | None = None
    attempts: int | None = None
    ended_at: int | None = None
    reason: str = ""


class Sibling(msgspec.Struct, frozen=True):
    """The other end of the episode: the event by which it began, or was resolved."""

    id: str
    state: str
    at: int


class Explanation(msgspec.Struct, frozen=True):
    """An alert, explained.

    `recounted` is what the records of the window add up to; `reckoning` says in words how the
    rule stood to it.
    """

    alert: AlertEvent
    written: Written
    sibling: Sibling | None
    rule: RuleThen
    reproduction: Reproduction
    recounted: Counts
    reckoning: tuple[str, ...]
    records: Records
    deliveries: tuple[Delivery, ...]
