"""Results as Markdown tables: what was measured, and how it stands against the bars.

Owns wording only; every number comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.detecting.bursts import PEER, Told
from benchmarks.detecting.real import REQUEST_DAYS, RISES, Outcome
from benchmarks.detecting.series import TIMEZONE

DASHBOARDS = ("static threshold", "rolling z-score", "EWMA")
NONE = "-"
ADJUSTED = ("z-score, adjusted", "EWMA, adjusted")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def hours(value: float) -> str:
    """A delay in words of few characters."""
    if np.isnan(value):
        return NONE
    return "never" if np.isinf(value) else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def ratio(value: float) -> str:
    """A ratio, or a dash where there is none."""
    return f"{value:.2f}" if np.isfinite(value) else NONE if np.isnan(value) else "∞"


def false_alarms(outcomes: Sequence[Outcome]) -> str:
    """Realised false alarms by detector, as multiples of the request, over all series."""
    rows = []
    names = dict.fromkeys((one.detector, one.tuned) for one in outcomes)
    for detector, tuned in names:
        realised = [o.realised for o in outcomes if (o.detector, o.tuned) == (detector, tuned)]
        quartiles = np.percentile(realised, [0, 50, 100])
        rows.append([detector, tuned, ratio(float(np.mean(realised))), *map(ratio, quartiles)])
    return table(["detector", "level", "mean", "lowest series", "median", "highest series"], rows)


def _best(outcomes: Iterable[Outcome], rise: int) -> tuple[float, str]:
    """The shortest median delay, and whose it is; that of a detector which dropped most is not."""
    found = [
        (one.medians[rise], one.detector)
        for one in outcomes
        if one.dropped[rise] * 2 < 60 and not np.isnan(one.medians[rise])
    ]
    return min(found, default=(float("nan"), ""))


def delays(outcomes: Sequence[Outcome], tuned: str) -> str:
    """Median delays of ours, the oracle, and the best of each kind of peer, with ratios."""
    rows = []
    for series in dict.fromkeys(one.series for one in outcomes):
        own = [one for one in outcomes if one.series == series]
        for rise in RISES:
            ours = _of(own, lambda one: one.kind == "ours").medians[rise]
            designed = _of(own, lambda one: one.kind == "ours designed").medians[rise]
            oracle = _of(own, lambda one: one.kind == "oracle").medians[rise]
            rivals = [one for one in own if one.tuned == tuned]
            board, board_name = _best((o for o in rivals if o.kind in DASHBOARDS), rise)
            adjusted, adjusted_name = _best((o for o in rivals if o.kind in ADJUSTED), rise)
            generic, _ = _best((o for o in rivals if o.kind == "generic"), rise)
            rows.append(
                [
                    series.partition("=")[2],
                    f"x{rise}",
                    hours(ours),
                    hours(designed),
                    hours(oracle),
                    f"{hours(board)} ({board_name})",
                    f"{hours(adjusted)} ({adjusted_name})",
                    hours(generic),
                    _over(ours, oracle),
                    _over(ours, board),
                    _over(ours, adjusted),
                ]
            )
    head = ["series", "rise", "ours, factor 2", "ours, factor = rise", "oracle"]
    head += ["best dashboard", "best adjusted", "best of river"]
    return table([*head, "÷ oracle", "÷ dashboard", "÷ adjusted"], rows)


def _of(outcomes: Iterable[Outcome], which: Callable[[Outcome], bool]) -> Outcome:
    return next(one for one in outcomes if which(one))


def _over(ours: float, other: float) -> str:
    if np.isinf(other) and np.isfinite(ours):
        return "0"
    return ratio(ours / other) if np.isfinite(other) else NONE


def by_detector(outcomes: Sequence[Outcome], tuned: str) -> str:
    """How ours compares with each detector at one fixed window, over all series."""
    rows = []
    ours = {one.series: one for one in outcomes if one.kind == "ours"}
    names = dict.fromkeys(o.detector for o in outcomes if o.tuned == tuned and o.kind != "oracle")
    for name in names:
        row = [name]
        for rise in RISES:
            ratios = [
                ours[one.series].medians[rise] / one.medians[rise]
                for one in outcomes
                if (one.detector, one.tuned) == (name, tuned)
                and one.dropped[rise] * 2 < 60
                and np.isfinite(ours[one.series].medians[rise])
            ]
            row.append(f"{np.median(ratios):.2f} (worst {max(ratios):.2f})" if ratios else NONE)
        rows.append(row)
    return table(["ours ÷ detector", *(f"x{rise}" for rise in RISES)], rows)


def bursts(rows: Iterable[Told]) -> str:
    """The known bursts."""
    lines = []
    for one in rows:
        if one.at is not None:
            ours = moment(one.at)
        elif one.firing_since is not None:
            ours = f"firing since {moment(one.firing_since)}"
        else:
            ours = "not told"
        ahead = NONE
        if one.at is not None and one.peer_at is not None:
            ahead = f"{(one.peer_at - one.at) / 60:+.1f} h"
        peer = "not told" if one.peer_at is None else moment(one.peer_at)
        lines.append([one.day, one.series.partition("=")[2], ours, peer, ahead, str(one.before)])
    head = ["burst", "series", "ours fires", f"{PEER}, tuned", "ours ahead by"]
    return table([*head, f"our alarms in the {REQUEST_DAYS} days before"], lines)


def moment(number: int) -> str:
    """A pane's end, in UTC and where the desk is."""
    at = datetime.fromtimestamp(number * 60, UTC)
    return f"{at:%d %b %H:%M} UTC ({at.astimezone(ZoneInfo(TIMEZONE)):%H:%M} New York)"
