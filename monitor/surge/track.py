"""One track: the statistics of one series under one set of matchers.

Pure. Owns panes, windows and the baseline of a series; which items count is in its `Telling`. It
knows of no rule and raises no alert. A pane's novel counts go by arrival while it is open; at its
close they are settled by (event_time, origin), so that closed panes don't depend on the order of
arrival. What they held waits to be taught until the track's owner says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from monitor.records import ScoredRecord, Series
from monitor.surge.baseline import DEFAULT_LEARNING, Baseline, Counts, Learning
from monitor.surge.novelty import Told
from monitor.surge.panes import Pane, Tally, Window, due, entry_of, pane_of
from monitor.surge.prior import FLAT, Prior
from monitor.surge.scales import WHOLE
from monitor.surge.telling import Telling
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
    pane other than the newest does.

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
        self.untaught: deque[Counts] = deque()
        self.since: int | None = None
        self.telling = Telling(statistics.duplicate_horizon // slide)

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
        pane.touch(offset, record.model)
        if self.newest is None or number > self.newest:
            self._reach(number)
        if not self.telling.tell(entry, number):
            return _REPEATED_ID
        pane.tally.count(entry.negative, entry.score, entry.novel, entry.weight)
        if entry.novel and number != self.newest:
            self.revision += 1
        for window in self._windows:
            window.count(number, entry)
        return _NEGATIVE_STORY if entry.novel and entry.negative else _COUNTED

    def retract(self, item_id: str, now: int) -> None:
        """Take an item out of the open panes, and keep it out when it is told again."""
        if self.telling.retract(item_id, pane_of(now, self.slide), self.closed):
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

    def _recount_open(self, without: str) -> None:
        """Count the open panes again, in order of arrival, without an item."""
        self.revision += 1
        open_panes = {n: p for n, p in self.panes.items() if self.closed is None or n > self.closed}
        before = {number: pane.tally for number, pane in open_panes.items()}
        for pane in open_panes.values():
            pane.tally = Tally()
            for entry in pane.entries:
                self.telling.untell(entry)
            pane.entries = [e for e in pane.entries if e.record.item.id != without]
        entries = [(e.offset, n, e) for n, pane in open_panes.items() for e in pane.entries]
        for _, number, entry in sorted(entries, key=lambda one: one[0]):
            if self.telling.tell(entry, number):
                tally = open_panes[number].tally
                tally.count(entry.negative, entry.score, entry.novel, entry.weight)
        for number, tally in before.items():
            self._shift(number, open_panes[number].tally, tally)

    def _settle(self, number: int) -> None:
        self.telling.touch(number)
        pane = self.panes[number]
        before, pane.tally = pane.tally, Tally()
        for entry in sorted(pane.entries, key=lambda entry: entry.order):
            settled = self.telling.settle(entry, number)
            if settled is None:
                continue
            story, novel = settled
            if novel and entry.negative:
                pane.stories.append(story)
            pane.tally.count(entry.negative, entry.score, novel, entry.weight)
        pane.entries = []
        pane.stories.sort(key=lambda story: -story.negative)
        del pane.stories[self._statistics.max_stories :]
        self._shift(number, pane.tally, before)

    def _shift(self, number: int, now: Tally, before: Tally) -> None:
        for window in self._windows:
            if window.holds(number):
                window.tally.add(now)
                window.tally.add(before, -1)

    def _forget(self, before: int | None, closed: int) -> None:
        """Let go of what nothing asks for any more, now that `closed` rather than `before` is."""
        self.telling.forget(before, closed)
        # The windows are rolled after this, and then take away the pane that leaves them.
        for number in due(self.panes, before, closed, self.keep + 1):
            self.telling.touch(number)
            del self.panes[number]
