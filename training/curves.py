"""Learning curves, from what a bundle keeps of its training. Pure; degrades where it kept less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class Curve(msgspec.Struct, frozen=True):
    """One line of a chart: points (epoch, value)."""

    name: str
    points: tuple[tuple[float, float], ...]


class Curves(msgspec.Struct, frozen=True):
    """How training went, by epoch.

    The training's loss is the mean over the epoch's steps, with what was added to the labels' own
    (a teacher's, R-Drop's); dev's, at its end, is of the labels alone.
    """

    losses: tuple[Curve, ...] = ()
    macro_f1: tuple[Curve, ...] = ()


def curves(metrics: Mapping[str, Any]) -> Curves:
    """Returns the curves of a bundle's `metrics`, from its `epochs`."""
    epochs = _entries(metrics.get("epochs"))
    lines = [_curve("train", "train_loss", epochs), _curve("dev", "loss", epochs)]
    scores = [_curve(head, f"{head}_macro_f1", epochs) for head in ("topic", "sentiment")]
    return Curves(*(tuple(each for each in some if each.points) for some in (lines, scores)))


def _entries(found: Any) -> list[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _curve(name: str, key: str, entries: Iterable[Mapping[str, Any]]) -> Curve:
    return Curve(
        name,
        tuple(
            (round(float(entry.get("epoch", index)), 4), round(float(entry[key]), 4))
            for index, entry in enumerate(entries, 1)
            if isinstance(entry.get(key), int | float)
        ),
    )
