"""The report's pictures, as SVG elements. Colours are the style sheet's; nothing is fetched."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from training.report.elements import Html, el, join

if TYPE_CHECKING:
    from training.averages import Estimate
    from training.curves import Curve
    from training.reliability import Reliability

_SIDE, _LEFT, _TOP, _HIST = 200, 52, 8, 40
_WIDE, _HIGH = 420, 200
_LINE = 15  # from one line of text to the next


def interval(estimate: Estimate) -> Html:
    """A number from 0 to 1 as a dot, its interval as a line."""
    width, middle = 150, 8

    def x(value: float) -> float:
        return round(4 + value * (width - 8), 1)

    ticks = (
        el("line", x1=x(t), x2=x(t), y1=3, y2=13, class_="grid") for t in (0, 0.25, 0.5, 0.75, 1)
    )
    return _svg(
        width,
        16,
        f"{estimate.value:.3f}, from {estimate.low:.3f} to {estimate.high:.3f}",
        "interval",
        *ticks,
        el("line", x1=x(estimate.low), x2=x(estimate.high), y1=middle, y2=middle, class_="whisker"),
        el("circle", cx=x(estimate.value), cy=middle, r=3.5, class_="dot"),
    )


def bar(value: float, *, bad: bool) -> Html:
    """A share as a bar on its ground."""
    width = 110
    return _svg(
        width,
        12,
        f"{value:.1%}",
        "bar",
        el("rect", x=0, y=2, width=width, height=8, rx=4, class_="ground"),
        el(
            "rect",
            x=0,
            y=2,
            width=round(max(0.0, min(1.0, value)) * width, 1),
            height=8,
            rx=4,
            class_="fill bad" if bad else "fill",
        ),
    )


def moved(before: float, now: float, most: float) -> Html:
    """Two shares as a hollow and a full dot, on an axis from 0 to `most`."""
    width = 160

    def x(value: float) -> float:
        return round(6 + value / (most or 1) * (width - 12), 1)

    return _svg(
        width,
        16,
        f"{before:.1%} before, {now:.1%} now",
        "moved",
        el("line", x1=6, x2=width - 6, y1=8, y2=8, class_="grid"),
        el("line", x1=x(before), x2=x(now), y1=8, y2=8, class_="whisker"),
        el("circle", cx=x(before), cy=8, r=3.5, class_="hollow"),
        el("circle", cx=x(now), cy=8, r=3.5, class_="dot"),
    )


def reliability(diagram: Reliability) -> Html:
    """How often the model was right by how sure it was; below, how many answers were that sure."""
    parts = [*_axes(_SIDE, _SIDE, (0, 0.5, 1), (0, 0.5, 1), ("0", "0.5", "1"), ("0", "0.5", "1"))]
    corner, rows = _TOP + _SIDE, sum(each.rows for each in diagram.bins)
    for each in diagram.bins:
        left = _LEFT + each.low * _SIDE + 1
        width = round((each.high - each.low) * _SIDE - 2, 1)
        top, sure = (corner - value * _SIDE for value in (each.right, each.confidence))
        told = f"{each.rows} answers, {each.confidence:.1%} sure, {each.right:.1%} right"
        at = {"x": round(left, 1), "width": width}
        parts += [
            el(
                "rect",
                el("title", told),
                y=round(max(top, sure), 1),
                height=round(corner - max(top, sure), 1),
                class_="fill soft",
                **at,
            ),
            el(
                "rect",
                y=round(min(top, sure), 1),
                height=round(abs(top - sure), 1),
                class_="gap" if sure < top else "gap less",
                **at,
            ),
        ]
        tall = round(each.rows / rows * _HIST, 1)
        floor = corner + 22 + _HIST
        parts.append(el("rect", y=round(floor - tall, 1), height=tall, class_="fill", **at))
    parts.append(
        el("line", x1=_LEFT, y1=corner, x2=_LEFT + _SIDE, y2=_TOP, class_="diagonal"),
    )
    parts.append(_text(_LEFT - 6, corner + 22 + _HIST, "answers", anchor="end"))
    parts.append(_text(_LEFT + _SIDE / 2, corner + _HIST + 38, "how sure", anchor="middle"))
    label = f"Reliability, ECE {diagram.ece:.4f}"
    return _svg(_LEFT + _SIDE + 10, corner + _HIST + 44, label, "reliability", *parts)


def lines(curves: Sequence[Curve], label: str) -> Html:
    """Curves over epochs on one pair of axes, named at the right."""
    points = [point for curve in curves for point in curve.points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    first, last = min(0.0, *xs), max(xs)
    low, high = min(ys), max(ys)
    pad = (high - low) * 0.08 or 0.05
    low, high = low - pad, high + pad
    ticks = sorted({0, round(last / 2), round(last)})
    levels = [low + (high - low) * part for part in (0.1, 0.5, 0.9)]
    parts = [
        *_axes(
            _WIDE,
            _HIGH,
            [(t - first) / (last - first or 1) for t in ticks],
            [(level - low) / (high - low) for level in levels],
            [str(t) for t in ticks],
            [f"{level:.2f}" for level in levels],
        )
    ]
    ends = []
    for index, curve in enumerate(curves):
        at = [
            (
                round(_LEFT + (x - first) / (last - first or 1) * _WIDE, 1),
                round(_TOP + (1 - (y - low) / (high - low)) * _HIGH, 1),
            )
            for x, y in curve.points
        ]
        parts.append(
            el("polyline", points=" ".join(f"{x},{y}" for x, y in at), class_=f"line l{index}")
        )
        if len(at) <= 40:
            parts += [el("circle", cx=x, cy=y, r=2.5, class_=f"mark l{index}") for x, y in at]
        ends.append(at[-1])
    heights = apart([y + 4 for _, y in ends], _LINE)
    for index, (curve, (x, _), y) in enumerate(zip(curves, ends, heights, strict=True)):
        said = f"{curve.name} {curve.points[-1][1]:.3f}"
        parts.append(_text(x + 6, y, said, class_=f"name l{index}"))
    parts.append(_text(_LEFT + _WIDE / 2, _TOP + _HIGH + 32, "epoch", anchor="middle"))
    return _svg(_LEFT + _WIDE + 130, _TOP + _HIGH + 38, label, "lines", *parts)


def apart(heights: Sequence[float], least: float) -> list[float]:
    """The heights, moved down as little as it takes to have `least` between any two of them."""
    found = list(heights)
    order = sorted(range(len(found)), key=found.__getitem__)
    for above, below in itertools.pairwise(order):
        found[below] = max(found[below], found[above] + least)
    return found


def _axes(
    width: float,
    height: float,
    xs: Sequence[float],
    ys: Sequence[float],
    x_names: Sequence[str],
    y_names: Sequence[str],
) -> list[Html]:
    """Grid lines at shares of the width and height, with what they stand for."""
    found = []
    for share, name in zip(xs, x_names, strict=True):
        x = round(_LEFT + share * width, 1)
        found.append(el("line", x1=x, x2=x, y1=_TOP, y2=_TOP + height, class_="grid"))
        found.append(_text(x, _TOP + height + 14, name, anchor="middle"))
    for share, name in zip(ys, y_names, strict=True):
        y = round(_TOP + (1 - share) * height, 1)
        found.append(el("line", x1=_LEFT, x2=_LEFT + width, y1=y, y2=y, class_="grid"))
        found.append(_text(_LEFT - 6, y + 4, name, anchor="end"))
    return found


def _text(x: float, y: float, said: str, *, anchor: str = "start", class_: str = "") -> Html:
    return el(
        "text",
        said,
        x=round(x, 1),
        y=round(y, 1),
        text_anchor=anchor,
        class_=class_ or None,
    )


def _svg(width: float, height: float, label: str, class_: str, *parts: Html) -> Html:
    return el(
        "svg",
        join(parts),
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role="img",
        aria_label=label,
        class_=class_,
    )
