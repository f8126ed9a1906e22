"""What a snapshot of WATCH holds, as values, and how it is written down.

Pure: it reads no stream and holds no live object. Times are milliseconds, panes are numbers.
Sums that follow from the rest (windows, bands of the novelty index) are not stored. JSON keeps
every float exactly, so that what is restored goes on bit for bit.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields

import msgspec

from monitor.records import By, NewsItem, ScoredRecord, Series
from monitor.surge.baseline import BaselineState
from monitor.surge.clock import Source
from monitor.surge.lifecycle import State
from monitor.surge.scales import Scale
from monitor.surge.track import Statistics

STATE_VERSION = 1
"""Changes whenever what is stored would be understood otherwise; another one is refused."""


class RefusedError(ValueError):
    """A snapshot that can't be gone on from; `reason` is one word for a metric.

    It is `version`, `statistics`, `clock`, `unreadable`, `incomplete` or `overtaken`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RunState(msgspec.Struct, frozen=True, array_like=True):
    """What one run of a detector has counted."""

    onset: int
    negative: float
    stories: int
    expected: float


class EpisodeState(msgspec.Struct, frozen=True):
    """A surge that fires."""

    onset: int
    through: int
    calm_volume: float
    calm_share: float
    normal: bool


class DetectorState(msgspec.Struct, frozen=True):
    """A surge rule's runs, in their order, and its episode."""

    runs: list[RunState]
    through: int
    episode: EpisodeState | None = None


class RuleState(msgspec.Struct, frozen=True):
    """Where one rule stands on the series; `fires` tells that its event is stored beside."""

    alert: str
    rule_hash: str
    state: State
    started_at: int
    last_met: int
    fires: bool
    detector: DetectorState | None = None


class TrackState(msgspec.Struct, frozen=True):
    """A track without its panes; heads are those of its windows, None where it has none."""

    closed: int | None
    newest: int | None
    revision: int
    told: int
    since: int | None
    on_time_head: int | None
    early_head: int | None
    baseline: BaselineState


class TrackName(msgspec.Struct, frozen=True, gc=False):
    """What makes a track itself: series, matchers, week."""

    by: By
    key: str
    source: tuple[str, ...]
    language: tuple[str, ...]
    timezone: str
    calendar: str | None

    @property
    def series(self) -> Series:
        """The series whose track it is."""
        return Series(self.by, self.key)


class StoryState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A story; `settled_as` is the number of that story, `indexed` whether it can be told again."""

    number: int
    pane: int
    item: NewsItem
    event_time: int
    negative: float
    signature: bytes
    copies: int = 0
    settled_as: int | None = None
    indexed: bool = False


class EntryState(msgspec.Struct, frozen=True, gc=False):
    """A record of an open pane, and the number of the story that it was taken to tell."""

    record: ScoredRecord
    offset: int
    weight: int
    story: int | None
    novel: bool


class PaneState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """All that a track keeps by one pane; ids are listed under the pane that they expire with."""

    tally: tuple[int, int, int, int, int, int, int] | None = None
    first_offset: int = -1
    last_offset: int = -1
    entries: list[EntryState] = []
    shown: list[int] = []
    stories: list[StoryState] = []
    ids: list[str] = []
    retracted: list[str] = []
    open_ids: list[str] = []
    models: tuple[str, ...] = ()


class SeriesState(msgspec.Struct, frozen=True):
    """The core of a series' snapshot; what it names is in parts beside it.

    `as_of` is the offset of the first scored record that it does not hold yet, `written` the
    number of this snapshot, counted for each series: parts of later ones don't belong to it.
    `epoch` counts the owners of the partition; `digest` tells whether the parts are those meant;
    `passed` is the last pane boundary that the series passed.
    """

    as_of: int
    written: int
    epoch: int
    name: TrackName
    statistics: str
    model: str
    track: TrackState
    rules: list[RuleState]
    passed: int | None = None
    digest: bytes = b""
    version: int = STATE_VERSION


class AppliedState(msgspec.Struct, frozen=True):
    """The highest origin applied of one news partition; a series of None stands for all."""

    news_partition: int
    offset: int
    series: list[Series | None]


class PartitionState(msgspec.Struct, frozen=True):
    """What a partition holds beside its series, as of the offset `as_of`.

    `alerts` tells by partition of `alerts` from where on lies what was written later than this.
    `rules` tells since which offset each rule has been in force, by its hash: 0 for one that
    was there from the beginning; None in a snapshot that does not say.
    """

    as_of: int
    statistics: str
    news_partitions: int
    idle_timeout: int
    time: int | None
    boundary: int | None
    sources: list[tuple[int, Source]]
    applied: list[AppliedState]
    scales: dict[str, Scale] = {}
    epoch: int = 0
    alerts: dict[int, int] = {}
    rules: dict[str, int] | None = None
    version: int = STATE_VERSION


def statistics_digest(statistics: Statistics) -> str:
    """What identifies the choices that state depends on: 12 hexadecimal digits."""
    # Without `asdict` of the whole, which copies the prior to its last number.
    choices = {field.name: getattr(statistics, field.name) for field in fields(statistics)}
    choices |= {"prior": statistics.prior.digest, "learning": asdict(statistics.learning)}
    return hashlib.sha256(msgspec.json.encode(choices, order="sorted")).hexdigest()[:12]
