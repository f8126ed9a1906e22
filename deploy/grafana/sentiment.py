"""The dashboard `Sentiment`, for an analyst: series, alerts, and how far to trust them."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Annotation, dashboard, variable
from deploy.grafana.look import Panel, Query, graph, numbers, states

_ONE = 'job=~"$job", key=~"$key"'
_SHOWN = f'{_ONE}, by!="other"'
_RULE = 'job=~"$job", rule=~"$rule"'
_JOB = 'job=~"$job"'
_BY_SERIES = "by (by, key)"
_NO_SERIES = "No series yet: WATCH shows one once its partition has a clock"
_STATES = {
    0: ("calm", "green"),
    1: ("silent", "#8e8e8e"),
    2: ("warming", "blue"),
    3: ("pending", "orange"),
    4: ("firing", "red"),
}


def sentiment() -> Dashboard:
    """The dashboard."""
    return dashboard(
        "newsurge-sentiment",
        "Sentiment",
        "Negative news by series against what each one's own past leads one to expect, and the "
        "alerts on it.",
        variables=[
            variable("job", "Deployment", "The jobs of Prometheus to look at.", "newsurge_ready"),
            variable(
                "key",
                "Topic",
                "Series by their key: a topic, or a name on the watchlist.",
                'newsurge_series_stories{job=~"$job"}',
            ),
            variable(
                "rule",
                "Rule",
                "Rules of alerts.yaml.",
                'newsurge_alerts_firing{job=~"$job"}',
            ),
        ],
        annotations=[
            Annotation(
                "Rules firing",
                f"sum by (rule) (newsurge_alerts_firing{{{_RULE}}}) > 0",
                "{{rule}} fires",
                "red",
            ),
            Annotation(
                "Episodes",
                f'max {_BY_SERIES} (newsurge_series_state{{{_SHOWN}, state="firing"}}) > 0',
                "{{by}} {{key}} fires",
                "orange",
            ),
        ],
        rows=[
            ("Now", _now()),
            ("Series", _series()),
            ("Alerts", _alerts()),
            ("How far to trust it", _trust()),
        ],
    )


def _now() -> list[Panel]:
    return [
        numbers(
            "Series by state",
            "How many series are in each state. Warming: too little is known of its past for a "
            "surge rule to rely on. Silent: no story in the hour, or an `absent` rule fires.",
            Query(f"sum by (state) (newsurge_series_state{{{_JOB}}})", "{{state}}"),
            colours=dict(_STATES.values()),
            none=_NO_SERIES,
            span=10,
        ),
        numbers(
            "Series on which a rule fires",
            "By rule, 0 where it fires nowhere.",
            Query(f"sum by (rule) (newsurge_alerts_firing{{{_RULE}}})", "{{rule}}"),
            steps=((None, "green"), (1, "red")),
            none="No rule in force, or no process plays WATCH",
            span=8,
        ),
        numbers(
            "Silences that hold",
            "What the desk has asked not to be told of. Silenced alerts fire all the same.",
            Query(f"max(newsurge_silences_active{{{_JOB}}})", "silences"),
            steps=((None, "text"), (1, "orange")),
            span=3,
        ),
        numbers(
            "Episodes acknowledged",
            "Someone answers for them, and they are not known to be over.",
            Query(f"max(newsurge_alerts_acknowledged{{{_JOB}}})", "episodes"),
            steps=((None, "text"),),
            span=3,
        ),
    ]


def _series() -> list[Panel]:
    # A series is in one partition, hence in one process; `max` is for the moment of a takeover.
    in_state = {
        value: f'{value} * max {_BY_SERIES} (newsurge_series_state{{{_SHOWN}, state="{name}"}})'
        for value, (name, _) in _STATES.items()
        if value
    }
    return [
        states(
            "State of each series",
            "Firing: a rule fires on it. Pending: a condition holds, but not yet for as long as "
            "`for` asks. Warming and silent are not calm: nothing can be said then.",
            Query(" + ".join(in_state.values()), "{{by}} {{key}}"),
            names=_STATES,
            none=_NO_SERIES,
            height=10,
        ),
        graph(
            "Negative share of the last hour",
            "Of the stories of each series, an hour back on its clock. A story told by several "
            "wires counts once. There is no line while there are no stories.",
            Query(f"max {_BY_SERIES} (newsurge_series_negative_share{{{_ONE}}})", "{{by}} {{key}}"),
            unit="percentunit",
            most=1,
            none=_NO_SERIES,
        ),
        graph(
            "Negative stories against the expected",
            "Solid: negative stories of the last hour. Dashed: what the series' own past at this "
            "hour of the week leads one to expect, or the prior where little is known of it. "
            "Choose a topic or two at the top.",
            Query(
                f"max {_BY_SERIES} (newsurge_series_negative_stories{{{_ONE}}})", "{{by}} {{key}}"
            ),
            Query(
                f"max {_BY_SERIES} (newsurge_series_expected_negative_stories{{{_ONE}}})",
                "{{by}} {{key}}, expected",
            ),
            dashed="B",
            none=_NO_SERIES,
        ),
        graph(
            "Rise above the expected",
            "Negative stories of the last hour as a multiple of the expected. 1 is the usual. A "
            "surge rule looks at all lengths of time, so it may fire on a small rise that lasts; "
            "with few stories, high multiples are chance.",
            Query(
                f"max {_BY_SERIES} (newsurge_series_negative_stories{{{_ONE}}})"
                f" / (max {_BY_SERIES} (newsurge_series_expected_negative_stories{{{_ONE}}}) > 0)",
                "{{by}} {{key}}",
            ),
            unit="suffix:x",
            none=_NO_SERIES,
        ),
        graph(
            "Stories of the last hour",
            "Of each series, whatever their sentiment. A share of few says little.",
            Query(f"max {_BY_SERIES} (newsurge_series_stories{{{_ONE}}})", "{{by}} {{key}}"),
            none=_NO_SERIES,
        ),
    ]


def _alerts() -> list[Panel]:
    begun = f'newsurge_alert_transitions_total{{{_RULE}, state="firing"}}'
    ended = f'newsurge_alert_transitions_total{{{_RULE}, state="resolved"}}'
    return [
        graph(
            "Series on which each rule fires",
            "By rule, over time.",
            Query(f"sum by (rule) (newsurge_alerts_firing{{{_RULE}}})", "{{rule}}"),
            kind="steps",
            none="No rule in force, or no process plays WATCH",
        ),
        graph(
            "Alerts in an hour, by rule",
            "How many began to fire, and how many were resolved, in the hour before. Compare a "
            "surge rule's with its `false_alarms`.",
            Query(f"sum by (rule) (increase({begun}[1h]))", "{{rule}} fired"),
            Query(f"sum by (rule) (increase({ended}[1h]))", "{{rule}} resolved"),
            dashed="B",
            none="No rule in force, or no process plays WATCH",
        ),
        graph(
            "Kept back by silences in an hour",
            "Alerts that a silence kept from each receiver.",
            Query(
                "sum by (receiver) "
                f"(increase(newsurge_notifications_silenced_total{{{_JOB}}}[1h]))",
                "{{receiver}}",
            ),
            none="No receiver in alerts.yaml, so nobody is told",
        ),
        graph(
            "Told incompletely in an hour",
            "Labels and annotations of a rule whose template could not be rendered; the alert was "
            "told without them.",
            Query(
                f"sum by (rule) (increase(newsurge_unrendered_total{{{_RULE}}}[1h]))", "{{rule}}"
            ),
            none="No rule in force, or no process plays WATCH",
        ),
    ]


def _trust() -> list[Panel]:
    rate = "[$__rate_interval]"
    applied = f'newsurge_scored_records_total{{{_JOB}, outcome=~"counted|late"}}'
    late = f'newsurge_scored_records_total{{{_JOB}, outcome="late"}}'
    scored = f'newsurge_news_records_total{{{_JOB}, outcome="scored"}}'
    judged = f"newsurge_judged_items_total{{{_JOB}}}"
    idle = "Nothing was scored in this time"
    return [
        graph(
            "Too late to count",
            "Share of scored records whose pane was closed already (`allowed_lateness` after its "
            "end). They are in no window; a publisher with delays, or a backlog, shows here.",
            Query(f"sum(rate({late}{rate})) / (sum(rate({applied}{rate})) > 0)", "late"),
            unit="percentunit",
            most=1,
            none=idle,
            span=8,
        ),
        graph(
            "Not judged",
            "Share of items that the model could not judge, by reason: a language that it does not "
            "know, or too little text. They are scored neutral and belong to no topic.",
            Query(
                f"sum by (reason) (rate(newsurge_unjudged_items_total{{{_JOB}}}{rate}))"
                f" / on () group_left () (sum(rate({scored}{rate})) > 0)",
                "{{reason}}",
            ),
            unit="percentunit",
            most=1,
            none=idle,
            span=8,
        ),
        graph(
            "Without a topic",
            "Share of judged items for which no topic is probable enough (`none`): they feed no "
            "topic's series. A rise means that the news has changed, or the feed.",
            Query(
                f'sum(rate(newsurge_judged_items_total{{{_JOB}, topic="none"}}{rate}))'
                f" / (sum(rate({judged}{rate})) > 0)",
                "none",
            ),
            unit="percentunit",
            most=1,
            none=idle,
            span=8,
        ),
        graph(
            "Sentiment of all news",
            "Share of judged items by their most probable sentiment. Items, not stories.",
            Query(
                f"sum by (sentiment) (rate({judged}{rate}))"
                f" / on () group_left () (sum(rate({judged}{rate})) > 0)",
                "{{sentiment}}",
            ),
            unit="percentunit",
            most=1,
            kind="stacked",
            none=idle,
        ),
        graph(
            "Items by topic",
            "Judged items each second by their most probable topic.",
            Query(
                f'sum by (topic) (rate(newsurge_judged_items_total{{{_JOB}, topic=~"$key|none"}}'
                f"{rate}))",
                "{{topic}}",
            ),
            unit="cps",
            kind="stacked",
            none=idle,
        ),
    ]
