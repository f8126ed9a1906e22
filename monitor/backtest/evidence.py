"""The end of the report: each alarm with its stories, and what became of what was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.backtest.result import Alarm, History, Outcome
from monitor.backtest.words import moment, strength
from monitor.markup import Safe, element, table
from monitor.records import Story

MOST_ALARMS = 500
"""No more are shown: a page of many thousands opens nowhere. The JSON has all of them."""


def alarms_with_stories(outcome: Outcome) -> Iterator[Safe]:
    """The alarms of one rule file, to be opened one by one."""
    if not outcome.alarms:
        yield element("p", "None.", class_="soft")
    stories = {event.id: event.stories for event in outcome.alerts}
    for alarm in outcome.alarms[:MOST_ALARMS]:
        yield _alarm(alarm, stories.get(alarm.id, ()))
    if len(outcome.alarms) > MOST_ALARMS:
        rest = len(outcome.alarms) - MOST_ALARMS
        yield element("p", f"and {rest:,} more: the JSON (--json) has all of them.")


def _alarm(alarm: Alarm, stories: Sequence[Story]) -> Safe:
    ended = (
        "firing at the end" if alarm.resolved_at is None else f"until {moment(alarm.resolved_at)}"
    )
    numbers = [f"{alarm.negative_stories:,} negative stories"]
    if alarm.expected is not None:
        numbers.append(f"{alarm.expected:.1f} expected")
    if alarm.factor is not None:
        numbers.append(f"{alarm.factor:.1f} times the usual")
    if alarm.strength is not None:
        numbers.append(f"chance brings as much {strength(alarm.strength)}")
    items = [element("li", *_story(story)) for story in stories]
    return element(
        "details",
        element(
            "summary",
            element("span", alarm.severity, class_=f"badge {alarm.severity}"),
            f" {moment(alarm.fired_at)} ",
            element("b", alarm.rule),
            f" on {alarm.series}, {ended}",
        ),
        element("p", ", ".join(numbers) + f". Alert {alarm.id}.", class_="note"),
        element("ol", *items) if items else "",
        class_="alarm",
    )


def _story(story: Story) -> Iterator[Safe]:
    url = story.url or ""
    linked = url.startswith(("https://", "http://"))
    rel = "noopener noreferrer nofollow"
    yield element("a", story.title, href=url, rel=rel) if linked else element("span", story.title)
    again = f", told {story.near_duplicates:,} times more" if story.near_duplicates else ""
    told = (
        f" {story.source or 'no source'}, {moment(story.event_time)}, {story.negative:.0%} negative"
    )
    yield element("span", told + again, class_="soft")


def what_was_read(history: History) -> Iterator[Safe]:
    """What was refused, what became of the rest, and where time came from."""
    if history.refused:
        rows = [(each.reason, f"{each.count:,}", each.first[0]) for each in history.refused]
        yield table(("refused as", "rows", "the first"), rows, (1,))
    became = ", ".join(f"{count:,} {what}" for what, count in sorted(history.outcomes.items()))
    yield element("p", f"Scored records under the first rule file: {became}.", class_="note")
    yield element("p", f"Scored by: {', '.join(history.models)}.", class_="note")
    time = (
        "Time came from the marks of the log, so that these are the alerts that WATCH wrote."
        if history.marks == "log"
        else "Time came from the records: each arrived at its ingest time (raw news and tables: "
        "when it was published), with SCORE's marks as they would have stood then."
    )
    yield element("p", time, class_="note")
