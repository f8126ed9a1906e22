"""Every metric that newsurge exposes, and nothing else.

Labels come from bounded sets only (partition, topic, class, rule, receiver, reason), never
from text or ids. One registry for the process; roles update, `monitor.web` serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase

from monitor import __version__

disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
REGISTRY = CollectorRegistry()
PROCESS = ProcessCollector(registry=REGISTRY)
"""`process_cpu_seconds_total` and others of the process, under Prometheus' own names; on Linux."""

_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

news_records_total = Counter(
    "newsurge_news_records", "News records taken up, by what became of them.", ["outcome"],
    registry=REGISTRY,
)  # fmt: skip
dead_letters_total = Counter(
    "newsurge_dead_letters", "Records sent to the dead-letter stream, by reason.", ["reason"],
    registry=REGISTRY,
)  # fmt: skip
unjudged_items_total = Counter(
    "newsurge_unjudged_items", "Items that the model could not judge, by reason.", ["reason"],
    registry=REGISTRY,
)  # fmt: skip
judged_items_total = Counter(
    "newsurge_judged_items", "Items judged, by their most probable topic and sentiment.",
    ["topic", "sentiment"], registry=REGISTRY,
)  # fmt: skip
inference_seconds = Histogram(
    "newsurge_inference_seconds", "Time of one chunk in the model.", buckets=_LATENCY_BUCKETS,
    registry=REGISTRY,
)  # fmt: skip
inference_failures_total = Counter(
    "newsurge_inference_failures", "Tries of the model that failed, each of a batch or more.",
    ["kind"], registry=REGISTRY,
)  # fmt: skip
prepare_seconds = Histogram(
    "newsurge_prepare_seconds", "Time to decode and tokenise one chunk.", buckets=_LATENCY_BUCKETS,
    registry=REGISTRY,
)  # fmt: skip
emit_seconds = Histogram(
    "newsurge_emit_seconds", "Time until a chunk's scored records were acknowledged.",
    buckets=_LATENCY_BUCKETS, registry=REGISTRY,
)  # fmt: skip
consumer_lag_records = Gauge(
    "newsurge_consumer_lag_records", "Records of the partition not yet taken up.",
    ["stream", "partition"], registry=REGISTRY,
)  # fmt: skip
scored_records_total = Counter(
    "newsurge_scored_records", "Scored records applied by WATCH, by what became of them.",
    ["outcome"], registry=REGISTRY,
)  # fmt: skip
clock_timestamp_seconds = Gauge(
    "newsurge_clock_timestamp_seconds", "The log clock of the scored partition.", ["partition"],
    registry=REGISTRY,
)  # fmt: skip
stalled_news_partitions = Gauge(
    "newsurge_stalled_news_partitions", "News partitions whose marks stopped, as seen by WATCH.",
    ["partition"], registry=REGISTRY,
)  # fmt: skip
snapshot_timestamp_seconds = Gauge(
    "newsurge_snapshot_timestamp_seconds", "When the scored partition's last snapshot was whole.",
    ["partition"], registry=REGISTRY,
)  # fmt: skip
snapshots_refused_total = Counter(
    "newsurge_snapshots_refused", "Snapshots that could not be used, by reason.", ["reason"],
    registry=REGISTRY,
)  # fmt: skip
alert_transitions_total = Counter(
    "newsurge_alert_transitions", "Alert events emitted.", ["rule", "state"], registry=REGISTRY
)
alerts_firing = Gauge(
    "newsurge_alerts_firing", "Series on which the rule fires now.", ["rule"], registry=REGISTRY
)
series_stories = Gauge(
    "newsurge_series_stories", "Stories of the series in the last hour of its clock.",
    ["by", "key"], registry=REGISTRY,
)  # fmt: skip
series_negative_stories = Gauge(
    "newsurge_series_negative_stories", "Negative stories of the series in the last hour.",
    ["by", "key"], registry=REGISTRY,
)  # fmt: skip
series_expected_negative_stories = Gauge(
    "newsurge_series_expected_negative_stories",
    "Negative stories that the series' own past leads one to expect in that hour.",
    ["by", "key"], registry=REGISTRY,
)  # fmt: skip
series_negative_share = Gauge(
    "newsurge_series_negative_share",
    "Share of negative stories in the last hour, 0 to 1; not a number where there are none.",
    ["by", "key"], registry=REGISTRY,
)  # fmt: skip
series_state = Gauge(
    "newsurge_series_state", "1 for the state that the series is in, else 0; of `other`, how many.",
    ["by", "key", "state"], registry=REGISTRY,
)  # fmt: skip
notifications_total = Counter(
    "newsurge_notifications", "Notifications ended, by receiver and outcome.",
    ["receiver", "outcome"], registry=REGISTRY,
)  # fmt: skip
notification_attempts_total = Counter(
    "newsurge_notification_attempts", "HTTP requests made to a receiver.", ["receiver"],
    registry=REGISTRY,
)  # fmt: skip
notification_lag_records = Gauge(
    "newsurge_notification_lag_records",
    "Alert records of the partition that were not seen through yet for the receiver.",
    ["receiver", "partition"], registry=REGISTRY,
)  # fmt: skip
notification_seconds = Histogram(
    "newsurge_notification_seconds", "From reading an alert to its delivery.", ["receiver"],
    buckets=_LATENCY_BUCKETS, registry=REGISTRY,
)  # fmt: skip
malformed_alerts_total = Counter(
    "newsurge_malformed_alerts", "Records of `alerts` that NOTIFY could not read.", ["receiver"],
    registry=REGISTRY,
)  # fmt: skip
notifications_silenced_total = Counter(
    "newsurge_notifications_silenced", "Alerts that a silence kept back from a receiver.",
    ["receiver"], registry=REGISTRY,
)  # fmt: skip
silences_active = Gauge(
    "newsurge_silences_active", "Silences that hold now; the same in every process.",
    registry=REGISTRY,
)  # fmt: skip
alerts_acknowledged = Gauge(
    "newsurge_alerts_acknowledged",
    "Episodes that someone answers for and that are not known to be over.",
    registry=REGISTRY,
)  # fmt: skip
role_restarts_total = Counter(
    "newsurge_role_restarts", "Times that a role was begun anew within the process, by reason.",
    ["role", "reason"], registry=REGISTRY,
)  # fmt: skip
unrendered_total = Counter(
    "newsurge_unrendered", "Labels and annotations whose template could not be rendered.",
    ["rule"], registry=REGISTRY,
)  # fmt: skip
model_swaps_total = Counter(
    "newsurge_model_swaps", "Models that were to take over, by what became of it.", ["outcome"],
    registry=REGISTRY,
)  # fmt: skip
rules_reload_success = Gauge(
    "newsurge_rules_reload_success", "1 when the rules' files were usable when last read, else 0.",
    registry=REGISTRY,
)  # fmt: skip
rules_reload_timestamp_seconds = Gauge(
    "newsurge_rules_reload_timestamp_seconds", "When the rules in force were read.",
    registry=REGISTRY,
)  # fmt: skip
rules_reloads_total = Counter(
    "newsurge_rules_reloads", "Times that the rules were read again, by what became of it.",
    ["outcome"], registry=REGISTRY,
)  # fmt: skip
rules_info = Gauge(
    "newsurge_rules_info", "Always 1; the label is the digest of the rules file in force.",
    ["digest"], registry=REGISTRY,
)  # fmt: skip
shadow_items_total = Counter(
    "newsurge_shadow_items", "Sampled items for the challenger beside, by what became of them.",
    ["outcome"], registry=REGISTRY,
)  # fmt: skip
shadow_agreement_total = Counter(
    "newsurge_shadow_agreement", "Items on which challenger and champion say the same, or not.",
    ["head", "agree"], registry=REGISTRY,
)  # fmt: skip
ready = Gauge("newsurge_ready", "1 when every part of the process is ready.", registry=REGISTRY)
build_info = Gauge(
    "newsurge_build_info", "Always 1; labels name the version and the model bundle.",
    ["version", "bundle", "runtime"], registry=REGISTRY,
)  # fmt: skip


def tell_build(bundle: str, runtime: str) -> None:
    """Tell which bundle serves, and what runs it; the one before is told no more."""
    build_info.clear()
    build_info.labels(__version__, bundle, runtime).set(1)


def tell_rules(digest: str) -> None:
    """Tell which rules are in force from now on; those before are told no more."""
    rules_reload_success.set(1)
    rules_reload_timestamp_seconds.set_to_current_time()
    rules_info.clear()
    rules_info.labels(digest).set(1)


class Defined(NamedTuple):
    """A metric as it is defined here: its exposed name, type, help text and label names."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...]


def defined() -> Iterator[Defined]:
    """Every metric, in the order of their definition, whether it has told anything yet or not."""
    for metric in list(globals().values()):
        if isinstance(metric, MetricWrapperBase):
            yield as_defined(metric)


def as_defined(metric: MetricWrapperBase) -> Defined:
    """What there is to know of one metric."""
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return Defined(name, family.type, family.documentation, tuple(metric._labelnames))  # noqa: SLF001 - there is no public way to them
