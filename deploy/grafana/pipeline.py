"""The dashboard `Pipeline`: what a platform engineer looks at, from readiness down to throughput.

What is of records is in `deploy.grafana.pipeline_records`; what was delivered and what is in force
in `deploy.grafana.pipeline_ends`.
"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Annotation, dashboard, variable
from deploy.grafana.look import Panel, Query, graph, numbers, states
from deploy.grafana.pipeline_ends import RARE, RATE, WHO, delivery, in_force
from deploy.grafana.pipeline_records import CLOCK, latency, throughput, time, unusable

_NO_WATCH = "No process plays WATCH"


def pipeline() -> Dashboard:
    """The dashboard."""
    return dashboard(
        "newsurge-pipeline",
        "Pipeline",
        "Whether newsurge runs, keeps up, remembers and delivers.",
        variables=[
            variable("job", "Deployment", "The jobs of Prometheus to look at.", "newsurge_ready"),
            variable(
                "instance", "Process", "Processes by their address.", 'newsurge_ready{job=~"$job"}'
            ),
        ],
        annotations=[
            Annotation(
                "Alerts on newsurge",
                'ALERTS{alertname=~"Newsurge.+", alertstate="firing", job=~"$job|"}',
                "{{alertname}}",
                "red",
            ),
            Annotation(
                "Rules adopted",
                "sum by (job) (increase("
                f'newsurge_rules_reloads_total{{{WHO}, outcome="adopted"}}{RATE})) > 0',
                "Rules adopted",
                "blue",
            ),
            Annotation(
                "Model swapped",
                "sum by (job) (increase("
                f'newsurge_model_swaps_total{{{WHO}, outcome="swapped"}}{RATE})) > 0',
                "Model swapped",
                "purple",
            ),
        ],
        rows=[
            ("Is it well", _health()),
            ("Throughput", throughput()),
            ("Latency", latency()),
            ("What could not be used", unusable()),
            ("Time and memory", time()),
            ("Delivery", delivery()),
            ("In force", in_force()),
            ("Processes", _processes()),
        ],
    )


def _health() -> list[Panel]:
    return [
        numbers(
            "Processes",
            "How many Prometheus reaches, and how many of them are ready in every part.",
            Query(f"sum(up{{{WHO}}})", "up"),
            Query(f"sum(newsurge_ready{{{WHO}}})", "ready"),
            steps=((None, "red"), (1, "green")),
            span=5,
        ),
        numbers(
            "Alerts on newsurge",
            "Rules of newsurge.rules.yml that fire now; each says in `runbook` what to do.",
            Query(
                'count(ALERTS{alertname=~"Newsurge.+", alertstate="firing", job=~"$job|"})'
                " or vector(0)",
                "alerts",
            ),
            steps=((None, "green"), (1, "red")),
        ),
        numbers(
            "Records waiting",
            "Lag by stream: `news` waits for SCORE, `scored` for WATCH.",
            Query(f"sum by (stream) (newsurge_consumer_lag_records{{{WHO}}})", "{{stream}}"),
            steps=((None, "green"), (1000, "orange")),
            span=5,
        ),
        numbers(
            "Clock behind",
            "How far the slowest scored partition's clock is behind the time of day, and so are "
            "its alerts. Far behind by design in a replay.",
            Query(f"max(time() - {CLOCK})", "behind"),
            unit="s",
            none=_NO_WATCH,
            steps=((None, "green"), (900, "red")),
            span=5,
        ),
        numbers(
            "Notifications given up",
            "In the time shown. Their alerts are in the `alerts` stream.",
            Query(
                f'sum(increase(newsurge_notifications_total{{{WHO}, outcome!="ok"}}[$__range]))',
                "given up",
            ),
            none="No receiver in alerts.yaml, so nobody is told",
            steps=((None, "green"), (0.5, "red")),
            span=5,
        ),
        states(
            "Readiness of each process",
            "What `newsurge_ready` says: `/readyz` names the part that is not ready, and why.",
            Query(f"max by (instance) (newsurge_ready{{{WHO}}})", "{{instance}}"),
            names={0: ("not ready", "red"), 1: ("ready", "green")},
            span=12,
        ),
        graph(
            "Roles begun anew in an hour",
            "By reason. One now and then is a rebalance or a hiccup of the broker; one after the "
            "other is a fault.",
            Query(
                f"sum by (reason) (increase(newsurge_role_restarts_total{{{WHO}}}{RARE}))",
                "{{reason}}",
            ),
            kind="steps",
        ),
    ]


def _processes() -> list[Panel]:
    on_linux = "Told by processes on Linux only"
    return [
        graph(
            "CPU",
            "Cores that each process uses.",
            Query(
                f"max by (instance) (rate(process_cpu_seconds_total{{{WHO}}}{RATE}))",
                "{{instance}}",
            ),
            none=on_linux,
            span=6,
        ),
        graph(
            "Memory",
            "Resident memory of each process. The model, and one index of stories for each "
            "scored partition that it holds.",
            Query(f"max by (instance) (process_resident_memory_bytes{{{WHO}}})", "{{instance}}"),
            unit="bytes",
            none=on_linux,
            span=6,
        ),
        graph(
            "Open files",
            "Files and connections, as a share of what the process may open.",
            Query(
                f"max by (instance) (process_open_fds{{{WHO}}} / process_max_fds{{{WHO}}})",
                "{{instance}}",
            ),
            unit="percentunit",
            most=1,
            none=on_linux,
            span=6,
        ),
        graph(
            "Running for",
            "Since each process began. A fall to zero is a restart.",
            Query(
                f"max by (instance) (time() - process_start_time_seconds{{{WHO}}})", "{{instance}}"
            ),
            unit="s",
            none=on_linux,
            span=6,
        ),
    ]
