"""Playing a log to the core: records in, alert events out, in one process.

Owns the making of marks where the log has none, and the looking at the core from beside it. What
fires is decided in `monitor.surge`.

A mark stands before each record, of the last moment before its arrival at which SCORE would have
written one: of the last multiple of the mark interval, or the last end of a pane.
"""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import msgspec

from monitor.backtest.arranging import Numbers
from monitor.backtest.curve import Varied, vary
from monitor.backtest.refusals import Refusals
from monitor.backtest.result import Refused
from monitor.backtest.sampling import Sample, Sampler
from monitor.records import AlertEvent, Mark, ModelChange, Scored, ScoredRecord, decode_scored
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan

_TOLD_EVERY = 2_000
_AT_ONCE = 20_000


@dataclass(frozen=True)
class Part:
    """What one process plays: a scored partition as it was logged, or a share of the series.

    Attributes:
        partition: the number that alerts give as their partition of `scored`.
        plans: what is watched, one for each rule file.
        files: where the records lie; `names` is what to call them to people.
        file: by record, its number among `files`; `place`, `length` and `line` likewise.
        offset: by record, its offset in the log.
        arrival: by record, when it arrived; None where the log has marks of its own.
        begin: when time begins, in milliseconds; `end` when it ends. Both for a log without marks.
        mark_ms: how often SCORE writes marks.
        timeline: the step of timelines in milliseconds.
        changes: the changes of model, each played before the first record of its model.
        with_curve: whether to reckon variants of the surge rules too.
        unit: what a `line` is.
    """

    partition: int
    plans: tuple[WatchPlan, ...]
    files: tuple[Path, ...]
    names: tuple[str, ...]
    file: Numbers
    place: Numbers
    length: Numbers
    line: Numbers
    offset: Numbers
    arrival: Numbers | None
    begin: int
    end: int
    mark_ms: int
    timeline: int
    changes: tuple[ModelChange, ...] = ()
    with_curve: bool = False
    unit: str = "line"


@dataclass(frozen=True)
class Played:
    """What came of a part: the events of each rule file, and what was seen beside them."""

    events: tuple[list[AlertEvent], ...]
    outcomes: dict[str, int]
    models: frozenset[str]
    refused: tuple[Refused, ...]
    samples: list[Sample]
    varied: Varied


class _Player:
    """The watches of a part and its time."""

    def __init__(self, part: Part, sampler: Sampler) -> None:
        self.watches = [PartitionWatch(part.partition, plan) for plan in part.plans]
        self.events: tuple[list[AlertEvent], ...] = tuple([] for _ in part.plans)
        self._sampler = sampler
        self._slide = part.plans[0].statistics.slide
        self._mark_ms = part.mark_ms
        self._next_look = 0

    def apply(self, offset: int, record: Scored) -> None:
        """Have every watch take a record."""
        for watch, events in zip(self.watches, self.events, strict=True):
            events.extend(watch.apply(offset, record))

    def pass_time(self, time: int) -> None:
        """Let time come to a moment, looking at the series on the way as often as is needed."""
        while self._next_look and self._next_look < time:
            self._mark(self._next_look)
            self.look()
        self._mark(time)
        if not self._next_look or self._next_look == time:
            self.look()

    def arrive(self, arrival: int) -> None:
        """Let time come to where it stands when a record arrives."""
        before = arrival - 1
        self.pass_time(
            max(before // self._mark_ms * self._mark_ms, before // self._slide * self._slide)
        )

    def look(self, *, is_over: bool = False) -> None:
        """Look at the series."""
        time = self.watches[0].clock.time
        if time is not None:
            step = self._sampler.step
            self._next_look = (time // step + 1) * step
            self._sampler.look(self.watches, time, is_over=is_over)

    def look_if_due(self) -> None:
        """Look at the series, if it is time."""
        time = self.watches[0].clock.time
        if time is not None and time >= self._next_look:
            self.look()

    def _mark(self, time: int) -> None:
        if time == self.watches[0].clock.time:
            return
        for watch, events in zip(self.watches, self.events, strict=True):
            events.extend(watch.apply(0, Mark(0, 0, time, caught_up=True)))


def play(part: Part, tell: Callable[[int], None] = lambda _: None) -> Played:
    """Play a part from its beginning to its end.

    Args:
        part: what to play.
        tell: told now and then how many records have been played.
    """
    sampler = Sampler(part.plans, part.timeline)
    player = _Player(part, sampler)
    refusals = Refusals()
    models: set[str] = set()
    changes = deque(part.changes)
    if part.arrival is not None:
        player.pass_time(part.begin)
    for number, (offset, arrival, record) in enumerate(_records(part, refusals), 1):
        if arrival is not None:
            player.arrive(arrival)
        if isinstance(record, ScoredRecord) and record.model not in models:
            models.add(record.model)
            while any(change.model == record.model for change in changes):
                player.apply(offset, changes.popleft())
        player.apply(offset, record)
        if arrival is None:
            player.look_if_due()
        if not number % _TOLD_EVERY:
            tell(number)
    if part.arrival is not None:
        player.pass_time(part.end)
    player.look(is_over=True)
    tell(len(part.offset))
    samples = sampler.samples()
    return Played(
        events=player.events,
        outcomes=dict(player.watches[0].outcomes),
        models=frozenset(models),
        refused=refusals.found(),
        samples=samples,
        varied=vary(part.plans, samples, part.begin, part.end) if part.with_curve else {},
    )


def _records(part: Part, refusals: Refusals) -> Iterator[tuple[int, int | None, Scored]]:
    """Each record of a part that can be read, with its offset and arrival."""
    with ExitStack() as stack:
        held = [stack.enter_context(_mapped(path)) for path in part.files]
        for first in range(0, len(part.offset), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            places = (part.file, part.place, part.length, part.line, part.offset)
            columns: list[Iterable[int]] = [column[rows].tolist() for column in places]
            arrivals = repeat(None) if part.arrival is None else part.arrival[rows].tolist()
            for file, place, length, line, offset, arrival in zip(*columns, arrivals, strict=False):
                try:
                    record = decode_scored(held[file][place : place + length])
                except msgspec.MsgspecError as error:
                    refusals.add(
                        "not_scored", f"{part.names[file]}: {part.unit} {line}", str(error)
                    )
                    continue
                yield offset, arrival, record


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap | bytes]:
    """The bytes of a file, without reading it as a whole."""
    with path.open("rb") as stream:
        if not path.stat().st_size:
            yield b""  # nothing can be mapped of an empty file
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content
