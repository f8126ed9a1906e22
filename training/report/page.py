"""The report as one HTML page: no script, nothing fetched, and nothing run that a text may hold."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from training.report import more_sections, sections
from training.report.elements import Html, el, join, share, style

if TYPE_CHECKING:
    from training.averages import Estimate
    from training.report.content import Report


def page(report: Report) -> bytes:
    """Returns the page, UTF-8."""
    css = (resources.files("training.report") / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    images = "img-src data:; " if report.tuning is not None else ""
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; {images}base-uri 'none'; "
        "form-action 'none'"
    )
    title = f"{report.bundle.name} {report.bundle.version}"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{title}: evaluation"),
        style(css),
    )
    parts = dict(_parts(report))
    body = el(
        "body",
        el("header", *_opening(report, title), _menu(report, list(parts)), _tiles(report)),
        el("main", *parts.values()),
        el("footer", f"newsurge, report made {_minute(report.made_at)}"),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n".encode()


def _parts(report: Report) -> list[tuple[str, Html]]:
    found = [
        (f"set-{index}", sections.evaluated(each, f"set-{index}"))
        for index, each in enumerate(report.sets)
    ]
    if report.behaviour:
        told = more_sections.behaviour(report.behaviour, report.behaviour_sha256)
        found.append(("behaviour", told))
    if report.drift is not None:
        found.append(("drift", more_sections.drift(report.drift)))
    if report.curves.losses or report.curves.macro_f1:
        found.append(("learning", more_sections.learning(report.curves)))
    if report.tuning is not None:
        found.append(("tuning", more_sections.tuning(report.tuning)))
    return [*found, ("method", more_sections.method())]


def _opening(report: Report, title: str) -> tuple[Html, ...]:
    bundle = report.bundle
    told = (
        f"Trained {_minute(bundle.created_at)} from {bundle.base_model}; languages: "
        f"{', '.join(bundle.languages)}. Measured as served on a CPU."
    )
    return (
        el("p", "newsurge evaluation", class_="eyebrow"),
        el("h1", title),
        el("p", told, class_="soft"),
    )


def _menu(report: Report, places: list[str]) -> Html:
    links = []
    for place in places:
        if not place.startswith("set-"):
            links.append(el("a", place.capitalize(), href=f"#{place}"))
            continue
        each = report.sets[int(place.removeprefix("set-"))]
        links += [
            el("a", f"{each.name}: {head.head}", href=f"#{place}-{head.head}")
            for head in each.heads
        ]
    return el("nav", *links)


def _tiles(report: Report) -> Html:
    """The numbers that are asked for first: of the last set, which training saw least of."""
    tiles = []
    for head in report.sets[-1].heads if report.sets else ():
        found, after = head.numbers, head.after
        tiles += [
            _tile(f"{head.head} macro-F1", f"{found.macro.f1.value:.3f}", _range(found.macro.f1)),
            _tile(f"{head.head} accuracy", f"{found.accuracy.value:.3f}", _range(found.accuracy)),
            _tile(f"{head.head} ECE", f"{after.ece:.3f}", f"{head.before.ece:.3f} before scaling"),
        ]
    for each in report.behaviour:
        if each.test == "entity_swap" and each.swapped is not None:
            shift = f"mean shift {each.swapped.mean_shift:.3f}"
            tiles.append(_tile("entity swaps that flip", share(each.swapped.flip_rate), shift))
    return el("div", join(tiles), class_="tiles")


def _minute(time: str) -> str:
    """An ISO time in UTC, to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC"


def _tile(name: str, number: str, more: str) -> Html:
    return el("div", el("span", name), el("b", number), el("span", more), class_="tile")


def _range(estimate: Estimate) -> str:
    return f"{estimate.low:.3f} to {estimate.high:.3f}"
