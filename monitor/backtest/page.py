"""The report: one HTML file that asks the network for nothing, and runs no script.

Owns the order and the words of its sections. Text from outside (headlines, names, addresses) is
escaped in `monitor.markup`; a policy in the page itself forbids whatever slipped through.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib import resources
from itertools import groupby

from monitor.backtest.evidence import MOST_ALARMS, alarms_with_stories, what_was_read
from monitor.backtest.pictures import curve_picture, timeline_picture
from monitor.backtest.result import Alarm, Backtest, Timeline
from monitor.backtest.words import delay, moment, share
from monitor.markup import Safe, element, table

_MOST_TIMELINES = 24
_LETTERS = "AB"
_QUIET = 3


def page(found: Backtest) -> str:
    """The report of a backtest."""
    style = resources.files("monitor.backtest").joinpath("page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        Safe('<meta charset="utf-8">'),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Backtest: {', '.join(found.history.sources)}"),
        Safe(f"<style>{style}</style>"),
    )
    body = element("body", *_header(found), *_sections(found))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _sections(found: Backtest) -> Iterator[Safe]:
    yield from _timelines(found)
    if found.comparison is not None:
        yield from _comparison(found)
    if found.events:
        yield from _events(found)
    yield from _months(found)
    yield from _curves(found)
    yield element("h2", "Alarms and their evidence")
    for number, outcome in enumerate(found.outcomes):
        yield from _file_heading(number, found)
        yield from alarms_with_stories(outcome)
    yield element("h2", "What was read")
    yield from what_was_read(found.history)


def _header(found: Backtest) -> Iterator[Safe]:
    history = found.history
    yield element("h1", "Backtest")
    rules = " against ".join(outcome.rules for outcome in found.outcomes)
    yield element("p", f"{rules}, on {', '.join(history.sources)}", class_="soft")
    tiles = [
        (f"{history.scored_records:,}", "scored records"),
        (_length(history.last - history.first), _days(history.first, history.last)),
    ]
    for number, outcome in enumerate(found.outcomes):
        tiles.append((f"{len(outcome.alarms):,}", f"alarms{_of(number, found)}"))
        if found.events:
            score = outcome.scores[-1]
            told = f"events told{_of(number, found)}, {score.outside:,} alarms outside"
            tiles.append((f"{score.told:,} of {score.events:,}", told))
    tiles.append((f"{sum(each.count for each in history.refused):,}", "rows refused"))
    yield element(
        "div",
        *(
            element("div", element("b", value), element("span", what), class_="tile")
            for value, what in tiles
        ),
        class_="tiles",
    )
    for doubt in found.doubts:
        yield element("p", f"Note: {doubt}.", class_="note")


def _timelines(found: Backtest) -> Iterator[Safe]:
    shown = _worth_showing(found)
    yield element("h2", "Over time")
    if not shown:
        yield element("p", "No series held a story.", class_="soft")
        return
    present = {alarm.severity for outcome in found.outcomes for alarm in outcome.alarms}
    severities = [each for each in ("critical", "warning", "info") if each in present]
    yield _legend(
        [
            ("stories", "all stories"),
            ("negative", "negative"),
            ("expected", "negative expected"),
            *((each, f"{each} alert") for each in severities),
            *([("event", "event given")] if found.events else []),
        ]
    )
    for timeline in shown:
        events = [event for event in found.events if event.series == timeline.series]
        yield element("h3", str(timeline.series))
        yield timeline_picture(timeline, _rows(timeline, found), events)
    step = _length(round(shown[0].step_seconds * 1000))
    rest = len(found.timelines) - len(shown)
    more = f" {rest:,} more series had no alarm and no event, or fewer stories." if rest else ""
    yield element("p", f"Each bar is {step}, times are UTC.{more}", class_="note")


def _rows(timeline: Timeline, found: Backtest) -> list[tuple[str, list[Alarm]]]:
    """The alarms on a series, in a row for each rule of each file that raised one."""
    rows: dict[str, list[Alarm]] = {}
    for number, outcome in enumerate(found.outcomes):
        for alarm in outcome.alarms:
            if alarm.series == timeline.series:
                name = f"{_letter(number, found)} {alarm.rule}".strip()
                rows.setdefault(name, []).append(alarm)
    return sorted(rows.items())


def _worth_showing(found: Backtest) -> list[Timeline]:
    """The series with alarms or events, the most alarms first; then a few of the busiest others."""
    alarms = [alarm.series for outcome in found.outcomes for alarm in outcome.alarms]
    named = {*alarms, *(event.series for event in found.events)}
    told = [each for each in found.timelines if each.series in named]
    told.sort(key=lambda each: (-alarms.count(each.series), each.series))
    others = [each for each in found.timelines if each.series not in named]
    others.sort(key=lambda each: (-sum(each.negative), each.series))
    return (told + others[:_QUIET])[:_MOST_TIMELINES]


def _comparison(found: Backtest) -> Iterator[Safe]:
    pairs = found.comparison or ()
    yield element("h2", "Side by side")
    names = [f"{_LETTERS[n]} is {outcome.rules}" for n, outcome in enumerate(found.outcomes)]
    both = sum(pair.first is not None and pair.second is not None for pair in pairs)
    only = [sum(pair.second is None for pair in pairs), sum(pair.first is None for pair in pairs)]
    yield element(
        "p", f"{'; '.join(names)}. Both told {both:,}, only A {only[0]:,}, only B {only[1]:,}."
    )
    known = {alarm.id: alarm for outcome in found.outcomes for alarm in outcome.alarms}
    rows = [
        (
            str(pair.series),
            _told_by(pair.first, known),
            _told_by(pair.second, known),
            _later(pair.later_seconds),
        )
        for pair in pairs[:MOST_ALARMS]
    ]
    if rows:
        yield table(("series", "A told", "B told", "B against A"), rows, (3,))


def _told_by(identity: str | None, known: dict[str, Alarm]) -> str:
    alarm = known.get(identity or "")
    return "did not" if alarm is None else f"{moment(alarm.fired_at)} {alarm.rule}"


def _later(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if not seconds:
        return "at once"
    return f"{delay(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"


def _events(found: Backtest) -> Iterator[Safe]:
    yield element("h2", "Held against the events")
    for number, outcome in enumerate(found.outcomes):
        yield from _file_heading(number, found)
        rows = [
            (
                score.rule,
                f"{score.events:,}",
                f"{score.told:,}",
                share(score.recall),
                delay(score.median_delay_seconds),
                f"{score.outside:,}",
            )
            for score in outcome.scores
        ]
        head = ("rule", "events", "told", "recall", "median delay", "alarms outside")
        yield table(head, rows, range(1, 6))
        tellings = sorted(outcome.tellings, key=lambda each: each.event)
        rows_of_events = []
        for place, each in groupby(tellings, key=lambda one: one.event):
            event = found.events[place]
            told = [f"{one.rule} after {delay(one.delay_seconds)}" for one in each if one.alarm]
            words = "; ".join(told) or "not told"
            rows_of_events.append((event.name, str(event.series), moment(event.start), words))
        if rows_of_events:
            yield table(("event", "series", "start (UTC)", "told by"), rows_of_events)


def _months(found: Backtest) -> Iterator[Safe]:
    yield element("h2", "Alarms a month")
    for number, outcome in enumerate(found.outcomes):
        yield from _file_heading(number, found)
        months = sorted({one.month for one in outcome.monthly})
        counts = {(one.rule, one.series, one.month): one.alarms for one in outcome.monthly}
        rows = [
            (rule, str(series), *(str(counts.get((rule, series, month), "")) for month in months))
            for rule, series in sorted({(one.rule, one.series) for one in outcome.monthly})
        ]
        if rows:
            yield table(("rule", "series", *months), rows, range(2, 2 + len(months)))
        else:
            yield element("p", "None.", class_="soft")


def _curves(found: Backtest) -> Iterator[Safe]:
    if not any(outcome.curve for outcome in found.outcomes):
        return
    yield element("h2", "With other values")
    yield element(
        "p",
        "What each surge rule would tell with another factor, or other false_alarms; its own "
        "values are in bold. Each variant learns by itself what is usual, from the panes as they "
        "closed, so that it may tell up to one pane later than live.",
        class_="soft",
    )
    if found.events:
        yield _legend([("within", "alarms that tell of an event"), ("outside", "alarms outside")])
    for number, outcome in enumerate(found.outcomes):
        yield from _file_heading(number, found)
        for (rule, varied), points in groupby(outcome.curve, key=lambda p: (p.rule, p.varied)):
            yield element("h3", f"{rule} by {varied}")
            yield curve_picture(list(points), bool(found.events))


def _legend(kinds: Sequence[tuple[str, str]]) -> Safe:
    entries = (element("span", element("i", class_=kind), words) for kind, words in kinds)
    return element("div", *entries, class_="legend")


def _file_heading(number: int, found: Backtest) -> Iterator[Safe]:
    if len(found.outcomes) > 1:
        yield element("h3", f"{_LETTERS[number]}: {found.outcomes[number].rules}")


def _letter(number: int, found: Backtest) -> str:
    return _LETTERS[number] if len(found.outcomes) > 1 else ""


def _of(number: int, found: Backtest) -> str:
    letter = _letter(number, found)
    return f" of {letter}" if letter else ""


def _length(milliseconds: int) -> str:
    minutes = milliseconds / 60_000
    if minutes < 120:
        return f"{minutes:.0f} minutes" if minutes >= 1.5 else "a minute"
    hours = minutes / 60
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:,.0f} days"


def _days(first: int, last: int) -> str:
    begin, end = moment(first)[:10], moment(last)[:10]
    return begin if begin == end else f"{begin} to {end}"
