"""The contest on the real wire: false alarms on calm days, delays at injected rises, known bursts.

Owns what is measured and the rows of results; how they are shown is in `report`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.detecting.contests import (
    Arena,
    OracleContest,
    PeerContest,
    Trials,
    Values,
    pane_dispersion,
)
from benchmarks.detecting.episodes import DAY
from benchmarks.detecting.injection import Rise, rises
from benchmarks.detecting.ours import Ours, surge_rule
from benchmarks.detecting.peers import adwin, all_peers, page_hinkley
from benchmarks.detecting.series import BEGIN, CALENDAR, TIMEZONE, Wire
from benchmarks.detecting.spans import LAST, TUNED, pane
from monitor.surge.baseline import Counts
from monitor.surge.prior import Prior

REQUEST_DAYS = 30
RISES = (2, 3, 5)
STARTS = 60
_SEED = 20090309
_SHOWN_DAYS = 40


@dataclass(frozen=True)
class Outcome:
    """One detector on one series: realised false alarms, and its delays at each rise.

    `tuned` says how its level was found: not at all (`derived`), on the span before (`before`), or
    on the tested span itself (`hindsight`). `realised` is false alarms on the calm days of the
    test span as a multiple of the request; `medians` are hours by rise, with the starts dropped
    and missed.
    """

    series: str
    detector: str
    kind: str
    tuned: str
    realised: float
    medians: dict[int, float]
    dropped: dict[int, int]
    missed: dict[int, int]


def _outcome(
    arena: Arena,
    detector: str,
    kind: str,
    tuned: str,
    realised: float,
    trials: dict[int, Trials],
) -> Outcome:
    return Outcome(
        arena.wire.name,
        detector,
        kind,
        tuned,
        realised * REQUEST_DAYS,
        {rise: each.median for rise, each in trials.items()},
        {rise: each.dropped for rise, each in trials.items()},
        {rise: int(np.isinf(each.delays).sum()) for rise, each in trials.items()},
    )


def injected(wire: Wire) -> dict[int, list[Rise]]:
    """The rises that every detector is shown on a series."""
    return {factor: rises(wire, factor, STARTS, _SEED + factor) for factor in RISES}


def contest(arena: Arena, prior: Prior, shown: dict[int, list[Rise]]) -> Iterator[Outcome]:
    """Every detector on one series, at one false alarm in `REQUEST_DAYS` days."""
    yield from _our_outcomes(arena, prior, shown)
    yield _oracle_outcome(arena, shown)
    for peer in all_peers():
        yield from _peer_outcomes(arena, PeerContest(peer, arena), shown)
    for name, alarm_hours in (("Page-Hinkley", page_hinkley), ("ADWIN", adwin)):
        yield from _generic(arena, f"{name} (river), 1 h", alarm_hours, shown)


def _peer_outcomes(
    arena: Arena, one: PeerContest, shown: dict[int, list[Rise]]
) -> Iterator[Outcome]:
    seen = {rise: [one.with_rise(each) for each in some] for rise, some in shown.items()}
    for tuned in ("before", "hindsight"):
        level = arena.tune(one.alarms, 1 / REQUEST_DAYS, tested=tuned == "hindsight")
        trials = {rise: Trials() for rise in shown}
        for rise, some in shown.items():
            for each, statistic in zip(some, seen[rise], strict=True):
                one.trial(statistic, each, level, trials[rise])
        realised = arena.false_alarms(one.alarms(level), tested=True)
        yield _outcome(arena, one.peer.name, one.peer.kind, tuned, realised, trials)


def run_ours(
    wire: Wire, prior: Prior, until: str, rise_list: list[tuple[Rise, Trials]], **rule: object
) -> list[int]:
    """Ours over the test span, with rises tried from where it stands at their starts.

    Returns the panes of its alarms without any rise.
    """
    ours = Ours(surge_rule(**rule), prior, wire.name, TIMEZONE, CALENDAR)
    first = pane(TUNED)
    waiting = sorted(rise_list, key=lambda one: one[0].start)
    for counts in wire.counts(first, pane(until) - 1):
        while waiting and waiting[0][0].start <= counts.pane:
            rise, trials = waiting.pop(0)
            _try_ours(ours, wire, rise, trials)
        ours.step(counts)
    return ours.alarms


def _try_ours(ours: Ours, wire: Wire, rise: Rise, trials: Trials) -> None:
    if ours.fires or (ours.alarms and ours.alarms[-1] >= rise.start - DAY):
        trials.dropped += 1
        return
    first = rise.start - BEGIN
    part = slice(first, first + len(rise.added))
    negative, stories = wire.negative[part] + rise.added, wire.stories[part] + rise.added
    held = np.flatnonzero(stories)
    other = ours.copy()
    for at in held.tolist():
        other.step(Counts(rise.start + at, int(negative[at]), int(stories[at])))
        if other.alarms:
            break
    trials.take(other.alarms, rise.start)


def _our_outcomes(arena: Arena, prior: Prior, shown: dict[int, list[Rise]]) -> Iterator[Outcome]:
    """Ours at `factor` 2 for every rise, and designed for each rise."""
    request = f"1 per {REQUEST_DAYS}d"
    trials = {rise: Trials() for rise in shown}
    given = [(each, trials[rise]) for rise, some in shown.items() for each in some]
    alarms = run_ours(arena.wire, prior, LAST, given, factor=2, false_alarms=request)
    realised = [arena.false_alarms(alarms, tested=True)]
    yield _outcome(arena, "ours, factor 2", "ours", "derived", realised[0], trials)
    designed = {2: trials[2]}
    for rise in RISES[1:]:
        designed[rise] = Trials()
        given = [(each, designed[rise]) for each in shown[rise]]
        fields = {"factor": rise, "false_alarms": request}
        alarms = run_ours(arena.wire, prior, LAST, given, **fields)
        realised.append(arena.false_alarms(alarms, tested=True))
    mean = float(np.mean(realised))
    yield _outcome(arena, "ours, factor = rise", "ours designed", "derived", mean, designed)


def _oracle_outcome(arena: Arena, shown: dict[int, list[Rise]]) -> Outcome:
    trials, realised = {}, []
    dispersion = pane_dispersion(arena)
    for rise, some in shown.items():
        oracle = OracleContest(arena, rise, dispersion)
        level = arena.tune(oracle.alarms, 1 / REQUEST_DAYS, tested=True)
        trials[rise] = Trials()
        for each in some:
            oracle.trial(each, level, trials[rise])
        realised.append(arena.false_alarms(oracle.alarms(level), tested=True))
    mean = float(np.mean(realised))
    return _outcome(arena, "oracle CUSUM", "oracle", "hindsight", mean, trials)


_Hourly = Callable[[Values, float, float], list[int]]


def _generic(
    arena: Arena, name: str, alarm_hours: _Hourly, shown: dict[int, list[Rise]]
) -> Iterator[Outcome]:
    """A generic detector of river, on counts of an hour."""
    negative = arena.wire.negative
    whole = negative[: len(negative) // 60 * 60].reshape(-1, 60).sum(axis=1).astype(np.float64)
    usual = float(whole[: (pane(TUNED) - BEGIN) // 60].mean())

    def alarms(level: float) -> list[int]:
        return [BEGIN + hour * 60 + 59 for hour in alarm_hours(whole, level, usual)]

    for tuned in ("before", "hindsight"):
        level = arena.tune(alarms, 1 / REQUEST_DAYS, tested=tuned == "hindsight")
        trials = {rise: Trials() for rise in shown}
        for rise, some in shown.items():
            for each in some:
                news, offset = _hourly_with(whole, each)
                hours = alarm_hours(news, level, usual)
                ends = [each.start + (hour - offset) * 60 + 59 for hour in hours]
                trials[rise].take(ends, each.start)
        realised = arena.false_alarms(alarms(level), tested=True)
        yield _outcome(arena, name, "generic", tuned, realised, trials)


def _hourly_with(whole: Values, rise: Rise) -> tuple[Values, int]:
    """Hourly counts around a rise, and how many of them lie before it."""
    begin = (rise.start - BEGIN) // 60
    first = max(0, begin - _SHOWN_DAYS * 24)
    news = whole[first : begin + len(rise.added) // 60].copy()
    before = begin - first
    added = rise.added[: (len(news) - before) * 60]
    news[before:] += added.reshape(-1, 60).sum(axis=1)
    return news, before
