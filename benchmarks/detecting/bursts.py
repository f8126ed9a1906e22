"""The known bursts: when ours told them, and how quiet it was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.detecting.contests import Arena, PeerContest
from benchmarks.detecting.episodes import DAY, episodes
from benchmarks.detecting.ours import Ours, surge_rule
from benchmarks.detecting.peers import all_peers
from benchmarks.detecting.real import REQUEST_DAYS
from benchmarks.detecting.series import CALENDAR, TIMEZONE, Wire, prior_until
from benchmarks.detecting.spans import TUNED, pane

BURSTS = (("2007-07-20", "2007-08-09"), (TUNED, "2008-09-15"), (TUNED, "2008-09-29"))
"""The day that the prior knows history up to, and the day of the burst."""
TOPICS = (
    "all=all",
    "topic=Financials",
    "topic=Fed and Central Banks",
    "topic=Treasuries and Corporate Debt",
    "topic=Markets",
    "topic=Macro",
    "topic=Company and Product News",
)
PEER = "seasonal z, 4 h"


@dataclass(frozen=True)
class Told:
    """What ours said of a burst on a series; panes count from 1970, None where nothing was told.

    `at` is the first alarm from a day before the burst's day to its end; `firing_since` the alarm
    that was firing when that day began. `peer_at` is the adjusted z-score's, its level tuned on
    the tuning span. `before` counts alarms in the thirty days up to a day before.
    """

    day: str
    series: str
    at: int | None
    firing_since: int | None
    peer_at: int | None
    before: int


def told(wires: Mapping[str, Wire]) -> Iterator[Told]:
    """Ours at `factor` 2 and one false alarm in 30 days, on each burst and topic."""
    peer = next(peer for peer in all_peers() if peer.name == PEER)
    for fitted, day in BURSTS:
        prior = prior_until(wires, fitted)
        begin, burst = pane(fitted), pane(day)
        for series in TOPICS:
            rule = surge_rule(factor=2, false_alarms=f"1 per {REQUEST_DAYS}d")
            ours = Ours(rule, prior, series, TIMEZONE, CALENDAR)
            fires_at = None
            for counts in wires[series].counts(begin, burst + DAY - 1):
                if fires_at is None and counts.pane >= burst - DAY:
                    fires_at = ours.alarms[-1] if ours.fires else 0
                ours.step(counts)
            arena = Arena(wires[series])
            contest = PeerContest(peer, arena)
            level = arena.tune(contest.alarms, 1 / REQUEST_DAYS, tested=False)
            yield Told(
                day,
                series,
                _first(ours.alarms, burst - DAY, burst + DAY),
                fires_at or None,
                _first(episodes(contest.alarms(level)), burst - DAY, burst + DAY),
                sum(burst - 31 * DAY <= alarm < burst - DAY for alarm in ours.alarms),
            )


def _first(alarms: list[int], first: int, end: int) -> int | None:
    return next((alarm for alarm in alarms if first <= alarm < end), None)
