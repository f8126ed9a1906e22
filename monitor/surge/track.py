"""One track: the statistics of one series under one set of matchers.

Pure. Owns panes, windows, the novelty index and the baseline of a series; knows of no rule and
raises no alert. A pane's novel counts go by arrival while it is open; at its close they are
settled by (event_time, origin), so that closed panes don't depend on the order of arrival. What
they held waits to be taught until the track's owner says so.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from monitor.records import ScoredRecord, Series
from monitor.surge.baseline import DEFAULT_LEARNING, Baseline, Counts, Learning
from monitor.surge.novelty import NoveltyIndex, Told
from monitor.surge.panes import Entry, Pane, Tally, Window, due, entry_of, pane_of
from monitor.surge.prior import FLAT, Prior
from monitor.surge.scales import WHOLE
from monitor.surge.week import Week, week

Taken = Literal["counted", "repeated_id", "late"]
"""What became of a record in a track."""


class Added(NamedTuple):
    """What became of a record, and whether it tells a negative story that was not told before."""

    taken: Taken
    negative_story: bool = False


_LATE, _REPEATED_ID = Added("late"), Added("repeated_id")
_COUNTED, _NEGATIVE_STORY = Added("counted"), Added("counted", negative_story=True)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The deployment's choices that shape statistics. Times are in milliseconds."""

    slide: int
    allowed_lateness: int
    duplicate_horizon: int
    negative_threshold: float
    max_stories: int = 10
    prior: Prior = FLAT
    learning: Learning = DEFAULT_LEARNING


