"""Counting the rows of a history that can't be used, by reason. Nothing is lost in silence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from monitor.backtest.result import Refused

_SHOWN = 5


class Refusals:
    """Rows refused so far: all of them counted, the first few of each reason in words."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, where: str, detail: str = "") -> None:
        """Refuse one row.

        Args:
            reason: from a small set, such as `malformed_json`.
            where: the row, such as `news.jsonl: line 7`.
            detail: what exactly is wrong with it.
        """
        self._counts[reason] += 1
        if len(self._first[reason]) < _SHOWN:
            self._first[reason].append(f"{where}: {detail or reason}")

    def merge(self, others: Iterable[Refused]) -> None:
        """Take over what was counted elsewhere."""
        for other in others:
            self._counts[other.reason] += other.count
            room = _SHOWN - len(self._first[other.reason])
            self._first[other.reason] += other.first[:room]

    def found(self) -> tuple[Refused, ...]:
        """What was refused, the most frequent reason first."""
        return tuple(
            Refused(reason, count, tuple(self._first[reason]))
            for reason, count in self._counts.most_common()
        )
