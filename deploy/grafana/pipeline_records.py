"""Four rows of the dashboard `Pipeline`: how records pass, how quickly, which don't, and when."""

from __future__ import annotations

from deploy.grafana.look import Panel, Query, graph
from deploy.grafana.pipeline_ends import RARE, RATE, WHO

CLOCK = f"(newsurge_clock_timestamp_seconds{{{WHO}}} > 0)"
"""Of partitions whose clock has begun: until the first mark it stands at 0."""
_STAGES = ("prepare", "inference", "emit")
_NO_SCORE = "No process plays SCORE"
_NO_WATCH = "No process plays WATCH"
_OUTCOME = "{{outcome}}"
_REASON = "{{reason}}"


def throughput() -> list[Panel]:
    """How much there is, and how far behind each role is."""
    chunks = f"newsurge_inference_seconds_count{{{WHO}}}"
    scored = f'newsurge_news_records_total{{{WHO}, outcome="scored"}}'
    return [
        graph(
            "News records, by what became of them",
            "Each second, in SCORE: into `scored` or into `dead-letter`.",
            Query(f"sum by (outcome) (rate(newsurge_news_records_total{{{WHO}}}{RATE}))", _OUTCOME),
            unit="cps",
            none=_NO_SCORE,
        ),
        graph(
            "Scored records, by what became of them",
            "Each second, in WATCH. One news record makes a scored record for each of its series. "
            "`repeated_origin` after a crash is no fault; `unreadable` and `expired` are.",
            Query(
                f"sum by (outcome) (rate(newsurge_scored_records_total{{{WHO}}}{RATE}))", _OUTCOME
            ),
            unit="cps",
            none=_NO_WATCH,
        ),
        graph(
            "Lag by stream and partition",
            "Records not yet taken up. Growing on all partitions: too few processes. On one: its "
            "owner is stuck, or one key has most of the news.",
            Query(
                f"max by (stream, partition) (newsurge_consumer_lag_records{{{WHO}}})",
                "{{stream}} {{partition}}",
            ),
            line_at=1000,
        ),
        graph(
            "Items in a chunk",
            "On the average. Small when news trickles, larger in a backlog; larger is quicker for "
            "each item.",
            Query(
                f"sum(rate({scored}{RATE})) / (sum(rate({chunks}{RATE})) > 0)", "items in a chunk"
            ),
            none="Nothing was scored in this time",
            span=6,
        ),
        graph(
            "Busy in the model",
            "Share of the time that each process spends in the network. Near 1: SCORE can take no "
            "more.",
            Query(
                f"sum by (instance) (rate(newsurge_inference_seconds_sum{{{WHO}}}{RATE}))",
                "{{instance}}",
            ),
            unit="percentunit",
            most=1,
            none=_NO_SCORE,
            span=6,
        ),
    ]


def latency() -> list[Panel]:
    """How long each stage of SCORE takes."""

    def of(quantile: float) -> list[Query]:
        return [
            Query(
                f"histogram_quantile({quantile}, sum by (le) "
                f"(rate(newsurge_{stage}_seconds_bucket{{{WHO}}}{RATE})))",
                stage,
            )
            for stage in _STAGES
        ]

    words = (
        "Of a chunk in SCORE: prepare (decode and tokenise), inference (the network), emit (until "
        "its scored records are acknowledged). "
    )
    return [
        graph(
            "Stages of SCORE, median",
            words + "Half of the chunks take longer.",
            *of(0.5),
            unit="s",
            none=_NO_SCORE,
        ),
        graph(
            "Stages of SCORE, 99th percentile",
            words + "One chunk in a hundred takes longer.",
            *of(0.99),
            unit="s",
            none=_NO_SCORE,
        ),
    ]


def unusable() -> list[Panel]:
    """Dead letters, and a model that fails."""
    news = f"newsurge_news_records_total{{{WHO}}}"
    dead = f'newsurge_news_records_total{{{WHO}, outcome="dead_letter"}}'
    return [
        graph(
            "Dead letters, by reason",
            "Each second. `newsurge dead-letter list` shows them; after the publisher is mended, "
            "`newsurge dead-letter retry` publishes again what can be used.",
            Query(f"sum by (reason) (rate(newsurge_dead_letters_total{{{WHO}}}{RATE}))", _REASON),
            unit="cps",
            none=_NO_SCORE,
        ),
        graph(
            "Share of dead letters",
            "Of all news records. NewsurgeDeadLettersRising fires above the line.",
            Query(f"sum(rate({dead}{RATE})) / (sum(rate({news}{RATE})) > 0)", "dead letters"),
            unit="percentunit",
            most=1,
            line_at=0.05,
            none="No news record in this time",
            span=6,
        ),
        graph(
            "The model fails in an hour",
            "Tries that failed, each of a batch or more. What fails alone too becomes a dead "
            "letter with the reason `inference`.",
            Query(
                f"sum by (kind) (increase(newsurge_inference_failures_total{{{WHO}}}{RARE}))",
                "{{kind}}",
            ),
            none=_NO_SCORE,
            span=6,
        ),
    ]


def time() -> list[Panel]:
    """The log's clock, and what is remembered of it."""
    return [
        graph(
            "Clock behind, by scored partition",
            "How far log time is behind the time of day. Time waits in a backlog, and passes on a "
            "quiet night. Far behind by design in a replay.",
            Query(
                f"max by (partition) (time() - {CLOCK})",
                "{{partition}}",
            ),
            unit="s",
            none=_NO_WATCH,
            line_at=900,
        ),
        graph(
            "Stalled news partitions",
            "As seen by each scored partition: nobody writes marks of them, so nobody scores them.",
            Query(
                f"max by (partition) (newsurge_stalled_news_partitions{{{WHO}}})", "{{partition}}"
            ),
            kind="steps",
            none=_NO_WATCH,
            line_at=1,
        ),
        graph(
            "Age of the last whole snapshot",
            "By scored partition. A restart reads the log from there.",
            Query(
                f"max by (partition) (time() - newsurge_snapshot_timestamp_seconds{{{WHO}}})",
                "{{partition}}",
            ),
            unit="s",
            none="No snapshot yet: the first is written within watch.snapshot_interval_seconds",
            line_at=900,
        ),
        graph(
            "Snapshots refused in an hour, by reason",
            "The state was rebuilt from the log instead. Expected once after a change of "
            "statistics settings or of version.",
            Query(
                f"sum by (reason) (increase(newsurge_snapshots_refused_total{{{WHO}}}{RARE}))",
                _REASON,
            ),
            none=_NO_WATCH,
        ),
    ]
