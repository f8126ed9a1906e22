"""Following a stream for a person: each record as one line.

Owns the wording of the lines. Text from outside is made safe for a terminal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Literal

import msgspec
from aiokafka import ConsumerRecord

from monitor.desk.records import Ack, DeskRecord, Silence, decode_desk
from monitor.desk.silences import in_words
from monitor.logs import printable
from monitor.records import (
    AlertEvent,
    Mark,
    ModelChange,
    Retraction,
    ScoredRecord,
    decode_alert,
    decode_scored,
)
from monitor.settings import Settings
from monitor.streams.clients import consumer, partitions_of, started
from monitor.streams.dead_letters import NotADeadLetterError, decode_dead_letter
from monitor.streams.reading import end_offsets

TailStream = Literal["scored", "alerts", "desk", "dead-letter"]


async def tail(
    settings: Settings,
    stream: TailStream,
    show: Callable[[str], None],
    *,
    from_start: bool,
    as_json: bool,
) -> None:
    """Show a stream's records as they come, without end.

    Args:
        settings: the deployment.
        stream: which stream.
        show: takes each line.
        from_start: begin with the oldest record, not with the next.
        as_json: show the records as they are on the wire; dead letters with their headers.

    Raises:
        StreamError: when the broker can't be reached or the stream does not exist.
    """
    partitions = await partitions_of(settings, stream)
    async with started(consumer(settings), settings) as reader:
        reader.assign(partitions)
        if from_start:
            begin = await reader.beginning_offsets(partitions)
        else:
            begin = await end_offsets(settings, partitions)
        for partition, offset in begin.items():
            reader.seek(partition, offset)
        async for record in reader:
            line = _json(stream, record) if as_json else _text(stream, record)
            if line is not None:
                show(line)


def _json(stream: TailStream, record: ConsumerRecord) -> str:
    value = record.value or b""
    if stream != "dead-letter":
        return printable(value.decode("utf-8", "backslashreplace"))
    headers = {key: text.decode("utf-8", "replace") for key, text in record.headers}
    line = {**headers, "value": value.decode("utf-8", "backslashreplace")}
    return printable(msgspec.json.encode(line).decode())


def _text(stream: TailStream, record: ConsumerRecord) -> str | None:
    """One line, or None for records that a person does not want to see (marks)."""
    value = record.value or b""
    try:
        if stream == "alerts":
            line = describe_alert(decode_alert(value))
        elif stream == "scored":
            scored = decode_scored(value)
            if isinstance(scored, Mark):
                return None
            line = _describe_scored(scored)
        elif stream == "desk":
            line = _describe_desk(decode_desk(value))
        else:
            line = _describe_dead_letter(record)
    except (msgspec.MsgspecError, NotADeadLetterError) as error:
        line = f"unreadable record at {record.partition}/{record.offset}: {error}"
    return printable(line)


def describe_alert(alert: AlertEvent) -> str:
    """An alert in one line; not yet safe for a terminal."""
    stories = "; ".join(story.title for story in alert.stories[:3])
    when = alert.resolved_at or alert.fired_at
    return (
        f"{moment(when)} {alert.state.upper():8} {alert.severity:8} {alert.rule} {alert.series}: "
        f"{alert.window.novel_negative} of {alert.window.novel_count} stories negative in "
        f"{alert.window.length_seconds / 60:g} min" + (f" [{stories}]" if stories else "")
    )


def moment(milliseconds: int) -> str:
    """A time for people: UTC, to the second."""
    return f"{dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC):%Y-%m-%d %H:%M:%SZ}"


def _describe_scored(scored: ScoredRecord | Retraction | ModelChange) -> str:
    if isinstance(scored, ModelChange):
        return (
            f"model {scored.model} after {scored.previous}: {scored.all:.2f} times the negative "
            f"news, on {scored.items} recent items"
        )
    if isinstance(scored, Retraction):
        return f"retraction of {scored.retracts}"
    return (
        f"{moment(scored.event_time)} {scored.series!s:32} {scored.score:+.2f} "
        f"{scored.unjudged or '':9} {scored.item.title}"
    )


def _describe_desk(said: DeskRecord) -> str:
    if isinstance(said, Silence):
        what = f"silence {said.id} of {in_words(said.matchers)} until {moment(said.over_at)}"
        if said.expired is not None:
            return f"{moment(said.expired.at)} {said.expired.who}: ends {what} by {said.who}"
    elif isinstance(said, Ack):
        about = said.episode
        what = f"answers for {about.rule} {about.series} (alert {said.alert_id})"
    else:
        what = f"{said.verdict}: {said.alert.rule} {said.alert.series} (alert {said.alert_id})"
    return f"{moment(said.at)} {said.who}: {what}" + (f" [{said.why}]" if said.why else "")


def _describe_dead_letter(record: ConsumerRecord) -> str:
    letter = decode_dead_letter(record.value, record.headers)
    beginning = letter.value[:80].decode("utf-8", "backslashreplace")
    return (
        f"{moment(letter.time)} {letter.stream} {letter.partition}/{letter.offset} "
        f"{letter.reason}: {letter.detail} ({letter.length} bytes) {beginning}"
    )
