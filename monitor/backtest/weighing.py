"""What alerts are worth: alarms, alarms a month, events told and how soon, two files compared.

Pure: alerts, rules and events in, the parts of a result out.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from monitor.backtest.curve import DAY, Varied
from monitor.backtest.result import (
    Alarm,
    CurvePoint,
    Event,
    Monthly,
    Outcome,
    Pair,
    Score,
    Telling,
)
from monitor.records import AlertEvent, Series
from monitor.surge.rules import DeadManRule, Rule

ANY = "any rule"


def weigh(
    rules: str,
    named: Sequence[Rule],
    alerts: tuple[AlertEvent, ...],
    events: Sequence[Event],
    varied: Varied,
) -> Outcome:
    """What a rule file would have told. A dead man's events are no alarms.

    Args:
        rules: the file's name.
        named: its rules.
        alerts: its alerts in order of time.
        events: what should be told.
        varied: the alarms of the variants of its surge rules.
    """
    named = [rule for rule in named if not isinstance(rule, DeadManRule)]
    about = {rule.alert for rule in named}
    alarms = tuple(
        _with_events(alarm, events)
        for alarm in alarms_of(event for event in alerts if event.rule in about)
    )
    tellings = tuple(telling for rule in named for telling in _tellings(rule, alarms, events))
    return Outcome(
        rules=rules,
        alerts=alerts,
        alarms=alarms,
        monthly=_monthly(alarms),
        tellings=tellings,
        scores=(
            *(_score(rule.alert, [rule], alarms, events) for rule in named),
            *([_score(ANY, named, alarms, events)] if len(named) > 1 else []),
        ),
        curve=tuple(_curve(named, events, varied)),
    )


def alarms_of(alerts: Iterable[AlertEvent]) -> list[Alarm]:
    """Each alert from its firing to its resolution, in order of firing."""
    alarms: dict[tuple[str, Series, int], Alarm] = {}
    for event in alerts:
        which = event.rule, event.series, event.started_at
        if event.state == "firing":
            alarms[which] = _alarm(event)
        elif which in alarms:
            alarms[which] = msgspec.structs.replace(alarms[which], resolved_at=event.resolved_at)
    return list(alarms.values())


def compare(first: Sequence[Alarm], second: Sequence[Alarm]) -> tuple[Pair, ...]:
    """The alarms of two rule files side by side, in order of time.

    Two alarms tell the same where they are on one series and overlap; a rule that both files have
    by name is compared with itself only.
    """
    common = {alarm.rule for alarm in first} & {alarm.rule for alarm in second}
    left = list(second)
    pairs: list[tuple[int, Pair]] = []
    for one in first:
        other = next((each for each in left if _same(one, each, common)), None)
        if other is None:
            pairs.append((one.fired_at, Pair(one.series, one.id, None, None)))
            continue
        left.remove(other)
        later = (other.fired_at - one.fired_at) / 1000
        pairs.append((min(one.fired_at, other.fired_at), Pair(one.series, one.id, other.id, later)))
    pairs += [(each.fired_at, Pair(each.series, None, each.id, None)) for each in left]
    return tuple(pair for _, pair in sorted(pairs, key=lambda each: each[0]))


def _same(one: Alarm, other: Alarm, common: set[str]) -> bool:
    if one.series != other.series:
        return False
    if one.rule != other.rule and {one.rule, other.rule} & common:
        return False
    return _overlap(one.fired_at, one.resolved_at, other.fired_at, other.resolved_at)


def _alarm(event: AlertEvent) -> Alarm:
    return Alarm(
        id=event.id,
        rule=event.rule,
        series=event.series,
        severity=event.severity,
        started_at=event.started_at,
        fired_at=event.fired_at,
        resolved_at=None,
        negative_stories=event.window.novel_negative,
        expected=event.baseline.expected_negative if event.baseline else None,
        factor=event.factor,
        strength=event.strength,
        headline=event.stories[0].title if event.stories else "",
    )


def _with_events(alarm: Alarm, events: Sequence[Event]) -> Alarm:
    told = tuple(
        number
        for number, event in enumerate(events)
        if event.series == alarm.series and _tells(alarm.fired_at, alarm.resolved_at, event)
    )
    return msgspec.structs.replace(alarm, events=told)


def _tells(fired_at: int, resolved_at: int | None, event: Event) -> bool:
    return _overlap(fired_at, resolved_at, event.start, event.end)


def _overlap(begin: int, end: int | None, other: int, other_end: int | None) -> bool:
    return (other_end is None or begin <= other_end) and (end is None or other <= end)


def _monthly(alarms: Iterable[Alarm]) -> tuple[Monthly, ...]:
    counts = Counter((alarm.rule, alarm.series, month_of(alarm.fired_at)) for alarm in alarms)
    return tuple(Monthly(*which, count) for which, count in sorted(counts.items()))


def month_of(time: int) -> str:
    """The month of a time, in UTC."""
    return f"{dt.datetime.fromtimestamp(time / 1000, dt.UTC):%Y-%m}"


def _tellings(rule: Rule, alarms: Sequence[Alarm], events: Sequence[Event]) -> list[Telling]:
    found = []
    for number, event in enumerate(events):
        if not rule.concerns(event.series):
            continue
        first = next((a for a in alarms if a.rule == rule.alert and number in a.events), None)
        delay = None if first is None else _delay(first.fired_at, event)
        found.append(Telling(number, rule.alert, first.id if first else None, delay))
    return found


def _delay(fired_at: int, event: Event) -> float:
    """Seconds from an event's start until it was told; none if the alarm fired already."""
    return max(0, fired_at - event.start) / 1000


def _score(
    name: str, rules: Sequence[Rule], alarms: Sequence[Alarm], events: Sequence[Event]
) -> Score:
    own = {rule.alert for rule in rules}
    spells = [(a.series, a.fired_at, a.resolved_at) for a in alarms if a.rule in own]
    return _score_of(name, rules, spells, events)


def _score_of(
    name: str,
    rules: Sequence[Rule],
    spells: Sequence[tuple[Series, int, int | None]],
    events: Sequence[Event],
) -> Score:
    concerned = [each for each in events if any(rule.concerns(each.series) for rule in rules)]
    delays = []
    for event in concerned:
        fired = [
            fired_at
            for series, fired_at, resolved_at in spells
            if series == event.series and _tells(fired_at, resolved_at, event)
        ]
        if fired:
            delays.append(_delay(min(fired), event))
    outside = sum(
        not any(event.series == series and _tells(fired, resolved, event) for event in events)
        for series, fired, resolved in spells
    )
    return Score(
        rule=name,
        alarms=len(spells),
        events=len(concerned),
        told=len(delays),
        recall=len(delays) / len(concerned) if concerned else None,
        median_delay_seconds=median(delays) if delays else None,
        outside=outside,
    )


def _curve(named: Sequence[Rule], events: Sequence[Event], varied: Varied) -> list[CurvePoint]:
    rules: Mapping[str, Rule] = {rule.alert: rule for rule in named}
    points = []
    for variant, by_series in varied.items():
        spells = [(series, *spell) for series, found in by_series.items() for spell in found]
        score = _score_of(variant.rule, [rules[variant.rule]], spells, events)
        days = variant.false_alarms / DAY
        points.append(
            CurvePoint(variant.rule, variant.varied, variant.factor, days, variant.is_own, score)
        )
    return points
