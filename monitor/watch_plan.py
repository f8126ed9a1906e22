"""From settings and rules to what WATCH watches, and how it counts.

Owns that translation alone: it reads the prior's file and no other, and watches nothing.
"""

from __future__ import annotations

from monitor.prior_file import load_prior
from monitor.rules_file import RuleFile
from monitor.scoring.fan_out import known_series
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings, WatchSettings
from monitor.surge.partition import WatchPlan
from monitor.surge.prior import FLAT, Prior
from monitor.surge.track import Statistics


def watch_plan(
    settings: Settings, rules: RuleFile, topics: tuple[str, ...], watchlist: Watchlist
) -> WatchPlan:
    """What WATCH watches in this deployment.

    A rule is about the known series that it matches, and about no fewer than it names.

    Raises:
        PriorError: when the prior can't be used.
    """
    series = known_series(topics, settings.score, watchlist)
    concerned = {
        rule.alert: max(sum(map(rule.concerns, series)), len(rule.match.key))
        for rule in rules.rules
    }
    return WatchPlan(
        statistics=statistics_of(settings.watch, load_prior(settings.watch.prior)),
        rules=rules.rules,
        news_partitions=settings.streams.partitions.news,
        idle_timeout=settings.watch.idle_timeout_seconds * 1000,
        series=series,
        concerned=concerned,
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
