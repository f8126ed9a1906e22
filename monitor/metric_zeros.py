"""Counters are there at 0 before their first event, where the values of their labels are known.

Prometheus can't see the first increase of a series that did not exist before, and a graph of
nothing says nothing. Owns which counters belong to which role, rule and receiver; what a label
may say is in `monitor.metrics_doc`, which a test holds against the code.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from prometheus_client import Counter, Histogram

from monitor import metrics
from monitor.metrics_doc import bounded_values

_OF_ROLE: dict[str, tuple[Counter, ...]] = {
    "score": (
        metrics.news_records_total,
        metrics.dead_letters_total,
        metrics.unjudged_items_total,
        metrics.inference_failures_total,
        metrics.model_swaps_total,
    ),
    "watch": (metrics.scored_records_total, metrics.snapshots_refused_total),
    "notify": (),
    "reload": (metrics.rules_reloads_total,),
}
_OF_SHADOW = (metrics.shadow_items_total, metrics.shadow_agreement_total)
_OF_RULE = (metrics.alert_transitions_total, metrics.unrendered_total)
_OF_RECEIVER = (
    metrics.notifications_total,
    metrics.notification_attempts_total,
    metrics.malformed_alerts_total,
    metrics.notifications_silenced_total,
    metrics.notification_seconds,
)


def begin_role(role: str) -> None:
    """Show the counters of a role that this process plays; `reload` is one too."""
    _begin(_OF_ROLE[role], {})
    _begin((metrics.role_restarts_total,), {"role": role})


def begin_topics(topics: Iterable[str]) -> None:
    """Show the counters of the topics that SCORE's model knows; `none` is one too."""
    for topic in topics:
        _begin((metrics.judged_items_total,), {"topic": topic})


def begin_shadow() -> None:
    """Show the counters of a challenger beside the model that serves."""
    _begin(_OF_SHADOW, {})


def begin_rules(rules: Iterable[str]) -> None:
    """Show the counters of rules, by their names."""
    for rule in rules:
        _begin(_OF_RULE, {"rule": rule})


def begin_receiver(receiver: str) -> None:
    """Show the counters of a receiver, by its name."""
    _begin(_OF_RECEIVER, {"receiver": receiver})


def _begin(shown: Iterable[Counter | Histogram], known: dict[str, str]) -> None:
    for metric in shown:
        defined = metrics.as_defined(metric)
        values = [
            [known[label]] if label in known else sorted(bounded_values(defined.name, label) or ())
            for label in defined.labels
        ]
        for labels in product(*values):
            metric.labels(*labels)
