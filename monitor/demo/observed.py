"""What the demo has seen in the streams: the facts behind its live view and its summary.

Pure and told the time. It takes what the streams say, and knows nothing of how the roles work.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from monitor.publish import Sent
from monitor.records import AlertEvent, Mark, Origin, Outcome, Scored, ScoredRecord, Series
from monitor.streams.dead_letters import DeadLetter

BUCKETS = 32
_RATE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Span:
    """The time that the feed covers, in milliseconds; the sparklines divide it evenly."""

    first: int
    last: int

    def bucket(self, moment: int) -> int:
        """Which of the `BUCKETS` parts a moment falls into; what is outside counts at the edge."""
        length = max(1, self.last - self.first)
        return min(BUCKETS - 1, max(0, (moment - self.first) * BUCKETS // length))


@dataclass(slots=True)
class Row:
    """One series in numbers: items, negative ones, and both for each bucket of time."""

    count: int = 0
    negative: int = 0
    buckets: list[list[int]] = field(default_factory=lambda: [[0, 0] for _ in range(BUCKETS)])

    def add(self, bucket: int, *, negative: bool) -> None:
        """Count one item."""
        self.count += 1
        self.negative += negative
        self.buckets[bucket][0] += 1
        self.buckets[bucket][1] += negative

    @property
    def shares(self) -> list[float | None]:
        """The negative share of each bucket; None where nothing came."""
        return [negative / count if count else None for count, negative in self.buckets]


@dataclass(frozen=True, slots=True)
class Negative:
    """One negative item in one series, and where its scored record stands."""

    origin: Origin
    event_time: int
    signature: bytes
    partition: int
    offset: int


class Observed:
    """Everything seen so far.

    Attributes:
        sent: the acknowledged news records, by origin.
        scored: the origins that have a scored record.
        dead: the origins that are in `dead-letter`, with their reason.
        unjudged: the scored origins that the model could not judge, with the reason.
        origins: the origin behind each scored record, by partition and offset of `scored`.
        rows: the topics seen, by series key.
        everything: all items, whatever their topic.
        negatives: the negative items of each series, in order of arrival.
        alerts: the alert events, in order of arrival.
        outcomes: how notifications ended, in order of arrival.
    """

    def __init__(self, span: Span, negative_threshold: float) -> None:
        self.span = span
        self.sent: dict[Origin, Sent] = {}
        self.scored: set[Origin] = set()
        self.dead: dict[Origin, str] = {}
        self.origins: dict[tuple[int, int], Origin] = {}
        self.rows: dict[str, Row] = {}
        self.everything = Row()
        self.negatives: dict[Series, list[Negative]] = {}
        self.alerts: list[AlertEvent] = []
        self.outcomes: list[Outcome] = []
        self.unjudged: dict[Origin, str] = {}
        self._negative_threshold = negative_threshold
        self._marks: dict[int, dict[int, int]] = {}
        self._arrivals: deque[float] = deque()

    def take_sent(self, sent: Sent) -> None:
        """Note an acknowledged news record."""
        self.sent[sent.origin] = sent

    def take_scored(self, partition: int, offset: int, record: Scored, now: float) -> None:
        """Note a record of `scored`; `now` is in seconds of any steady clock."""
        if isinstance(record, Mark):
            self._marks.setdefault(partition, {})[record.news_partition] = record.time
        if not isinstance(record, ScoredRecord):
            return
        self.origins[partition, offset] = record.origin
        bucket = self.span.bucket(record.event_time)
        negative = record.sentiment.negative >= self._negative_threshold
        if record.origin not in self.scored:
            self.scored.add(record.origin)
            self.everything.add(bucket, negative=negative)
            self._arrivals.append(now)
            if record.unjudged is not None:
                self.unjudged[record.origin] = record.unjudged
        if record.by == "topic":
            self.rows.setdefault(record.key, Row()).add(bucket, negative=negative)
        if negative:
            self.negatives.setdefault(record.series, []).append(
                Negative(record.origin, record.event_time, record.signature, partition, offset)
            )

    def take_dead_letter(self, letter: DeadLetter) -> None:
        """Note a record of `dead-letter`."""
        self.dead[Origin(letter.partition, letter.offset)] = letter.reason

    @property
    def accounted(self) -> int:
        """How many of the sent records are in `scored` or in `dead-letter`."""
        return sum(origin in self.scored or origin in self.dead for origin in self.sent)

    @property
    def lag(self) -> int:
        """How many acknowledged records are in neither yet."""
        return len(self.sent) - self.accounted

    @property
    def progress(self) -> tuple[int, int]:
        """Records sent, and records taken up; it changes exactly when there is news of them."""
        return len(self.sent), len(self.scored) + len(self.dead)

    @property
    def clock(self) -> int | None:
        """The log's time: the earliest clock of all scored partitions, in milliseconds."""
        times = [min(marks.values()) for marks in self._marks.values()]
        return min(times, default=None)

    def rate(self, now: float) -> float:
        """Items scored a second over the last few seconds."""
        while self._arrivals and self._arrivals[0] < now - _RATE_SECONDS:
            self._arrivals.popleft()
        return len(self._arrivals) / _RATE_SECONDS

    def firing(self, series: Series) -> list[str]:
        """The rules that fire on the series now."""
        states = {(e.rule, e.started_at): e.state for e in self.alerts if e.series == series}
        return sorted({rule for (rule, _), state in states.items() if state == "firing"})

    def has_fired(self, series: Series) -> bool:
        """Whether any rule has fired on the series."""
        return any(event.series == series for event in self.alerts)
