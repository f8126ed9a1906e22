"""Alerts that fire in `alerts` though no rule stands for them any more, and their ends.

Pure: it is shown events. Without an end a receiver would be left with an alert for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from monitor.records import AlertEvent, Series
from monitor.surge.evidence import withdrawal
from monitor.surge.plan import WatchPlan


class Orphans:
    """The alerts of one partition that are to be ended.

    Args:
        plan: what is watched now.
        withdrawn: ends that are due by the state that the partition was restored to.
    """

    def __init__(self, plan: WatchPlan, withdrawn: Iterable[AlertEvent]) -> None:
        self._hashes = {plan.hash_of(rule) for rule in plan.rules}
        self._ends = {event.id: event for event in withdrawn}
        self._fired: dict[tuple[str, Series], AlertEvent] = {}

    def look(self, told: AlertEvent) -> None:
        """Look at an event that was told, in order; those of rules in force find their own end.

        Of a dead man, who is told again and again, the last is the one to end.
        """
        if told.rule_hash in self._hashes:
            return
        if told.state == "firing":
            self._fired[told.rule_hash, told.series] = told
        else:
            self._fired.pop((told.rule_hash, told.series), None)

    def ends(self, known: Collection[str], now: int | None) -> list[AlertEvent]:
        """The events to be written, but for those whose ids are known to have been.

        Args:
            known: ids of events that were told.
            now: the time of the clock in milliseconds, where there is one.
        """
        late = (withdrawal(event, now) for event in self._fired.values())
        found = {event.id: event for event in late} | self._ends
        return [event for each, event in found.items() if each not in known]
