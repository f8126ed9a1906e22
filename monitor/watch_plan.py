"""From settings and rules to what WATCH watches, how it counts, and in which partition.

Owns that translation alone, and watches nothing.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.model.registry import serving_bundle
from monitor.prior_file import load_prior
from monitor.records import Series
from monitor.rules.file import RuleFile, load_rules
from monitor.scoring.fan_out import known_series
from monitor.scoring.watchlist import Watchlist, load_watchlist
from monitor.scoring.writer import series_key
from monitor.settings import Settings, WatchSettings
from monitor.streams.spec import partition_for
from monitor.surge.plan import WatchPlan
from monitor.surge.prior import FLAT, Prior
from monitor.surge.track import Statistics


def watch_plan(
    settings: Settings, rules: RuleFile, topics: tuple[str, ...], watchlist: Watchlist
) -> WatchPlan:
    """What WATCH watches in this deployment.

    Raises:
        PriorError: when the prior can't be used.
    """
    plan = WatchPlan(
        statistics=statistics_of(settings.watch, load_prior(settings.watch.prior)),
        rules=(),
        news_partitions=settings.streams.partitions.news,
        idle_timeout=settings.watch.idle_timeout_seconds * 1000,
    )
    return planned_anew(plan, settings, rules, topics, watchlist)


def planned_anew(
    plan: WatchPlan,
    settings: Settings,
    rules: RuleFile,
    topics: tuple[str, ...],
    watchlist: Watchlist,
) -> WatchPlan:
    """A plan of other rules, topics or names; its statistics stay, and with them the prior.

    A rule is about the known series that it matches, and about no fewer than it names.
    """
    series = known_series(topics, settings.score, watchlist)
    concerned = {
        rule.alert: max(sum(map(rule.concerns, series)), len(rule.match.key))
        for rule in rules.rules
    }
    return replace(
        plan,
        rules=rules.rules,
        series=series,
        concerned=concerned,
        maintenance=rules.maintenance,
    )


def statistics_of(watch: WatchSettings, prior: Prior = FLAT) -> Statistics:
    """The deployment's choices that shape statistics."""
    return Statistics(
        slide=watch.slide_seconds * 1000,
        allowed_lateness=watch.allowed_lateness_seconds * 1000,
        duplicate_horizon=round(watch.duplicate_horizon_hours * 3_600_000),
        negative_threshold=watch.negative_threshold,
        max_stories=watch.max_stories,
        prior=prior,
    )


def deployed_plan(settings: Settings) -> WatchPlan:
    """What WATCH watches with these settings, from the files that they name.

    Raises:
        NewsurgeError: when a file can't be used.
    """
    watchlist = load_watchlist(settings.score.watchlist)
    rules = load_rules(
        settings.rules,
        settings.watch.slide_seconds,
        settings.score.dimensions,
        watchlist.keys,
        groups=watchlist.groups,
    )
    bundle = serving_bundle(settings.model)
    return watch_plan(settings, rules, bundle.meta.topics, watchlist)


def part_of(plan: WatchPlan, partition: int, count: int) -> WatchPlan:
    """What of a plan is watched in one of `count` scored partitions."""
    own = [each for each in plan.series if scored_partition(each, count) == partition]
    return replace(plan, series=tuple(own))


def scored_partition(series: Series, count: int) -> int:
    """The partition of `scored`, among `count`, that a series lives in."""
    return partition_for(series_key(series), count)
