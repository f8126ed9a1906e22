"""How what the desk has said looks to a person. Texts are people's own and are made safe here.

It reads no stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import msgspec

from monitor.desk.records import Ack, DeskRecord, Feedback, Silence
from monitor.desk.silences import in_words, is_active
from monitor.logs import printable
from monitor.tail import moment


def silences_table(silences: Iterable[Silence], now: int) -> Iterator[str]:
    """Silences as aligned lines under a heading; `now` is in milliseconds."""
    rows = [("SILENCE", "STATE", "FROM", "UNTIL", "ALERTS", "WHO", "WHY")]
    for each in silences:
        when = moment(each.starts_at), moment(each.over_at)
        which = in_words(each.matchers)
        rows.append((each.id, state_of(each, now), *when, which, each.who, each.why))
    return _aligned(rows)


def acks_table(acks: Iterable[Ack]) -> Iterator[str]:
    """Acknowledgements as aligned lines under a heading."""
    rows = [("ALERT", "RULE", "SERIES", "SINCE", "UNTIL", "WHO", "WHY")]
    for each in acks:
        about = each.episode
        when = moment(each.at), moment(each.until)
        rows.append((each.alert_id, about.rule, str(about.series), *when, each.who, each.why))
    return _aligned(rows)


def feedback_table(feedback: Iterable[Feedback]) -> Iterator[str]:
    """Verdicts as aligned lines under a heading."""
    rows = [("ALERT", "VERDICT", "RULE", "SERIES", "FIRED", "WHO", "WHY")]
    for each in feedback:
        about = each.alert
        fired = moment(about.fired_at)
        series = str(about.series)
        rows.append((each.alert_id, each.verdict, about.rule, series, fired, each.who, each.why))
    return _aligned(rows)


def as_json(record: DeskRecord) -> str:
    """A record as one line of JSON in ASCII, with the fields that it has on the wire."""
    return json.dumps(msgspec.to_builtins(record)).replace("\x7f", "\\u007f")


def state_of(silence: Silence, now: int) -> str:
    """Whether it holds at `now`, in a word."""
    if is_active(silence, now):
        return "active"
    if now < silence.starts_at and silence.expired is None:
        return "pending"
    return "over" if silence.expired is None else "expired"


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    safe = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in safe) for column in range(len(safe[0]) - 1)]
    for *cells, last in safe:
        aligned = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join([*aligned, last]).rstrip()
