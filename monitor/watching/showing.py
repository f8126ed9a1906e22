"""What WATCH's metrics show of the partitions that it holds, and that they show no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from monitor import metrics
from monitor.metric_zeros import begin_rules
from monitor.surge.lifecycle import State
from monitor.watching.owned import Owned


def show(partitions: Mapping[int, Owned], rules: Iterable[str]) -> None:
    """Bring the metrics up to date.

    Args:
        partitions: those held, by their numbers.
        rules: the names of the rules in force, which are shown where they fire nowhere too.
    """
    firing = Counter(dict.fromkeys(rules, 0))
    begin_rules(firing)
    for partition, owned in partitions.items():
        watch, number = owned.watch, str(partition)
        metrics.clock_timestamp_seconds.labels(number).set((watch.clock.time or 0) / 1000)
        metrics.stalled_news_partitions.labels(number).set(len(watch.clock.stalled))
        for outcome, count in watch.outcomes.items():
            metrics.scored_records_total.labels(outcome).inc(count)
        watch.outcomes.clear()
        for rule, _, state in watch.states():
            firing[rule] += state is State.FIRING
    for rule, count in firing.items():
        metrics.alerts_firing.labels(rule).set(count)


def forget_rules(rules: Iterable[str]) -> None:
    """Show no more of rules that are no more."""
    for rule in rules:
        metrics.alerts_firing.remove(rule)


def forget(partition: int) -> None:
    """Show no more of a partition that is another process's now."""
    number = str(partition)
    for gauge in (
        metrics.clock_timestamp_seconds,
        metrics.stalled_news_partitions,
        metrics.snapshot_timestamp_seconds,
    ):
        gauge.remove(number)
    metrics.consumer_lag_records.remove("scored", number)
