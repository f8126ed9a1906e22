"""docs/METRICS.md, generated from `monitor.metrics`; and what each label may say, in words.

`python -m monitor.metrics_doc docs/METRICS.md` writes it; a test keeps it true. It owns words
and the values of labels: metrics are defined in `monitor.metrics`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from monitor import metrics

_HEAD = """\
# Metrics

What `/metrics` serves (port 9464, on loopback unless `http.host` says otherwise), generated from
`monitor/metrics.py` by `python -m monitor.metrics_doc docs/METRICS.md`. Each process tells of its
own work: add processes up with `sum`, but for what "the same in every process" is said of.

Names begin with `newsurge_`, units are base units, counters end in `_total`. A histogram has
`_bucket`, `_sum` and `_count`. Labels come from bounded sets, never from text or ids. Times called
`timestamp` are seconds since 1970 UTC.

Counters are there at 0 from the start of the role, rule or receiver that they belong to; those of a
challenger only where `model.shadow` names one. A gauge of a partition is there only where the
process holds that partition, so write `sum(...) or vector(0)` where a zero matters. On Linux the
process's own CPU time, memory and open files are told too, under the names that Prometheus has for
them (`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`).

Alerting rules on these metrics are in
[`deploy/prometheus/newsurge.rules.yml`](../deploy/prometheus/newsurge.rules.yml), dashboards in
[`deploy/grafana/dashboards/`](../deploy/grafana/dashboards).

"""

Values = str | Mapping[str, str]
"""What a label says: in words, or value by value."""

_COMMON: dict[str, Values] = {
    "partition": "The number of a partition, bounded by `streams.partitions`.",
    "rule": "The name of a rule in `alerts.yaml`.",
    "receiver": "The name of a receiver in `alerts.yaml`.",
    "topic": "A topic of the bundle, or `none` where no topic is probable enough to feed a series.",
    "sentiment": {"negative": "", "neutral": "", "positive": ""},
    "by": "What kind of series: `topic`, `entity`, `all`; `other` for those beyond the cap.",
    "key": "The topic, or the name on the watchlist; `other` for the sum of all series beyond "
    "`watch.max_series_metrics`, which a process shows in the order all, topics, entities.",
    "digest": "The digest of the rules file; one at a time.",
    "version": "The version of newsurge; one at a time.",
    "bundle": "The version of the model bundle that serves; one at a time.",
    "runtime": "What runs the network, such as `cpu (OpenVINO, bf16)`; `none` without SCORE.",
    "role": {"score": "", "watch": "", "notify": "", "reload": "reading the files again"},
    "stream": {"news": "read by SCORE", "scored": "read by WATCH"},
}

_OF_METRIC: dict[tuple[str, str], Values] = {
    ("newsurge_news_records_total", "outcome"): {
        "scored": "it is in `scored`",
        "dead_letter": "it is in `dead-letter`",
    },
    ("newsurge_dead_letters_total", "reason"): {
        "oversized": "larger than `streams.max_record_bytes`",
        "empty_record": "no value",
        "invalid_utf8": "",
        "malformed_json": "",
        "not_an_object": "JSON, but no object",
        "wrong_type": "a field of another type than it must have",
        "missing_title": "",
        "empty_title": "nothing left of the title after cleaning",
        "bad_published_at": "no time, or one outside the years 1 to 9999",
        "inference": "the model failed on it, even alone",
    },
    ("newsurge_unjudged_items_total", "reason"): {
        "language": "a language that the bundle does not know",
        "too_short": "too little text",
    },
    ("newsurge_inference_failures_total", "kind"): {
        "out_of_memory": "the device's memory did not suffice",
        "other": "anything else",
    },
    ("newsurge_scored_records_total", "outcome"): {
        "counted": "it counts in its series",
        "late": "its pane was closed already",
        "repeated_id": "the publisher's id was counted before",
        "repeated_origin": "the same news record was applied before",
        "unwatched": "no rule is about its series",
        "restored": "the snapshot held it already",
        "unreadable": "it could not be decoded",
        "expired": "retention deleted it before it was applied",
    },
    ("newsurge_snapshots_refused_total", "reason"): {
        "statistics": "taken under other statistics settings",
        "clock": "taken under another `idle_timeout`, or of other news partitions",
        "incomplete": "a part is missing",
        "overtaken": "a process wrote to it that had lost the partition",
        "version": "written by a newsurge whose format is another",
        "unreadable": "it could not be decoded",
        "ahead": "of an offset beyond the end of the log",
    },
    ("newsurge_alert_transitions_total", "state"): {"firing": "", "resolved": ""},
    ("newsurge_series_state", "state"): {
        "firing": "a rule fires on it",
        "pending": "a rule's condition holds, but not yet for as long as `for` asks",
        "warming": "too little is known of its past for a surge rule to rely on",
        "silent": "an `absent` rule fires on it, or the hour has no story",
        "calm": "none of these",
    },
    ("newsurge_notifications_total", "outcome"): {
        "ok": "delivered",
        "permanent_status": "given up: an answer that no repeat would change",
        "gone": "given up: the receiver answered 410",
        "deadline": "given up after tries for `notify.give_up_after_seconds`",
    },
    ("newsurge_role_restarts_total", "reason"): {
        "broker": "the broker did not answer or was not ready",
        "fenced": "the group or the producer had moved on without it",
        "client": "a task of the Kafka client failed",
        "stalled": "its loop stood still for `kafka.stall_timeout_seconds`",
        "left_out": "it held no partition although some were nobody's",
    },
    ("newsurge_model_swaps_total", "outcome"): {"swapped": "", "refused": "the old one serves on"},
    ("newsurge_rules_reloads_total", "outcome"): {
        "adopted": "",
        "refused": "those in force stay",
    },
    ("newsurge_shadow_items_total", "outcome"): {
        "compared": "",
        "unjudged": "one of the two could not judge it",
        "failed": "the challenger failed",
        "dropped": "the challenger was behind",
    },
    ("newsurge_shadow_agreement_total", "head"): {"topic": "", "sentiment": ""},
    ("newsurge_shadow_agreement_total", "agree"): {"yes": "", "no": ""},
}


class Described(NamedTuple):
    """A metric as it is exposed; `labels` with what each may say."""

    name: str
    type: str
    help: str
    labels: dict[str, Values]


def described() -> Iterator[Described]:
    """Every metric of the registry, in its order.

    Raises:
        KeyError: for a label that nothing here says anything of.
    """
    for metric in metrics.defined():
        labels = {
            label: _OF_METRIC.get((metric.name, label)) or _COMMON[label] for label in metric.labels
        }
        yield Described(metric.name, metric.type, metric.help, labels)


def bounded_values(name: str, label: str) -> set[str] | None:
    """The values that a label of a metric may have, where they are known by name."""
    values = _OF_METRIC.get((name, label)) or _COMMON[label]
    return None if isinstance(values, str) else set(values)


def document() -> str:
    """The page, as Markdown."""
    return _HEAD + "\n".join(_section(metric) for metric in described())


def _section(metric: Described) -> str:
    lines = [f"## `{metric.name}`", "", f"{metric.type}. {metric.help}", ""]
    for label, values in metric.labels.items():
        if isinstance(values, str):
            lines.append(f"- `{label}`: {values}")
        else:
            told = (
                f"`{value}` ({words})" if words else f"`{value}`" for value, words in values.items()
            )
            lines.append(f"- `{label}`: {', '.join(told)}.")
    return "\n".join([*lines, ""] if metric.labels else lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), encoding="utf-8")