class Track:
    """Panes, windows, stories and baseline of a series.

    Each window length (in panes) is followed twice: `on_time`, ending at the last pane boundary
    the clock crossed, and `early`, ending in the newest pane. `revision` changes whenever an open
    pane other than the newest does. `touched` collects the closed panes that were changed, once a
    snapshot has begun to ask for it (see `monitor.surge.track_state`); `told` numbers stories.

    Args:
        statistics: the deployment's choices.
        lengths: the windows that are followed, in panes.
        keep: for how many panes what they held is kept.
        series: whose track it is, for its prior.
        own_week: the hours of the week that its rhythm is learnt in.
    """

    def __init__(
        self,
        statistics: Statistics,
        lengths: Iterable[int],
        keep: int = 1,
        series: Series | None = None,
        own_week: Week | None = None,
    ) -> None:
        slide = self.slide = statistics.slide
        self._statistics = statistics
        self.panes: dict[int, Pane] = {}
        self.on_time = {length: Window(length) for length in lengths}
        self.early = {length: Window(length) for length in self.on_time}
        self._windows = (*self.on_time.values(), *self.early.values())
        self.keep = max(keep, *self.on_time, 1)
        prior = statistics.prior
        self.baseline = Baseline(
            prior, str(series), own_week or week("UTC", None), slide, statistics.learning
        )
        self.closed: int | None = None
        self.newest: int | None = None
        self.revision = 0
        self.told = 0
        self.touched: set[int] | None = None
        self.untaught: deque[Counts] = deque()
        self.since: int | None = None
        self._horizon = statistics.duplicate_horizon // slide
        self.index = NoveltyIndex()
        self.ids: dict[str, int] = {}
        self.open_ids: dict[str, int] = {}
        self.retracted: dict[str, int] = {}
        self.expiry: dict[int, list[str]] = defaultdict(list)

    def start(self, boundary: int, closed: int) -> None:
        """Begin in the middle of the log: pane `boundary` has ended, `closed` is closed."""
        self.closed = closed
        self.roll(on_time=boundary, early=boundary + 1)

    @property
    def is_still(self) -> bool:
        """Whether no pane is open and no window holds anything: time alone changes nothing here."""
        is_open = self.newest is not None and (self.closed is None or self.newest > self.closed)
        return not is_open and not any(window.tally.raw_count for window in self._windows)

    @property
    def rests_after(self) -> int:
        """The pane from which on silence teaches nothing any more: see `Baseline.memory`."""
        begun = 0 if self.since is None else self.since // self.slide
        since = begun if self.newest is None else self.newest
        return since + self.keep + self.baseline.memory

    def followed_for(self, now: int) -> int:
        """How long the clock has been seen to run over this track, in milliseconds."""
        return 0 if self.since is None else now - self.since

    def add(self, record: ScoredRecord, offset: int, weight: int = WHOLE) -> Added:
        """Take a record, which stood at `offset` of its scored partition; see `Scales.weight`."""
        number = pane_of(record.event_time, self._statistics.slide)
        if self.closed is not None and number <= self.closed:
            return _LATE
        pane = self.panes.get(number)
        if pane is None:
            pane = self.panes[number] = Pane()
        entry = entry_of(record, offset, self._statistics.negative_threshold, weight)
        pane.entries.append(entry)
        pane.touch(offset)
        if self.newest is None or number > self.newest:
            self._reach(number)
        self._count_open(number, pane, entry)
        if entry.story is None:
            return _REPEATED_ID
        if entry.novel and number != self.newest:
            self.revision += 1
        for window in self._windows:
            window.count(number, entry)
        return _NEGATIVE_STORY if entry.novel and entry.negative else _COUNTED

    def retract(self, item_id: str, now: int) -> None:
        """Take an item out of the open panes, and keep it out when it is told again."""
        number = pane_of(now, self._statistics.slide)
        before = self.retracted.get(item_id)
        # One that should have been forgotten already would never be.
        is_due = self.closed is not None and number <= self.closed - self._horizon
        if not is_due and (before is None or number > before):
            self._touch(before, number)
            self.retracted[item_id] = number
            self.expiry[number].append(item_id)
        if item_id in self.open_ids:
            self._recount_open(without=item_id)

    def close(self, through: int) -> list[Counts]:
        """Close the panes up to `through`, settling each; what those held that held anything."""
        if self.closed is not None and through <= self.closed:
            return []
        closed = []
        for number in self.held(self._first_open, through):
            self._settle(number)
            counts = self.counts(number)
            if counts.stories:
                closed.append(counts)
        before, self.closed = self.closed, through
        if closed:
            self.revision += 1
            self.untaught.extend(closed)
        self._forget(before, through)
        return closed

    def teach(self, through: int) -> None:
        """Teach the baseline the closed panes up to `through`, or let it rest."""
        counts = []
        while self.untaught and self.untaught[0].pane <= through:
            counts.append(self.untaught.popleft())
        if counts or through <= self.rests_after:
            self.baseline.teach(counts, through)
        else:
            self.baseline.rest(through)

    def open_counts(self, through: int) -> list[Counts]:
        """What the open panes up to `through` hold, in order, for those that hold a story."""
        counts = map(self.counts, self.held(self._first_open, through))
        return [one for one in counts if one.stories]

    def held(self, first: int, last: int) -> list[int]:
        """The panes from `first` to `last`, both included, that something is kept of, in order."""
        if last - first < len(self.panes):
            return [number for number in range(first, last + 1) if number in self.panes]
        return sorted(number for number in self.panes if first <= number <= last)

    def counts(self, number: int) -> Counts:
        """What a pane holds now."""
        pane = self.panes.get(number)
        if pane is None:
            return Counts(number, 0, 0)
        tally = pane.tally
        return Counts(number, tally.novel_weight / WHOLE, tally.novel_count)

    def roll(self, on_time: int, early: int) -> None:
        """Move the ends of the windows forward, to panes `on_time` and `early`."""
        if self.since is None:
            self.since = on_time * self.slide
        for window in self.on_time.values():
            window.roll(on_time, self.panes)
        for window in self.early.values():
            window.roll(early, self.panes)

    def copies(self, story: Told) -> int:
        """How many items told a story after its first, as far as known now."""
        again = [e.story for pane in self.panes.values() for e in pane.entries if not e.novel]
        return story.copies + sum(1 for one in again if one and (one.settled_as or one) is story)

    def negative_stories(self, window: Window) -> list[Told]:
        """The window's negative stories, the most negative first."""
        stories: list[Told] = []
        for number in window.within(self.panes):
            pane = self.panes[number]
            stories += pane.stories
            stories += [e.story for e in pane.entries if e.novel and e.negative and e.story]
        stories.sort(key=lambda story: (-story.negative, story.event_time, story.item.id))
        return stories[: self._statistics.max_stories]

    @property
    def _first_open(self) -> int:
        return 0 if self.closed is None else self.closed + 1

    def _reach(self, number: int) -> None:
        self.newest = number
        self.revision += 1
        for window in self.early.values():
            window.roll(number, self.panes)

    def _count_open(self, number: int, pane: Pane, entry: Entry) -> None:
        item_id = entry.record.item.id
        if item_id in self.ids or item_id in self.open_ids or item_id in self.retracted:
            return
        self.open_ids[item_id] = number
        story = self._story(entry, number)
        earlier = self.index.tell(story)
        entry.story = earlier or story
        entry.novel = earlier is None
        self.told += entry.novel
        pane.tally.count(entry.negative, entry.score, entry.novel, entry.weight)

    def _recount_open(self, without: str) -> None:
        """Count the open panes again, in order of arrival, without an item."""
        self.revision += 1
        self.open_ids.clear()
        open_panes = {n: p for n, p in self.panes.items() if self.closed is None or n > self.closed}
        before = {number: pane.tally for number, pane in open_panes.items()}
        for pane in open_panes.values():
            pane.tally = Tally()
            for entry in pane.entries:
                self._untell(entry)
            pane.entries = [e for e in pane.entries if e.record.item.id != without]
        entries = [(e.offset, n, e) for n, pane in open_panes.items() for e in pane.entries]
        for _, number, entry in sorted(entries, key=lambda one: one[0]):
            self._count_open(number, open_panes[number], entry)
        for number, tally in before.items():
            self._shift(number, open_panes[number].tally, tally)

    def _settle(self, number: int) -> None:
        self._touch(number)
        pane = self.panes[number]
        before, pane.tally = pane.tally, Tally()
        for entry in sorted(pane.entries, key=lambda entry: entry.order):
            item_id = entry.record.item.id
            self.open_ids.pop(item_id, None)
            if item_id in self.ids or item_id in self.retracted:
                self._untell(entry)
                continue
            self.ids[item_id] = number
            self.expiry[number].append(item_id)
            story, novel = self._settle_story(entry, number)
            if novel and entry.negative:
                pane.stories.append(story)
            pane.tally.count(entry.negative, entry.score, novel, entry.weight)
        pane.entries = []
        pane.stories.sort(key=lambda story: -story.negative)
        del pane.stories[self._statistics.max_stories :]
        self._shift(number, pane.tally, before)

    def _settle_story(self, entry: Entry, number: int) -> tuple[Told, bool]:
        """The story that an entry is settled as telling, and whether it is the first to."""
        own = entry.story if entry.novel else None
        if own is not None and not own.contested:
            # It was told as a new one, and none like it has been since.
            own.settled = True
            return own, True
        earlier = self.index.find_settled(entry.record.signature)
        if earlier is not None:
            earlier.copies += 1
            self._touch(earlier.pane)
            if own is not None:
                self.index.remove(own)
                own.settled, own.settled_as = True, earlier
            return earlier, False
        story = own or self._tell_late(entry, number)
        story.settled = True
        return story, True

    def _tell_late(self, entry: Entry, pane: int) -> Told:
        """Tell a story at its close that was taken for another's before."""
        story = self._story(entry, pane)
        self.told += 1
        self.index.contest(story.signature)
        self.index.add(story)
        return story

    def _story(self, entry: Entry, pane: int) -> Told:
        record = entry.record
        item = record.item
        if item.entities or item.extra:
            # Stories are kept for the whole horizon: without what nobody asks of them.
            item = msgspec.structs.replace(item, entities=(), extra={})
        return Told(
            item,
            record.event_time,
            record.sentiment.negative,
            record.signature,
            pane,
            self.told + 1,
        )

    def _untell(self, entry: Entry) -> None:
        if entry.novel and entry.story:
            self.index.remove(entry.story)
        entry.story, entry.novel = None, False

    def _shift(self, number: int, now: Tally, before: Tally) -> None:
        for window in self._windows:
            if window.holds(number):
                window.tally.add(now)
                window.tally.add(before, -1)

    def _forget(self, before: int | None, closed: int) -> None:
        """Let go of what nothing asks for any more, now that `closed` rather than `before` is."""
        for number in due(self.expiry, before, closed, self._horizon):
            self._touch(number)
            self.index.drop(number)
            for item_id in self.expiry.pop(number):
                for ids in (self.ids, self.retracted):
                    if ids.get(item_id) == number:
                        del ids[item_id]
        # The windows are rolled after this, and then take away the pane that leaves them.
        for number in due(self.panes, before, closed, self.keep + 1):
            self._touch(number)
            del self.panes[number]

    def _touch(self, *panes: int | None) -> None:
        if self.touched is not None:
            self.touched.update(pane for pane in panes if pane is not None)
