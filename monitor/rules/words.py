"""What each field of `alerts.yaml` means, in a sentence, and an example of it.

Owns words only. Messages about faults, the JSON Schema for editors and `docs/RULES.md` are held
against this one table.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """A field's meaning, and how it is written."""

    meaning: str
    example: str


FIELDS: dict[str, Words] = {
    "rules": Words("What is watched for.", "rules: [...]"),
    "receivers": Words("Who is told; a rule that names none tells all.", "receivers: [desk]"),
    "maintenance": Words("When no alert may begin to fire.", "maintenance: [...]"),
    # every rule
    "alert": Words("The rule's name: letters, digits and _.", "alert: BankNewsTurns"),
    "type": Words("What kind of rule: threshold, surge, absent or dead_man.", "type: surge"),
    "by": Words("What makes a series: topic, entity, or all news together.", "by: topic"),
    "match": Words("Which series and items it is about; by default all.", "match: {key: banking}"),
    "window": Words("How much time it looks at, up to now.", "window: 2h"),
    "for": Words("How long it must hold before the alert fires.", "for: 10m"),
    "keep_firing_for": Words("How long not before it resolves.", "keep_firing_for: 1h"),
    "severity": Words("How grave: info, warning or critical.", "severity: critical"),
    "labels": Words("Short texts for machines, told with the alert.", "labels: {desk: credit}"),
    "annotations": Words(
        "Texts for people; templates of the alert's own fields.",
        "annotations: {summary: '{{ series.key }} turns'}",
    ),
    # match
    "key": Words("The topics or names of the watchlist.", "key: [banking, oil]"),
    "group": Words("Groups of the watchlist, for their names.", "group: [banks]"),
    "source": Words("Whose items count.", "source: [Harbour Wire]"),
    "language": Words("Items in which language count (ISO 639-1).", "language: [en, de]"),
    # threshold
    "when": Words(
        "What must hold of the window.", "when: negative_share >= 0.7 and negative_count >= 10"
    ),
    "counting": Words("Whether stories (novel) or items (raw) are counted.", "counting: novel"),
    "min_support": Words("On fewer stories nothing fires.", "min_support: 6"),
    # surge
    "on": Words("What surges: volume, share, either or both.", "on: volume"),
    "factor": Words("The rise to be told soonest, as a multiple of the usual.", "factor: 3"),
    "min_factor": Words("The smallest rise that may fire.", "min_factor: 2"),
    "false_alarms": Words("What you tolerate of them.", "false_alarms: 1 per 30d"),
    "false_alarms_for": Words("... of each series or the rule.", "false_alarms_for: series"),
    "max_episode": Words("After so long the new level is the usual one.", "max_episode: 2d"),
    "timezone": Words("Whose hours (an IANA name).", "timezone: Europe/London"),
    "calendar": Words("Whose holidays count as Sundays.", "calendar: NYSE"),
    # dead_man
    "every": Words("How often it is told that all is well.", "every: 5m"),
    # receivers
    "name": Words("The name that rules call it by.", "name: desk"),
    "severities": Words("Which severities it is told; by default all.", "severities: [critical]"),
    "group_wait": Words(
        "How long alerts wait to be told together; by default not at all.", "group_wait: 30s"
    ),
    "group_by": Words(
        "What alerts of one notification share: rule, series, severity, by.", "group_by: [rule]"
    ),
    "max_alerts": Words("Alerts of a group told in detail.", "max_alerts: 20"),
    "webhook": Words("Where the alerts are posted.", "webhook: {url_env: DESK_URL, ...}"),
    "url": Words(
        "The URL itself: http or https, without credentials.", "url: https://desk.example/"
    ),
    "url_env": Words("The environment variable that holds the URL.", "url_env: DESK_URL"),
    "url_file": Words("The file that holds the URL.", "url_file: desk.url"),
    "secret_env": Words("The variable that holds the secret.", "secret_env: DESK_SECRET"),
    "secret_file": Words("The file that holds the secret.", "secret_file: desk.secret"),
    # maintenance
    "series": Words("Which series it is about; by default all.", "series: [topic=banking]"),
    "from": Words("When it begins (RFC 3339, once).", "from: 2026-03-07T22:00:00Z"),
    "to": Words("When it ends (RFC 3339, once).", "to: 2026-03-08T04:00:00Z"),
    "days": Words("On which days it begins, every week.", "days: [sat, sun]"),
    "start": Words("At what time of the day it begins.", "start: '22:00'"),
    "end": Words("At what time it ends; before `start` means the next day.", "end: '06:00'"),
}
