"""From an alert and the trace of it: whether it was reproduced, its counts, and its records.

Pure: values in, parts of the document out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from monitor.explaining.document import (
    Counts,
    Difference,
    InNews,
    Records,
    Reproduction,
    RuleThen,
    Teller,
    ToldStory,
)
from monitor.explaining.trace import Member, Traced
from monitor.records import AlertEvent, Origin, WindowStatistics
from monitor.surge.novelty import Told
from monitor.surge.panes import SCORE_UNIT, Tally

PRESENTATION = frozenset({"severity", "labels", "annotations", "receivers", "unrendered"})
"""Fields of an event that don't belong to a rule's meaning: see `rule_hash`."""


def reproduction(
    event: AlertEvent, traced: Traced, rule: RuleThen, partition: int, log_begins: int | None
) -> Reproduction:
    """Whether the log leads to the event, and if not, why."""
    differing = () if traced.event is None else tuple(_differences(event, traced.event))
    lost = _lost(log_begins)
    if rule.now != "unchanged":
        outcome, why = "rule_changed", _changed(event, rule)
    elif traced.event is None:
        outcome = "not_raised"
        why = lost or (
            "under the present rules and settings the log does not lead to it; `newsurge audit` "
            "tells whether other alerts fare alike"
        )
    elif not differing:
        outcome, why = "reproduced", None
    else:
        outcome, why = "differs", lost
        if {one.field for one in differing} <= PRESENTATION:
            why = "only its presentation differs: the rules file was edited since"
    return Reproduction(outcome, partition, log_begins, traced.read_to, differing, why)  # type: ignore[arg-type]


def counts(tally: Tally) -> Counts:
    """What the records of the window add up to, in the words of the event."""
    stories = tally.novel_count
    return Counts(
        raw_count=tally.raw_count,
        raw_negative=tally.raw_negative,
        novel_count=stories,
        novel_negative=tally.novel_negative,
        negative_share=tally.novel_negative / stories if stories else 0.0,
        mean_score=tally.novel_score / SCORE_UNIT / stories if stories else 0.0,
    )


def counts_of(window: WindowStatistics) -> Counts:
    """The counts that the event itself gives."""
    return Counts(
        window.raw_count, window.raw_negative, window.novel_count, window.novel_negative,
        window.negative_share, window.mean_score,
    )  # fmt: skip


def records(
    event: AlertEvent, traced: Traced, news: Mapping[Origin, InNews], log_begins: int | None
) -> Records:
    """The records of the window, as stories and those that told them again.

    Args:
        event: the alert.
        traced: what the log says of it.
        news: what became of each record's news record.
        log_begins: the first offset that the log still has.
    """
    shown = {story.id for story in event.stories}
    inside = [member for member in traced.members if traced.in_window(member)]
    again: dict[Told, list[Member]] = {}
    for member in traced.members:
        if not member.novel:
            again.setdefault(member.story, []).append(member)
    negative = [one for one in inside if one.novel and one.entry.negative]
    negative.sort(key=lambda one: (-one.story.negative, one.story.event_time, one.story.item.id))
    first_told = {member.story for member in inside if member.novel}
    origins = {member.entry.record.origin for member in inside}
    return Records(
        counted=len(inside),
        not_counted=dict(sorted(traced.not_counted.items())),
        calm=sum(one.novel and not one.entry.negative for one in inside),
        stories=tuple(
            ToldStory(
                _teller(one, news),
                tuple(_teller(each, news) for each in _in_order(again.get(one.story, []))),
                one.story.item.id in shown,
            )
            for one in negative
        ),
        retold=tuple(
            _teller(one, news)
            for one in _in_order(inside)
            if not one.novel and one.story not in first_told
        ),
        news_gone=sum(news.get(origin) != "there" for origin in origins),
        gone=event.offsets is not None and (log_begins is None or log_begins > event.offsets.first),
    )


def _lost(log_begins: int | None) -> str | None:
    if log_begins == 0:
        return None
    if log_begins is None:
        return "nothing is left of the log: retention took it"
    return (
        f"the log begins at offset {log_begins} now, and what came before, which retention took, "
        "is part of what it rests on"
    )


def _changed(event: AlertEvent, rule: RuleThen) -> str:
    if rule.now == "gone":
        return f"{rule.file} has no rule {event.rule} any more"
    return (
        f"{event.rule}, or a setting that it rests on, has changed: its hash was "
        f"{rule.hash_then} and is {rule.hash_now}"
    )


def _differences(written: AlertEvent, found: AlertEvent) -> Iterator[Difference]:
    before, after = msgspec.to_builtins(written), msgspec.to_builtins(found)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Difference(name, before.get(name), after.get(name))


def _in_order(members: list[Member]) -> list[Member]:
    return sorted(members, key=lambda one: one.entry.order)


def _teller(member: Member, news: Mapping[Origin, InNews]) -> Teller:
    record = member.entry.record
    item = record.item
    return Teller(
        id=item.id,
        title=item.title,
        source=item.source,
        url=item.url,
        event_time=record.event_time,
        negative=record.sentiment.negative,
        topic=record.topic,
        model=record.model,
        scored_offset=member.entry.offset,
        origin=record.origin,
        news=news.get(record.origin, "gone"),
    )
