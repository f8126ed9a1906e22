"""Which alerts become one notification, and when: pure, and told the time.

Alerts wait here from their being read until the notification that holds them is due. Each is
handed out once, and those of one rule on one series in their order. What was about to be sent
when a process ended is put together again as it was, so that a crash repeats an id at most.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from monitor.records import AlertEvent, AlertPlace, Queued, Series

GroupField = Literal["rule", "series", "severity", "by"]
MAX_IDS = 1000
"""A group of so many alerts is due at once, so that its record stays below what streams take."""
MAX_WAITING = 4000
"""When so many alerts wait in all, the oldest group is due at once, which bounds memory."""


@dataclass(frozen=True)
class GroupPolicy:
    """How one receiver's alerts are grouped.

    `wait_seconds` 0 groups nothing. `by` names what the alerts of a group have in common.
    `max_alerts` is how many of a group are told in detail.
    """

    wait_seconds: float = 0.0
    by: tuple[GroupField, ...] = ("rule",)
    max_alerts: int = 20


@dataclass(frozen=True)
class Item:
    """An alert on its way: where it stands in `alerts`, and when it came (the loop's seconds).

    `silenced_by` is the silence that kept it back before.
    """

    alert: AlertEvent
    place: AlertPlace
    arrived: float
    caught_up: bool = True
    silenced_by: str | None = None

    @property
    def source(self) -> tuple[str, Series]:
        """What its order is kept in: the rule and the series."""
        return self.alert.rule, self.alert.series


class Due(NamedTuple):
    """The alerts of a notification that is due, in their order, and what was left behind of it.

    `again` is there where a process has written before that it is about to be sent.
    """

    items: tuple[Item, ...]
    again: Queued | None = None


@dataclass
class _Group:
    opened: float
    items: list[Item] = field(default_factory=list)


@dataclass
class _Again:
    """A notification that a process left behind, as its alerts come in again."""

    queued: Queued
    items: dict[str, Item] = field(default_factory=dict)

    def is_whole(self, read_to: int) -> bool:
        missing = len(self.queued.alerts) - len(self.items)
        last = self.queued.last_offset
        # What is missing beyond the last one's offset is not meant for this receiver any more.
        return missing == 0 or (last is not None and read_to > last)


class Grouping:
    """The alerts of one lane that wait for their notification."""

    def __init__(self, policy: GroupPolicy) -> None:
        self._policy = policy
        self._open: dict[Hashable, _Group] = {}
        self._full: list[_Group] = []
        self._homes: dict[tuple[str, Series], _Group] = {}
        self._again: dict[str, _Again] = {}
        self._count = 0
        self._read_to = 0
        self._singles = itertools.count()

    def __len__(self) -> int:
        """How many alerts wait."""
        return self._count + sum(len(each.items) for each in self._again.values())

    @property
    def gathers(self) -> bool:
        """Whether what has been read is better added first, before anything is asked for."""
        if self._again:
            return True
        return self._policy.wait_seconds > 0 and self._count < MAX_WAITING and not self._full

    def read_to(self, offset: int) -> None:
        """Everything before this offset has been read, whoever it was for."""
        self._read_to = max(self._read_to, offset)

    def add(self, item: Item, queued: Queued | None = None) -> None:
        """Let an alert wait for its notification.

        Args:
            item: the alert; later ones of one rule on one series are added later.
            queued: the notification that the alert was about to be sent in, where an outcome of
                that is not known: it is made of the same alerts again.
        """
        if queued is not None:
            again = self._again.setdefault(queued.id, _Again(queued))
            again.items[item.alert.id] = item
            return
        self._count += 1
        # Later ones join the earlier ones that wait still, whatever their own group would be.
        group = self._homes.get(item.source)
        if group is None or len(group.items) >= MAX_IDS:
            group = self._group(item)
        if self._policy.wait_seconds > 0:
            self._homes[item.source] = group
        group.items.append(item)
        if len(group.items) == MAX_IDS:
            self._full.append(group)
            self._open = {key: each for key, each in self._open.items() if each is not group}

    def due(self, now: float) -> Due | None:
        """Take out the alerts of the next notification that is due, if any is.

        While one that was left behind lacks an alert, none is due.
        """
        if self._again:
            return self._next_again()
        group = self._next_group(now)
        if group is None:
            return None
        self._count -= len(group.items)
        for item in group.items:
            if self._homes.get(item.source) is group:
                del self._homes[item.source]
        return Due(tuple(group.items))

    def next_due(self) -> float | None:
        """When the next one is due, in the loop's seconds, if nothing else comes; or never."""
        if self._again:
            return None
        if self._full or self._count >= MAX_WAITING:
            return 0.0
        opened = min((each.opened for each in self._open.values()), default=None)
        return None if opened is None else opened + self._policy.wait_seconds

    def _group(self, item: Item) -> _Group:
        key = self._key(item.alert)
        group = self._open.get(key)
        if group is None:
            group = self._open[key] = _Group(item.arrived)
        return group

    def _key(self, alert: AlertEvent) -> Hashable:
        if self._policy.wait_seconds <= 0:
            return next(self._singles)
        return tuple(str(value_of(alert, each)) for each in self._policy.by)

    def _next_again(self) -> Due | None:
        for identity, again in self._again.items():
            if again.is_whole(self._read_to):
                del self._again[identity]
                order = {alert: number for number, alert in enumerate(again.queued.alerts)}
                items = sorted(again.items.values(), key=lambda each: order[each.alert.id])
                return Due(tuple(items), again.queued)
        return None

    def _next_group(self, now: float) -> _Group | None:
        if self._full:
            return self._full.pop(0)
        for key, group in self._open.items():
            if now >= group.opened + self._policy.wait_seconds or self._count >= MAX_WAITING:
                del self._open[key]
                return group
        return None


def value_of(alert: AlertEvent, name: GroupField) -> str | Series:
    """What groups are told apart by."""
    match name:
        case "rule":
            return alert.rule
        case "series":
            return alert.series
        case "severity":
            return alert.severity
        case "by":
            return alert.series.by


def shared(alerts: Sequence[AlertEvent], by: Iterable[GroupField]) -> dict[str, str]:
    """Of the fields that are grouped by, those in which all of the alerts agree."""
    found = {name: {str(value_of(alert, name)) for alert in alerts} for name in by}
    return {name: values.pop() for name, values in found.items() if len(values) == 1}
