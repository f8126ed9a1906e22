"""A partition that goes on under other rules, as a restart with these rules would have it.

Pure. What the partition holds is taken out as a snapshot would take it, and put into a new one:
a track that some rule still looks at is kept as it is, a rule that means what it meant goes on
with its life, and any other begins anew.
"""

from __future__ import annotations

from typing import NamedTuple

from monitor.records import AlertEvent
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import Rounds
from monitor.surge.series_state import StoredSeries, all_parts, series_state, track_name


class Adopted(NamedTuple):
    """A partition under its new plan; `withdrawn` are the ends of alerts that it drops."""

    watch: PartitionWatch
    rounds: Rounds
    withdrawn: list[AlertEvent]


def adopt(watch: PartitionWatch, rounds: Rounds, plan: WatchPlan, offset: int) -> Adopted:
    """Go on under another plan, before the record at `offset`.

    The watch and the rounds that are given are of no use afterwards.

    Args:
        watch: the partition as it is.
        rounds: its snapshots, which go on in the same stream.
        plan: what is to be watched in this partition from now on.
        offset: of the next record.

    Raises:
        RefusedError: when the plan has other statistics, news or idle time-out.
    """
    stored = [
        StoredSeries(series_state(each, max(offset, each.as_of), 0, 0), all_parts(each))
        for each in watch.followings()
    ]
    touched = {track_name(each): each.track.telling.touched for each in watch.followings()}
    renewed = PartitionWatch(watch.partition, plan)
    withdrawn = renewed.restore(watch.state(offset), stored)
    renewed.outcomes = watch.outcomes
    for each in renewed.followings():
        before = touched.get(track_name(each))
        if before is None:
            each.track.telling.touched = None
        else:
            # What changed since the last snapshot is still to be written.
            each.track.telling.touched = before | (each.track.telling.touched or set())
    return Adopted(renewed, rounds.under(renewed), withdrawn)
