"""Two rows of the dashboard `Pipeline`: what was delivered, and what is in force."""

from __future__ import annotations

from deploy.grafana.look import Panel, Query, graph, states

WHO = 'job=~"$job", instance=~"$instance"'
RATE = "[$__rate_interval]"
RARE = "[1h]"
"""Over which events are counted of which one is worth a look."""
_NOBODY = "No receiver in alerts.yaml, so nobody is told"
_NO_CHALLENGER = "No challenger runs beside; model.shadow names one"


def delivery() -> list[Panel]:
    """NOTIFY and each receiver."""
    attempts = f"newsurge_notification_attempts_total{{{WHO}}}"
    ended = f"newsurge_notifications_total{{{WHO}}}"
    taken = f"newsurge_notification_seconds_bucket{{{WHO}}}"
    by = "sum by (receiver, le)"
    return [
        graph(
            "Notifications ended in an hour",
            "By receiver and outcome. `ok` was delivered, all others were given up: "
            "`permanent_status` and `gone` by the receiver's answer, `deadline` after tries for "
            "notify.give_up_after_seconds.",
            Query(
                f"sum by (receiver, outcome) (increase({ended}{RARE}))",
                "{{receiver}} {{outcome}}",
            ),
            none=_NOBODY,
        ),
        graph(
            "Requests for each notification",
            "HTTP requests made in an hour for each notification that ended. 1 is no retry; far "
            "above it the receiver fails or is slow.",
            Query(
                f"sum by (receiver) (increase({attempts}{RARE}))"
                f" / (sum by (receiver) (increase({ended}{RARE})) > 0)",
                "{{receiver}}",
            ),
            none="No notification has ended in the hour before",
            span=6,
        ),
        graph(
            "Alerts waiting",
            "Of each receiver: alert records not seen through yet. Grouping and silences keep some "
            "back on purpose.",
            Query(
                f"sum by (receiver) (newsurge_notification_lag_records{{{WHO}}})", "{{receiver}}"
            ),
            none=_NOBODY,
            span=6,
        ),
        graph(
            "From alert to delivery",
            "From reading an alert to the receiver's answer, retries and grouping included: "
            "median (dashed) and 99th percentile, of the hour before.",
            Query(f"histogram_quantile(0.99, {by} (rate({taken}{RARE})))", "{{receiver}} p99"),
            Query(f"histogram_quantile(0.5, {by} (rate({taken}{RARE})))", "{{receiver}} p50"),
            unit="s",
            none=_NOBODY,
            dashed="B",
        ),
        graph(
            "Alerts that could not be read in an hour",
            "Records of `alerts` that are none: something else writes to the stream.",
            Query(
                f"sum by (receiver) (increase(newsurge_malformed_alerts_total{{{WHO}}}{RARE}))",
                "{{receiver}}",
            ),
            none=_NOBODY,
        ),
    ]


def in_force() -> list[Panel]:
    """The model and the rules by which each process goes, and the challenger beside."""
    agree = "newsurge_shadow_agreement_total"
    in_force_now = {1: ("in force", "blue")}
    return [
        states(
            "Model of each process",
            "The bundle that serves and what runs it; `none` runs it where a process doesn't play "
            "SCORE. Processes of one deployment should end up on the same.",
            Query(
                f"max by (instance, bundle, runtime, version) (newsurge_build_info{{{WHO}}})",
                "{{instance}}: {{bundle}}, {{runtime}}, newsurge {{version}}",
            ),
            names=in_force_now,
            span=12,
        ),
        states(
            "Rules of each process",
            "By the digest of alerts.yaml. Two at once for long: processes watch by different "
            "rules.",
            Query(
                f"max by (instance, digest) (newsurge_rules_info{{{WHO}}})",
                "{{instance}}: {{digest}}",
            ),
            names=in_force_now,
            span=12,
        ),
        states(
            "The rules' files can be used",
            "As they were when last read. Where they can't, those in force stay, but a restart "
            "would fail: `newsurge check alerts.yaml` says why.",
            Query(f"min by (instance) (newsurge_rules_reload_success{{{WHO}}})", "{{instance}}"),
            names={0: ("refused", "red"), 1: ("usable", "green")},
            span=12,
        ),
        graph(
            "Rules in force for",
            "How long ago the rules in force were read.",
            Query(
                f"max by (instance) (time() - newsurge_rules_reload_timestamp_seconds{{{WHO}}})",
                "{{instance}}",
            ),
            unit="s",
        ),
        graph(
            "Swaps and reloads in an hour",
            "Models that were to take over, and rules that were read again, by what became of "
            "them. What is refused changes nothing; the log says why.",
            Query(
                f"sum by (outcome) (increase(newsurge_model_swaps_total{{{WHO}}}{RARE}))",
                "model {{outcome}}",
            ),
            Query(
                f"sum by (outcome) (increase(newsurge_rules_reloads_total{{{WHO}}}{RARE}))",
                "rules {{outcome}}",
            ),
            kind="steps",
        ),
        graph(
            "The challenger agrees",
            "Share of sampled items on which the challenger (`model.shadow`) and the model that "
            "serves say the same, by head.",
            Query(
                f'sum by (head) (rate({agree}{{{WHO}, agree="yes"}}{RATE}))'
                f" / (sum by (head) (rate({agree}{{{WHO}}}{RATE})) > 0)",
                "{{head}}",
            ),
            unit="percentunit",
            most=1,
            none=_NO_CHALLENGER,
            span=6,
        ),
        graph(
            "Items for the challenger",
            "Each second, by what became of them. `dropped`: the challenger is too slow.",
            Query(
                f"sum by (outcome) (rate(newsurge_shadow_items_total{{{WHO}}}{RATE}))",
                "{{outcome}}",
            ),
            unit="cps",
            none=_NO_CHALLENGER,
            span=6,
        ),
    ]
