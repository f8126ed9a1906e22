"""Which news records a partition has applied, so that each is applied once. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.records import Origin, Series
from monitor.surge.state import AppliedState


class Applied:
    """The highest origin applied from each news partition, and which series of that one."""

    def __init__(self) -> None:
        self._latest: dict[int, tuple[int, set[Series | None]]] = {}

    def take(self, origin: Origin, series: Series | None) -> bool:
        """Whether this origin is new to this series; from now on it is not.

        None stands for all series at once, which a retraction is for.
        """
        latest = self._latest.get(origin.partition)
        if latest is None or origin.offset > latest[0]:
            self._latest[origin.partition] = (origin.offset, {series})
            return True
        offset, applied = latest
        if origin.offset < offset or series in applied:
            return False
        applied.add(series)
        return True

    def state(self) -> list[AppliedState]:
        """What was applied, to be written down."""
        return [
            AppliedState(partition, offset, sorted(applied, key=str))
            for partition, (offset, applied) in self._latest.items()
        ]

    def restore(self, states: Iterable[AppliedState]) -> None:
        """Have applied what was applied before."""
        self._latest = {one.news_partition: (one.offset, set(one.series)) for one in states}
