"""An explanation as lines for a terminal or as JSON: inert, whatever a headline holds.

Pure: it turns the document into text and adds nothing to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from monitor.explaining.choosing import when
from monitor.explaining.document import Delivery, Explanation, Records, Teller, ToldStory
from monitor.explaining.recounting import counts_of
from monitor.logs import printable
from monitor.tail import moment

_REASONS = {
    "late": "came later than allowed_lateness",
    "other_matchers": "of another source or language than the rule is about",
    "repeated_id": "an id that was counted already",
    "repeated_origin": "scored again, and applied once",
    "withdrawn": "withdrawn by a retraction",
}
_CUT = 200
_NOT_THERE = {"gone": "no longer in news", "unlike": "news holds another item there"}


def lines(one: Explanation, *, most_stories: int | None = None) -> Iterator[str]:
    """The explanation, line by line, safe for a terminal.

    Args:
        one: the explanation.
        most_stories: how many stories to list at most; all when absent.
    """
    for line in _all(one, most_stories):
        yield printable(line)


def as_json(one: Explanation) -> str:
    """The explanation as one JSON document in ASCII, safe for a terminal."""
    return json.dumps(msgspec.to_builtins(one), indent=2).replace("\x7f", "\\u007f")


def _all(one: Explanation, most_stories: int | None) -> Iterator[str]:
    yield from _alert(one)
    yield ""
    yield "The rule"
    yield from _rule(one)
    yield ""
    yield "The reckoning"
    yield from _reckoning(one)
    yield ""
    yield "The records"
    yield from _records(one)
    yield from _stories(one.records, most_stories)
    yield ""
    yield "Who was told"
    yield from _told(one)


def _alert(one: Explanation) -> Iterator[str]:
    event, window = one.alert, one.alert.window
    verb = "fires" if event.state == "firing" else "is resolved"
    yield f"{event.id}  {event.rule} {verb} of {event.series}, {event.severity}"
    begin = window.end - round(window.length_seconds * 1000)
    yield (
        f"  {moment(when(event))}, on what was published after {moment(begin)} and until "
        f"{moment(window.end)}, {window.length_seconds / 60:g} min"
    )
    yield f"  its condition was met {moment(event.started_at)}, it fired {moment(event.fired_at)}"
    if one.sibling is not None:
        words = "resolved by" if event.state == "firing" else "fired as"
        yield f"  {words} {one.sibling.id} at {moment(one.sibling.at)}"
    elif event.state == "firing":
        yield "  not resolved yet, as far as `alerts` goes"
    if event.models:
        yield f"  scored by several models: {', '.join(event.models)}; the newest is {event.model}"
    else:
        yield f"  scored by model {event.model or '(none: no record has come)'}"
    written = one.written
    times = f", written {written.times} times" if written.times > 1 else ""
    place = f"{written.partition}/{written.offset}"
    yield f"  it stands in alerts at {place}, written {moment(written.at)}{times}"


def _rule(one: Explanation) -> Iterator[str]:
    rule = one.rule
    match rule.now:
        case "unchanged":
            yield f"  then and now (hash {rule.hash_then}, {rule.file}):"
            yield f"  {rule.says}"
        case "changed":
            yield (
                f"  it means something else now: its hash was {rule.hash_then} and is "
                f"{rule.hash_now}. What it said then is not kept; {rule.file} says now:"
            )
            yield f"  {rule.says}"
        case "gone":
            yield f"  {rule.file} has no rule of this name now (its hash was {rule.hash_then})"


def _reckoning(one: Explanation) -> Iterator[str]:
    replayed = one.reproduction
    begins = "nowhere" if replayed.log_begins is None else replayed.log_begins
    span = f"scored partition {replayed.partition}, offsets {begins} to {replayed.read_to}"
    match replayed.outcome:
        case "reproduced":
            yield f"  reproduced: {span}, replayed, give this very event, bit for bit"
        case "differs":
            yield f"  differs: {span}, replayed, give this event with other content:"
            for each in replayed.differing:
                yield f"    {each.field}: written {_cut(each.written)}, found {_cut(each.found)}"
        case _:
            yield f"  can't be reproduced from {span}"
    if replayed.why is not None:
        yield f"  why: {replayed.why}"
    written, found = counts_of(one.alert.window), one.recounted
    yield f"  {'':<18} {'in the event':>12} {'by the records':>15}"
    for name, label in (
        ("raw_count", "items"),
        ("raw_negative", "  negative"),
        ("novel_count", "stories"),
        ("novel_negative", "  negative"),
        ("negative_share", "negative share"),
        ("mean_score", "mean score"),
    ):
        before, after = getattr(written, name), getattr(found, name)
        form = ".3f" if isinstance(before, float) else "d"
        yield f"  {label:<18} {before:>12{form}} {after:>15{form}}"
    for line in one.reckoning:
        yield f"  {line}"


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _CUT else f"{text[:_CUT]}… (whole with --json)"


def _records(one: Explanation) -> Iterator[str]:
    offsets, found = one.alert.offsets, one.records
    if offsets is None:
        yield "  the window held no record"
        return
    yield (
        f"  {found.counted} counted, in scored partition {offsets.partition}, offsets "
        f"{offsets.first} to {offsets.last}"
    )
    if found.gone:
        yield "  retention took some of them: the log begins later than this range"
    for reason, count in found.not_counted.items():
        yield f"  not counted: {count}, {_REASONS.get(reason, reason)}"
    if found.retold:
        yield f"  of stories told before the window: {len(found.retold)}"
    if found.calm:
        yield f"  stories that are not negative: {found.calm}"
    if found.news_gone:
        yield f"  news records that are no longer in news: {found.news_gone}"


def _stories(found: Records, most: int | None) -> Iterator[str]:
    shown = found.stories[:most]
    for number, story in enumerate(shown, 1):
        yield from _story(number, story)
    if len(found.stories) > len(shown):
        yield f"  negative stories not listed here: {len(found.stories) - len(shown)} (see --all)"


def _story(number: int, story: ToldStory) -> Iterator[str]:
    first = story.first
    yield f"  {number}. {first.negative:.3f} negative: {first.title}"
    yield f"     {_source(first)}"
    yield f"     {_place(first)}"
    if first.url:
        yield f"     {first.url}"
    if not story.shown:
        yield "     not named in the event, which names the most negative only"
    for again in story.near_duplicates:
        yield f"     told again ({again.negative:.3f}): {again.title}"
        yield f"       {_source(again)}; {_place(again)}"


def _source(one: Teller) -> str:
    return f"{one.source or 'no source'}, {moment(one.event_time)}, id {one.id}"


def _place(one: Teller) -> str:
    origin = one.origin
    missing = _NOT_THERE.get(one.news)
    return (
        f"news {origin.partition}/{origin.offset}{f' ({missing})' if missing else ''}, scored at "
        f"offset {one.scored_offset} by {one.model}, topic {one.topic}"
    )


def _told(one: Explanation) -> Iterator[str]:
    if not one.deliveries:
        receivers = ", ".join(one.alert.receivers)
        yield f"  nobody{f' yet; its rule names {receivers}' if receivers else ''}"
    for each in one.deliveries:
        yield f"  {_delivery(each)}"


def _delivery(one: Delivery) -> str:
    among = f", one of {one.alerts} alerts in it" if one.alerts > 1 else ""
    queued = "" if one.queued_at is None else f", queued {moment(one.queued_at)}"
    if one.delivered is None or one.ended_at is None:
        return f"{one.receiver}: under way{queued} ({one.id}{among})"
    tries = f"{one.attempts} {'try' if one.attempts == 1 else 'tries'}"
    how = "delivered" if one.delivered else f"given up ({one.reason})"
    return f"{one.receiver}: {how} {moment(one.ended_at)} after {tries}{queued} ({one.id}{among})"
