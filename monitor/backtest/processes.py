"""Sharing a backtest out among processes: series are independent of each other.

Owns which process plays which series, and putting together what they found; it plays nothing.
"""

from __future__ import annotations

import heapq
import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitor.backtest.arranging import EVERYWHERE, Arranged
from monitor.backtest.curve import Varied
from monitor.backtest.playing import Part, Played, play
from monitor.backtest.refusals import Refusals
from monitor.backtest.result import Refused
from monitor.backtest.sampling import Sample, timeline_step
from monitor.records import AlertEvent, Series
from monitor.surge.plan import WatchPlan

WORTH_A_PROCESS = 40_000
"""Fewer records are played sooner than another process has started."""
_LOOK_SECONDS = 0.2
_progress: Any = None


@dataclass(frozen=True)
class Together:
    """What all parts found; the events of each rule file are in the order of their times."""

    events: tuple[tuple[AlertEvent, ...], ...]
    outcomes: dict[str, int]
    models: tuple[str, ...]
    refused: tuple[Refused, ...]
    samples: list[Sample]
    varied: Varied


def share_out(
    arranged: Arranged, plans: Sequence[WatchPlan], mark_ms: int, count: int, *, with_curve: bool
) -> list[Part]:
    """The parts of a history, for so many processes at most.

    What comes out does not depend on their number: every record keeps the offset that it has in
    the whole, and time passes in each part as in the whole.
    """
    slide = plans[0].statistics.slide
    begin = (int(arranged.arrival[0]) - 1) // slide * slide
    end = -(-int(arranged.arrival[-1]) // slide) * slide
    plans = [replace(plan, news_partitions=1) for plan in plans]
    shares = _shares(arranged, plans, max(1, min(count, len(arranged) // WORTH_A_PROCESS)))
    parts = []
    for share in shares:
        numbers = [i for i, series in enumerate(arranged.series) if series in share]
        own = np.flatnonzero(np.isin(arranged.of_series, [*numbers, EVERYWHERE]))
        parts.append(
            Part(
                partition=0,
                plans=tuple(_part_of(plan, share) for plan in plans),
                files=arranged.files,
                names=arranged.names,
                file=arranged.file[own],
                place=arranged.place[own],
                length=arranged.length[own],
                line=arranged.line[own],
                offset=own.astype(np.int64),
                arrival=arranged.arrival[own],
                begin=begin,
                end=end,
                mark_ms=mark_ms,
                timeline=timeline_step(plans[0], begin, end),
                changes=arranged.changes,
                with_curve=with_curve,
            )
        )
    return parts


def play_all(parts: Sequence[Part], count: int, tell: Callable[[int], None]) -> Together:
    """Play every part, in so many processes at most.

    Args:
        parts: the parts.
        count: how many processes; with one, or one part, it is this one.
        tell: told now and then how many records have been played in all.
    """
    if count > 1 and len(parts) > 1:
        return _together(_in_processes(parts, count, tell))
    played, before = [], 0
    for part in parts:
        played.append(play(part, lambda number, before=before: tell(before + number)))  # type: ignore[misc]  # a default binds it
        before += len(part.offset)
    return _together(played)


def _shares(arranged: Arranged, plans: Sequence[WatchPlan], count: int) -> list[set[Series]]:
    """All series, shared out so that each share has about as many records: the largest first."""
    sizes = Counter(dict.fromkeys((series for plan in plans for series in plan.series), 0))
    numbers, records = np.unique(arranged.of_series, return_counts=True)
    for number, size in zip(numbers.tolist(), records.tolist(), strict=True):
        if number != EVERYWHERE:
            sizes[arranged.series[number]] = size
    shares: list[set[Series]] = [set() for _ in range(count)]
    heap = [(0, number) for number in range(count)]
    for series, size in sizes.most_common():
        held, number = heapq.heappop(heap)
        shares[number].add(series)
        heapq.heappush(heap, (held + size, number))
    return shares


def _part_of(plan: WatchPlan, share: set[Series]) -> WatchPlan:
    return replace(plan, series=tuple(series for series in plan.series if series in share))


def _in_processes(parts: Sequence[Part], count: int, tell: Callable[[int], None]) -> list[Played]:
    context = multiprocessing.get_context("spawn")
    done = context.Array("q", len(parts), lock=False)
    with ProcessPoolExecutor(
        min(count, len(parts)), context, initializer=_begin, initargs=(done,)
    ) as pool:
        work = [pool.submit(_play_in_process, number, part) for number, part in enumerate(parts)]
        waiting = set(work)
        try:
            while waiting:
                _, waiting = wait(waiting, _LOOK_SECONDS, FIRST_EXCEPTION)
                tell(sum(done))
                if any(one.done() and one.exception() for one in work):
                    break
        finally:
            pool.shutdown(wait=all(one.done() for one in work), cancel_futures=True)
        return [one.result() for one in work]


def _begin(progress: Any) -> None:
    global _progress  # noqa: PLW0603  # what a process of the pool is given once
    _progress = progress


def _play_in_process(number: int, part: Part) -> Played:
    def tell(count: int) -> None:
        _progress[number] = count

    return play(part, tell)


def _together(played: Sequence[Played]) -> Together:
    refusals, outcomes, varied = Refusals(), Counter[str](), Varied()
    for one in played:
        refusals.merge(one.refused)
        outcomes.update(one.outcomes)
        for variant, spells in one.varied.items():
            varied.setdefault(variant, {}).update(spells)
    by_file = zip(*(one.events for one in played), strict=True)
    return Together(
        events=tuple(
            tuple(sorted((event for events in each for event in events), key=_order))
            for each in by_file
        ),
        outcomes=dict(sorted(outcomes.items())),
        models=tuple(sorted({model for one in played for model in one.models})),
        refused=refusals.found(),
        samples=[sample for one in played for sample in one.samples],
        varied=varied,
    )


def _order(event: AlertEvent) -> tuple[int, str, Series, str]:
    return event.resolved_at or event.fired_at, event.rule, event.series, event.id
