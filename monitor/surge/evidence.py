"""From a transition to an alert event that carries its evidence. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from monitor.records import AlertEvent, AlertState, OffsetRange, Series, Story, WindowStatistics
from monitor.surge.conditions import Verdict
from monitor.surge.panes import SCORE_UNIT, Tally, Window
from monitor.surge.rules import Rule
from monitor.surge.templates import rendered
from monitor.surge.track import Track

_NUMBER = {"firing": 1, "resolved": 2}
_MAX_CHARACTERS = 500
"""A story's texts are cut to this: an event of many stories must fit into one record."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A rule on a series begins to fire, or resolves. Times are in milliseconds.

    `started_at` is when the condition was first met, `fired_at` when it began to fire, and
    `now` the time of this transition.
    """

    rule: Rule
    rule_hash: str
    series: Series
    state: AlertState
    started_at: int
    fired_at: int
    now: int
    verdict: Verdict
    model: str


def alert_event(
    transition: Transition, track: Track, window: Window, partition: int, slide: int
) -> AlertEvent:
    """The event of a transition, with what the window of the track holds at that moment.

    Args:
        transition: what happened.
        track: the statistics of the series.
        window: the one of the track's windows that the rule looked at.
        partition: the partition of `scored` that the evidence lies in.
        slide: the length of a pane in milliseconds.
    """
    rule, verdict = transition.rule, transition.verdict
    event = AlertEvent(
        id=alert_id(transition),
        rule=rule.alert,
        rule_hash=transition.rule_hash,
        series=transition.series,
        state=transition.state,
        severity=rule.severity,
        started_at=transition.started_at,
        fired_at=transition.fired_at,
        resolved_at=transition.now if transition.state == "resolved" else None,
        window=_window_statistics(window.tally, window.length * slide, (window.head or 0) * slide),
        stories=_stories(track, window),
        model=transition.model,
        models=_models(track, window, transition.model),
        offsets=_offsets(track, window, partition),
        baseline=verdict.baseline,
        factor=verdict.factor,
        strength=verdict.strength,
        without_duplicates=verdict.without_duplicates,
        receivers=rule.receivers,
    )
    labels, unrendered = rendered(rule.labels, event)
    annotations, unrendered_too = rendered(rule.annotations, event)
    return msgspec.structs.replace(
        event,
        labels=labels,
        annotations=annotations,
        unrendered=(
            *(f"labels.{name}" for name in unrendered),
            *(f"annotations.{name}" for name in unrendered_too),
        ),
    )


def alert_id(transition: Transition) -> str:
    """The stable id of a transition."""
    return id_of(
        transition.rule.alert,
        transition.rule_hash,
        transition.series,
        transition.started_at,
        transition.state,
    )


def id_of(rule: str, rule_hash: str, series: Series, started_at: int, state: AlertState) -> str:
    """The id of a transition: the same log gives the same ids, after any restart.

    An episode is known by the time it started, so that a log whose beginning has been deleted
    by retention still gives the same ids.
    """
    identity = [rule, rule_hash, str(series), started_at, _NUMBER[state]]
    return hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:24]


def resolved_id(fired: AlertEvent) -> str:
    """The id of the event that resolves what `fired` tells of."""
    return id_of(fired.rule, fired.rule_hash, fired.series, fired.started_at, "resolved")


def withdrawal(fired: AlertEvent, now: int | None) -> AlertEvent:
    """The end of an alert that nothing stands for any more, with the evidence of its firing.

    Args:
        fired: the event that it began with.
        now: the time of the clock in milliseconds, where there is one.
    """
    return msgspec.structs.replace(
        fired,
        id=resolved_id(fired),
        state="resolved",
        resolved_at=max(fired.fired_at, now or 0),
        withdrawn=True,
    )


def _window_statistics(tally: Tally, length: int, end: int) -> WindowStatistics:
    count = tally.novel_count
    return WindowStatistics(
        length_seconds=length / 1000,
        end=end,
        raw_count=tally.raw_count,
        raw_negative=tally.raw_negative,
        novel_count=count,
        novel_negative=tally.novel_negative,
        negative_share=tally.novel_negative / count if count else 0.0,
        mean_score=tally.novel_score / SCORE_UNIT / count if count else 0.0,
    )


def _stories(track: Track, window: Window) -> tuple[Story, ...]:
    return tuple(
        Story(
            id=told.item.id,
            title=told.item.title[:_MAX_CHARACTERS],
            event_time=told.event_time,
            negative=told.negative,
            near_duplicates=track.copies(told),
            source=told.item.source and told.item.source[:_MAX_CHARACTERS],
            url=_short_enough(told.item.url),
        )
        for told in track.negative_stories(window)
    )


def _short_enough(url: str | None) -> str | None:
    """The URL, or None for one too long to be shown: half of one leads nowhere."""
    return url if url is None or len(url) <= _MAX_CHARACTERS * 4 else None


def _offsets(track: Track, window: Window, partition: int) -> OffsetRange | None:
    panes = [track.panes[number] for number in window.within(track.panes)]
    touched = [pane for pane in panes if pane.first_offset >= 0]
    if not touched:
        return None
    return OffsetRange(
        partition=partition,
        first=min(pane.first_offset for pane in touched),
        last=max(pane.last_offset for pane in touched),
    )


def _models(track: Track, window: Window, newest: str) -> tuple[str, ...]:
    """The models of the window's records, sorted; none where that is `newest` alone."""
    found = {model for each in window.within(track.panes) for model in track.panes[each].models}
    return () if found == {newest} else tuple(sorted(found))
