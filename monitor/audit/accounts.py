"""The accounts of an audit: news records by what became of them, alerts against the log.

Pure. It is given records and says what is missing, twice, or not as the log would have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from monitor.records import AlertEvent, Origin, encode

_NEWS, _SCORED, _DEAD = 1, 2, 4


class NewsAccount:
    """What became of each news record, in one byte each."""

    def __init__(self) -> None:
        self._seen: dict[int, bytearray] = {}

    def news(self, origin: Origin) -> None:
        """A record lies in `news`."""
        self._note(origin, _NEWS)

    def scored(self, origin: Origin) -> None:
        """A record of it lies in `scored`."""
        self._note(origin, _SCORED)

    def dead(self, origin: Origin) -> None:
        """It lies in `dead-letter`."""
        self._note(origin, _DEAD)

    def report(self, committed: dict[int, int]) -> NewsReport:
        """What the streams say; what lies from the committed offsets on has time still."""
        report = NewsReport()
        for partition, seen in self._seen.items():
            for offset, what in enumerate(seen):
                report.count(Origin(partition, offset), what, committed.get(partition, 0))
        return report

    def _note(self, origin: Origin, what: int) -> None:
        seen = self._seen.setdefault(origin.partition, bytearray())
        if origin.offset >= len(seen):
            seen.extend(bytes(max(origin.offset + 1 - len(seen), 4096)))
        seen[origin.offset] |= what


@dataclass(slots=True)
class NewsReport:
    """News records counted; `gone` are those that retention took, whose scores are still there."""

    scored: int = 0
    dead: int = 0
    pending: int = 0
    gone: int = 0
    missing: list[Origin] = field(default_factory=list)
    both: list[Origin] = field(default_factory=list)

    def count(self, origin: Origin, what: int, committed: int) -> None:
        """Count one offset."""
        if not what & _NEWS:
            self.gone += what > 0
        elif what & _SCORED and what & _DEAD:
            self.both.append(origin)
        elif what & _SCORED:
            self.scored += 1
        elif what & _DEAD:
            self.dead += 1
        elif origin.offset >= committed:
            self.pending += 1
        else:
            self.missing.append(origin)


@dataclass(slots=True)
class AlertAccount:
    """The alerts that follow from a log, and those that were told.

    `due` are the ids of those that must have been told by now; `whole` is false where the log
    has lost its beginning, so that more may have been told than follows from what is left.
    `unchecked` counts those told by rules that were not in force, as they are, all the time.
    """

    due: set[str] = field(default_factory=set)
    whole: bool = True
    unchecked: int = 0
    _follows: dict[str, bytes] = field(default_factory=dict)
    _told: dict[str, bytes] = field(default_factory=dict)
    _times: Counter[str] = field(default_factory=Counter)

    def follows(self, event: AlertEvent, *, is_due: bool) -> None:
        """An event that follows from the log."""
        self._follows[event.id] = encode(event)
        if is_due:
            self.due.add(event.id)

    def told(self, event: AlertEvent) -> None:
        """An event that lies in `alerts`."""
        self._told.setdefault(event.id, encode(event))
        self._times[event.id] += 1

    @property
    def ids(self) -> set[str]:
        """The ids of all alerts told."""
        return set(self._told)

    @property
    def missing(self) -> list[str]:
        """Ids that should have been told and were not."""
        return sorted(self.due - self._told.keys())

    @property
    def unexpected(self) -> list[str]:
        """Ids that were told and don't follow from the log."""
        return sorted(self._told.keys() - self._follows.keys()) if self.whole else []

    @property
    def unlike(self) -> list[str]:
        """Ids told with another content than follows from the log."""
        return sorted(self._differing()) if self.whole else []

    @property
    def repeated(self) -> list[str]:
        """Ids told more than once."""
        return sorted(each for each, times in self._times.items() if times > 1)

    def _differing(self) -> Iterator[str]:
        for each in self._told.keys() & self._follows.keys():
            if self._told[each] != self._follows[each]:
                yield each
