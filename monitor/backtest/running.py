"""One backtest from beginning to end: history and rule files in, what they would have told out.

Owns the order of the steps. It shows nothing; the command does.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from monitor.backtest.gathering import Gathering, gather
from monitor.backtest.logged import read_logged
from monitor.backtest.processes import Together, play_all, share_out
from monitor.backtest.refusals import Refusals
from monitor.backtest.result import Backtest, Event, History, Timeline
from monitor.backtest.sampling import Sample
from monitor.backtest.scores import Scoring
from monitor.backtest.sources import find_sources
from monitor.backtest.weighing import compare, weigh
from monitor.errors import FeedError
from monitor.model.judge import load_judge
from monitor.model.registry import serving_bundle
from monitor.records import Series
from monitor.scoring.watchlist import load_watchlist
from monitor.settings import Settings
from monitor.streams.admin import as_deployed
from monitor.streams.spec import stream_name
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import DeadManRule, Match
from monitor.watch_plan import deployed_plan

MOST_RULE_FILES = 2
Tell = Callable[[str, int, int | None], None]
"""Told what is being done, how far it has come, and of how much, where that is known."""


@dataclass(frozen=True)
class Options:
    """What a backtest is told beside its history.

    `rules` are one or two rule files. `cache` is where scores of raw news are kept. `processes`
    is how many may play at once.
    """

    rules: tuple[Path, ...]
    cache: Path
    events: tuple[Event, ...] = ()
    with_curve: bool = True
    processes: int = 1


@dataclass(frozen=True)
class _Told:
    """What is known of a history once it has been played."""

    history: History
    together: Together
    doubts: tuple[str, ...]
    step: int


def backtest_files(
    paths: Sequence[Path], settings: Settings, options: Options, tell: Tell = lambda *_: None
) -> Backtest:
    """Try rules on files of history.

    Args:
        paths: the files.
        settings: the deployment.
        options: what else there is to say.
        tell: told of progress.

    Raises:
        NewsurgeError: when a file, the rules or the model can't be used.
    """
    plans = [_without_dead_men(plan) for plan in _plans(settings, options)]
    sources = find_sources(paths)
    bundle = serving_bundle(settings.model)
    watchlist = load_watchlist(settings.score.watchlist)
    refusals = Refusals()
    judge = cache(lambda: load_judge(bundle, settings))
    mark_ms = max(1, round(settings.score.mark_interval_seconds * 1000))
    with tempfile.TemporaryDirectory(prefix="newsurge-backtest-") as scratch:
        gathering = Gathering(
            settings=settings,
            watchlist=watchlist,
            directory=Path(scratch),
            now=time.time_ns() // 1_000_000,
            scoring=lambda told: Scoring(settings, bundle, watchlist, options.cache, judge, told),
            tell=lambda what, done: tell(what, done, None),
        )
        arranged, doubtful = gather(sources, gathering, refusals)
        parts = share_out(
            arranged, plans, mark_ms, options.processes, with_curve=options.with_curve
        )
        total = sum(len(part.offset) for part in parts)
        together = play_all(parts, options.processes, lambda done: tell("playing", done, total))
    refusals.merge(together.refused)
    history = History(
        sources=tuple(source.path.name for source in sources),
        marks="times",
        first=int(arranged.arrival[0]),
        last=int(arranged.arrival[-1]),
        scored_records=int((arranged.of_series >= 0).sum()),
        outcomes=together.outcomes,
        models=together.models,
        refused=refusals.found(),
    )
    doubts = tuple(
        f"{path.name} has no column story or title, so each row counts as a story of its own"
        for path in doubtful
    )
    return _backtest(plans, options, _Told(history, together, doubts, parts[0].timeline))


async def backtest_stream(
    settings: Settings, options: Options, tell: Tell = lambda *_: None
) -> Backtest:
    """Try rules on the past of the deployment's `scored` stream, as it was logged.

    Raises:
        NewsurgeError: when the stream, the rules or the bundle can't be used.
    """
    settings = await as_deployed(settings)
    plans = _plans(settings, options)
    with tempfile.TemporaryDirectory(prefix="newsurge-backtest-") as scratch:
        logged = await read_logged(
            settings,
            plans,
            Path(scratch),
            with_curve=options.with_curve,
            tell=lambda done: tell("reading the stream", done, None),
        )
        total = sum(len(part.offset) for part in logged.parts)
        together = play_all(
            logged.parts, options.processes, lambda done: tell("playing", done, total)
        )
    history = History(
        sources=(stream_name(settings, "scored"),),
        marks="log",
        first=logged.first,
        last=logged.last,
        scored_records=logged.records,
        outcomes=together.outcomes,
        models=together.models,
        refused=together.refused,
    )
    doubts: tuple[str, ...] = ()
    if logged.begins_late:
        doubts = ("retention took the log's beginning: what was known from it is not known here",)
    return _backtest(plans, options, _Told(history, together, doubts, logged.parts[0].timeline))


def _plans(settings: Settings, options: Options) -> list[WatchPlan]:
    if not 1 <= len(options.rules) <= MOST_RULE_FILES:
        raise FeedError("a backtest takes one rule file, or two to compare: give --rules so often")
    return [deployed_plan(settings.model_copy(update={"rules": path})) for path in options.rules]


def _without_dead_men(plan: WatchPlan) -> WatchPlan:
    """A plan for files, which say nothing of a daemon that is alive."""
    rules = tuple(rule for rule in plan.rules if not isinstance(rule, DeadManRule))
    return replace(plan, rules=rules)


def _backtest(plans: Sequence[WatchPlan], options: Options, told: _Told) -> Backtest:
    outcomes = []
    for number, (path, plan) in enumerate(zip(options.rules, plans, strict=True)):
        varied = {v: spells for v, spells in told.together.varied.items() if v.plan == number}
        alerts = told.together.events[number]
        outcomes.append(weigh(str(path), plan.rules, alerts, options.events, varied))
    return Backtest(
        history=told.history,
        events=options.events,
        outcomes=tuple(outcomes),
        comparison=(compare(outcomes[0].alarms, outcomes[1].alarms) if len(outcomes) > 1 else None),
        timelines=tuple(_timelines(told, plans[0].statistics.slide)),
        doubts=(*told.doubts, *_doubts(told.history, options)),
    )


def _doubts(history: History, options: Options) -> list[str]:
    late = history.outcomes.get("late", 0)
    outside = [e for e in options.events if e.end < history.first or e.start > history.last]
    doubts = []
    if late:
        doubts.append(
            f"{late:,} records came after their pane had closed and are left out, as live"
        )
    if outside:
        doubts.append(
            f"{len(outside):,} of {len(options.events):,} events lie outside the history, such as "
            f"{outside[0].name}"
        )
    return doubts


def _timelines(told: _Told, slide: int) -> list[Timeline]:
    samples: dict[Series, Sample] = {}
    for sample in told.together.samples:
        # The track without matchers, where there is one, is all of the series.
        if sample.match == Match() or sample.series not in samples:
            samples[sample.series] = sample
    panes = told.step // slide
    steps = range((told.history.first - 1) // told.step, (told.history.last - 1) // told.step + 1)
    return [_timeline(samples[series], steps, panes, slide) for series in sorted(samples)]


def _timeline(sample: Sample, steps: range, panes: int, slide: int) -> Timeline:
    negative, stories = dict.fromkeys(steps, 0.0), dict.fromkeys(steps, 0)
    for pane, bad, told in zip(sample.panes, sample.negative, sample.stories, strict=True):
        step = (pane - 1) // panes
        if step in negative:  # an item may be older than the history's first arrival
            negative[step] += bad
            stories[step] += told
    return Timeline(
        series=sample.series,
        start=steps.start * panes * slide,
        step_seconds=panes * slide / 1000,
        negative=tuple(round(each, 3) for each in negative.values()),
        stories=tuple(stories.values()),
        expected=tuple(
            None if (expected := sample.expected.get(step)) is None else round(expected, 4)
            for step in steps
        ),
    )
