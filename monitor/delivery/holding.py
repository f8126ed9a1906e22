"""What silences keep back in one lane, and when it is told after all. Pure; told the time.

A silence keeps back what fires. What a receiver was told of before, it is told the end of, silence
or not, so that nothing stays open there for ever; of what was kept back it hears no end either.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from monitor.delivery.grouping import Item
from monitor.desk.board import Board
from monitor.desk.records import episode_of
from monitor.records import Series


@dataclass
class Sorted:
    """What becomes of some alerts.

    Attributes:
        told: to be told now, in their order.
        kept_back: not told while a silence lasts; each names its silence in `silenced_by`.
        dropped: never told, because they are over before their silence was; as above.
    """

    told: list[Item] = field(default_factory=list)
    kept_back: list[Item] = field(default_factory=list)
    dropped: list[Item] = field(default_factory=list)


class Holding:
    """The firing alerts that are kept back, one at most for a rule on a series.

    Args:
        board: what the desk has said.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._held: dict[tuple[str, Series], Item] = {}
        self._version = -1
        self._look_at = 0

    def keep(self, item: Item) -> None:
        """Keep an alert back that was kept back before; it names its silence."""
        self._held[item.source] = item
        self._version = -1

    def sort(self, items: tuple[Item, ...], now: int) -> Sorted:
        """Decide what becomes of alerts, in their order, at `now` (milliseconds)."""
        found = Sorted()
        for item in items:
            if item.alert.state == "resolved":
                begin = self.over(item)
                if begin is None:
                    found.told.append(item)
                else:
                    found.dropped += [replace(item, silenced_by=begin.silenced_by), begin]
                continue
            # Only a changed rule begins a second episode without the end of the first.
            if (before := self._held.pop(item.source, None)) is not None:
                found.dropped.append(before)
            silence = self._board.silence_of(item.alert, now)
            if silence is None:
                found.told.append(item)
            else:
                held = replace(item, silenced_by=silence.id)
                found.kept_back.append(held)
                self.keep(held)
        return found

    def over(self, item: Item) -> Item | None:
        """Take out the alert that was kept back and that a resolved one ends."""
        held = self._held.get(item.source)
        if held is None or episode_of(held.alert) != episode_of(item.alert):
            return None
        return self._held.pop(item.source)

    def release(self, now: int) -> list[Item]:
        """Take out what no silence keeps back any more at `now` (milliseconds), oldest first."""
        if not self._held or (self._version == self._board.version and now < self._look_at):
            return []
        self._version = self._board.version
        silences = {key: self._board.silence_of(it.alert, now) for key, it in self._held.items()}
        self._look_at = min((each.over_at for each in silences.values() if each), default=0)
        freed = [self._held.pop(key) for key, silence in silences.items() if silence is None]
        return sorted(freed, key=lambda item: item.place.offset)

    def next_release(self) -> int | None:
        """When a silence ends, in milliseconds, by what was known at the last `release`."""
        if not self._held:
            return None
        return self._look_at if self._version == self._board.version else 0
