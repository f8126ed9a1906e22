"""A scored partition of this process: its mind, and how far what was told of it has come.

Owns the bookkeeping of offsets and alert ids; what fires is decided in `monitor.surge`, and
reading and writing are the role's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.records import AlertEvent, Scored
from monitor.surge.adopting import adopt
from monitor.surge.ledger import StateRecord
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import Rounds


@dataclass(slots=True, eq=False)
class Owned:
    """A scored partition.

    Below `live_from` the alerts had been written before this process had the partition: there
    the state is rebuilt in silence. Up to `log_end`, where the log ended when the partition came,
    an owner before may have written some that it did not commit: those are `known` by their ids.

    Attributes:
        watch: the partition's state.
        rounds: its snapshots.
        position: the offset of the next record to apply.
        live_from: see above.
        log_end: see above.
        known: see above.
        alerts_from: by partition of `alerts`, where the search for `known` began.
        alerts_to: by partition of `alerts`, a position behind all that was found or written.
        state_end: the position in `state` behind all that was read or written.
        committed: the offset committed to the consumer group.
        next_round: when the next snapshot is due, on the monotonic clock.
        withdrawn: events to be written before the next record: what fired when the partition came
            and no rule stands for any more.
    """

    watch: PartitionWatch
    rounds: Rounds
    position: int
    live_from: int
    log_end: int
    known: set[str]
    alerts_from: dict[int, int]
    alerts_to: dict[int, int]
    state_end: int
    committed: int = 0
    next_round: float = 0.0
    withdrawn: list[AlertEvent] = field(default_factory=list)
    _live: bool = field(init=False, default=False)

    @property
    def has_moved(self) -> bool:
        """Whether there is something to commit."""
        return self._live and self.position > max(self.committed, self.live_from)

    @property
    def last_committed(self) -> int:
        """The offset that the group has, as far as this process knows."""
        return max(self.committed, self.live_from)

    def apply(self, offset: int, record: Scored) -> list[AlertEvent]:
        """Take the next record; returns the events that are to be written, in order."""
        events = self._go_live() if offset >= self.live_from else []
        caused = self.watch.apply(offset, record)
        self.position = offset + 1
        if self._live:
            events += caused
        if offset > self.log_end:
            self.known.clear()
        return [event for event in events if event.id not in self.known]

    @property
    def is_past(self) -> bool:
        """Whether all that an owner before may have told lies behind."""
        return self._live and self.position > self.log_end

    def adopt(self, plan: WatchPlan) -> list[AlertEvent]:
        """Go on under another plan, from the next record on; the next snapshot is due at once.

        To be called where `is_past`. Returns the events to be written: the ends of the alerts
        that no rule stands for any more.
        """
        adopted = adopt(self.watch, self.rounds, plan, self.position)
        self.watch, self.rounds = adopted.watch, adopted.rounds
        self.next_round = 0.0
        return adopted.withdrawn

    def skip(self, offset: int) -> None:
        """Pass over a record that can't be read."""
        self.watch.outcomes["unreadable"] += 1
        self.position = offset + 1

    def snapshot(self, series: int, now: float, interval: float) -> list[StateRecord]:
        """The next records for `state`, in order; none while no snapshot is due.

        Args:
            series: how many series at most.
            now: the monotonic clock.
            interval: seconds from one round to the next.
        """
        if not self.rounds.under_way:
            if now < self.next_round or self.position == self.rounds.committed:
                return []
            self.next_round = now + interval
            passed = self.position >= self.log_end
            self.rounds.begin(self.position, self.alerts_to if passed else self.alerts_from)
        return self.rounds.step(self.position, series)

    def written(self, acknowledged: Iterable[tuple[int, int]]) -> None:
        """Take note of where events came to stand: partition and offset in `alerts`."""
        for partition, offset in acknowledged:
            self.alerts_to[partition] = max(self.alerts_to.get(partition, 0), offset + 1)

    def _go_live(self) -> list[AlertEvent]:
        if self._live:
            return []
        self._live = True
        return self.watch.firing()
