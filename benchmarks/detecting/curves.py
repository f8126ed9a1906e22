"""Operating curves: delay against false alarms, as the tolerance is moved, and their pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.detecting.contests import Arena, OracleContest, PeerContest, Trials, pane_dispersion
from benchmarks.detecting.injection import Rise
from benchmarks.detecting.peers import all_peers
from benchmarks.detecting.real import run_ours
from benchmarks.detecting.spans import LAST
from monitor.surge.prior import Prior

TOLERANCES = (5, 10, 20, 30, 60, 120)
"""Days between false alarms that are asked for."""
CURVED = (
    "static, 4 h",
    "z-score, 24 h",
    "EWMA, 4 h",
    "seasonal z, 4 h",
    "seasonal EWMA, 4 h",
)
RISE = 3
# Okabe & Ito's colours, which the colour-blind tell apart.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#7F7F7F")


@dataclass(frozen=True)
class Curve:
    """One detector: false alarms in 30 calm days of the test span, and median delay in hours."""

    detector: str
    points: tuple[tuple[float, float], ...]


def curves(arena: Arena, prior: Prior, rises: list[Rise]) -> list[Curve]:
    """The curves of all detectors on one series, for rises to `RISE` times the usual."""
    ours = []
    for days in TOLERANCES:
        trials = Trials()
        given = [(each, trials) for each in rises]
        fields = {"factor": 2, "false_alarms": f"1 per {days}d"}
        alarms = run_ours(arena.wire, prior, LAST, given, **fields)
        ours.append((arena.false_alarms(alarms, tested=True) * 30, trials.median))
    found = [Curve("newsurge (factor 2, level derived)", tuple(ours))]
    oracle = OracleContest(arena, RISE, pane_dispersion(arena))
    points = []
    for days in TOLERANCES:
        level, trials = arena.tune(oracle.alarms, 1 / days, tested=True), Trials()
        for each in rises:
            oracle.trial(each, level, trials)
        points.append((arena.false_alarms(oracle.alarms(level), tested=True) * 30, trials.median))
    found.append(Curve("oracle CUSUM", tuple(points)))
    curved = [peer for peer in all_peers() if peer.name in CURVED]
    found += [_peer_curve(arena, PeerContest(peer, arena), rises) for peer in curved]
    return found


def _peer_curve(arena: Arena, one: PeerContest, rises: list[Rise]) -> Curve:
    seen = [one.with_rise(each) for each in rises]
    points = []
    for days in TOLERANCES:
        level, trials = arena.tune(one.alarms, 1 / days, tested=True), Trials()
        for each, statistic in zip(rises, seen, strict=True):
            one.trial(statistic, each, level, trials)
        points.append((arena.false_alarms(one.alarms(level), tested=True) * 30, trials.median))
    return Curve(one.peer.name, tuple(points))


def picture(found: Mapping[str, list[Curve]], path: Path) -> None:
    """Draw the curves of several series side by side into an SVG file."""
    mpl.rcParams["svg.hashsalt"] = "newsurge"
    figure = Figure(figsize=(4.2 * len(found), 4.4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(found)))
    for axis, (series, several) in zip(axes, found.items(), strict=True):
        colours = iter(_COLOURS)
        for curve in several:
            shown = [(x, y) for x, y in curve.points if np.isfinite(y) and x > 0]
            ours = curve.detector.startswith("newsurge")
            axis.plot(
                [x for x, _ in shown],
                [y for _, y in shown],
                marker="o",
                markersize=5 if ours else 3,
                linewidth=2.6 if ours else 1.2,
                linestyle="--" if curve.detector.startswith("oracle") else "-",
                color="black" if ours else next(colours),
                label=curve.detector,
            )
        axis.set(xscale="log", yscale="log", title=series, xlabel="false alarms in 30 calm days")
        for side in (axis.xaxis, axis.yaxis):
            side.set_major_locator(LogLocator(subs=(1, 2, 5)))
            side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            side.set_minor_formatter(NullFormatter())
        axis.grid(visible=True, which="both", alpha=0.25)
    axes[0].set_ylabel(f"median delay at a rise to {RISE} times, hours")
    axes[0].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
