"""Timelines and curves as inline SVG. Owns their geometry; colours are the page's style."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.backtest.result import Alarm, CurvePoint, Event, Timeline
from monitor.backtest.words import delay, moment, strength
from monitor.markup import Safe, element

_WIDTH, _LEFT, _RIGHT = 920.0, 124.0, 12.0
_TOP, _PLOT = 18.0, 120.0
_LONGEST_LABEL = 19
_ROW, _ROW_GAP, _ROWS_BELOW = 11.0, 4.0, 10.0
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_TICKS = (
    5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR,
    _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 91 * _DAY, 182 * _DAY, 365 * _DAY,
)  # fmt: skip
_MOST_TICKS = 9


@dataclass(frozen=True)
class _Scale:
    """From a time to a place on the picture."""

    begin: int
    end: int

    def x(self, time: float) -> float:
        inside = min(max(time, self.begin), self.end)
        return _LEFT + (inside - self.begin) / (self.end - self.begin) * (_WIDTH - _LEFT - _RIGHT)


def timeline_picture(
    timeline: Timeline, alarms: Sequence[tuple[str, Sequence[Alarm]]], events: Sequence[Event]
) -> Safe:
    """A series over time: stories, those expected, and below them what was told and what happened.

    Args:
        timeline: the series.
        alarms: by the name of a row, the alarms on the series.
        events: the events on the series.
    """
    step = timeline.step_seconds * 1000
    scale = _Scale(timeline.start, round(timeline.start + step * len(timeline.negative)))
    most = _nice(max(1.0, *timeline.stories, *(each or 0 for each in timeline.expected)))
    rows = len(alarms) + bool(events)
    base = _TOP + _PLOT
    height = base + _ROWS_BELOW + rows * (_ROW + _ROW_GAP) + 20
    fired = [alarm for _, each in alarms for alarm in each]
    parts = [
        *_grid(most, base),
        _bars("stories", timeline.stories, timeline, scale, most),
        _bars("negative", timeline.negative, timeline, scale, most),
        _expected(timeline, scale, most),
        *(_firing(alarm, scale, base) for alarm in fired),
        *_spans(alarms, events, scale, base),
        *_time_axis(scale, height - 8),
    ]
    title = (
        f"{timeline.series}: {sum(timeline.negative):g} negative of {sum(timeline.stories)} "
        f"stories, {len(fired)} alarms"
    )
    return _svg(title, height, parts)


def curve_picture(points: Sequence[CurvePoint], with_events: bool) -> Safe:
    """How alarms change with one value of a rule: each variant is a group of bars."""
    width = (_WIDTH - _LEFT - _RIGHT) / len(points)
    base = _TOP + _PLOT
    most = _nice(max(1, *(each.score.alarms for each in points)))
    parts = list(_grid(most, base))
    for place, point in enumerate(points):
        middle = _LEFT + (place + 0.5) * width
        score = point.score
        value = f"x{point.factor:g}" if point.varied == "factor" else _per(point)
        bars = [("within", score.alarms - score.outside), ("outside", score.outside)]
        if not with_events:
            bars = [("told", score.alarms)]
        bottom = base
        for name, count in bars:
            tall = count / most * _PLOT
            words = element("title", f"{value}: {count} alarms{_meaning(name)}")
            parts.append(
                element(
                    "rect", words, x=middle - 22, y=bottom - tall, width=44, height=tall,
                    class_=f"bar {name}",
                )
            )  # fmt: skip
            bottom -= tall
        parts.append(_label(middle, bottom - 4, str(score.alarms)))
        own = " own" if point.is_own else ""
        parts.append(_label(middle, base + 16, value, f"label{own}"))
        if with_events:
            told = f"{score.told} of {score.events} told"
            parts.append(_label(middle, base + 32, told))
            parts.append(_label(middle, base + 47, delay(score.median_delay_seconds)))
    return _svg(
        f"{points[0].rule} by {points[0].varied}", base + (54 if with_events else 24), parts
    )


def _per(point: CurvePoint) -> str:
    return f"1 per {point.false_alarms_days:g}d"


def _meaning(name: str) -> str:
    return {"within": " that tell of an event", "outside": " outside the events"}.get(name, "")


def _svg(title: str, height: float, parts: Sequence[Safe]) -> Safe:
    return element(
        "div",
        element(
            "svg", element("title", title), *parts, role="img", viewBox=f"0 0 920 {height:.0f}",
        ),
        class_="scroll picture", tabindex="0",
    )  # fmt: skip


def _grid(most: float, base: float) -> Iterator[Safe]:
    for part in (0, 0.5, 1):
        y = base - part * _PLOT
        yield element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid")
        if most * part == round(most * part):
            yield _label(_LEFT - 6, y + 4, f"{most * part:g}", "label end")


def _bars(
    name: str, values: Sequence[float], timeline: Timeline, scale: _Scale, most: float
) -> Safe:
    """All bars of one kind as one path: a year of them stays small."""
    step = timeline.step_seconds * 1000
    base = _TOP + _PLOT
    path = []
    for place, value in enumerate(values):
        if value:
            left = scale.x(timeline.start + place * step)
            right = max(scale.x(timeline.start + (place + 1) * step) - 1, left + 1)
            tall = value / most * _PLOT
            path.append(f"M{left:.1f} {base:.1f}V{base - tall:.1f}H{right:.1f}V{base:.1f}Z")
    return element("path", d="".join(path), class_=f"bar {name}")


def _expected(timeline: Timeline, scale: _Scale, most: float) -> Safe:
    step = timeline.step_seconds * 1000
    path, before = [], False
    for place, value in enumerate(timeline.expected):
        if value is None:
            before = False
            continue
        y = _TOP + _PLOT - value / most * _PLOT
        left = scale.x(timeline.start + place * step)
        right = scale.x(timeline.start + (place + 1) * step)
        path.append(f"{'L' if before else 'M'}{left:.1f} {y:.1f}H{right:.1f}")
        before = True
    return element("path", d="".join(path), class_="expected")


def _firing(alarm: Alarm, scale: _Scale, base: float) -> Safe:
    x = scale.x(alarm.fired_at)
    return element("line", x1=x, x2=x, y1=_TOP, y2=base, class_=f"fired {alarm.severity}")


def _spans(
    alarms: Sequence[tuple[str, Sequence[Alarm]]],
    events: Sequence[Event],
    scale: _Scale,
    base: float,
) -> Iterator[Safe]:
    """A row for each of the rules, and one for the events."""
    y = base + _ROWS_BELOW
    for name, each in alarms:
        yield _label(_LEFT - 6, y + 9, _short(name), "label end")
        for alarm in each:
            strong = strength(alarm.strength)
            told = f"{alarm.rule} fired {moment(alarm.fired_at)}" + (strong and f" ({strong})")
            end = scale.end if alarm.resolved_at is None else alarm.resolved_at
            yield _span(alarm.fired_at, end, y, scale, f"span {alarm.severity}", told)
        y += _ROW + _ROW_GAP
    for event in events:
        told = f"{event.name}: {moment(event.start)} to {moment(event.end)}"
        yield _span(event.start, event.end, y, scale, "span event", told)
    if events:
        yield _label(_LEFT - 6, y + 9, "events", "label end")


def _span(begin: int, end: int, y: float, scale: _Scale, kind: str, words: str) -> Safe:
    left = scale.x(begin)
    width = max(scale.x(end) - left, 3)
    return element(
        "rect", element("title", words), x=left, y=y, width=width, height=_ROW, rx=2, class_=kind
    )


def _time_axis(scale: _Scale, y: float) -> Iterator[Safe]:
    length = scale.end - scale.begin
    step = next((tick for tick in _TICKS if length / tick <= _MOST_TICKS), length)
    for time in range(-(-scale.begin // step) * step, scale.end + 1, step):
        x = scale.x(time)
        if _LEFT + 12 < x < _WIDTH - _RIGHT - 12:
            yield element("line", x1=x, x2=x, y1=_TOP, y2=_TOP + _PLOT, class_="grid")
            yield _label(x, y, _tick(time, step))


def _tick(time: int, step: int) -> str:
    at = dt.datetime.fromtimestamp(time / 1000, dt.UTC)
    if step >= 30 * _DAY:
        return f"{at:%b %Y}"
    if step >= _DAY or (step >= _HOUR and not time % _DAY):
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"


def _label(x: float, y: float, words: str, kind: str = "label") -> Safe:
    return element("text", words, x=x, y=y, class_=kind)


def _nice(value: float) -> float:
    """The next number that makes a good end of an axis."""
    size = 10.0 ** math.floor(math.log10(value))
    return next(each * size for each in (1, 2, 4, 6, 8, 10) if each * size >= value)
