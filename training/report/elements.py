"""HTML made from values: every text is escaped unless it is markup that was made here."""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = {"meta", "br"}


class Html(str):
    """Markup. Only `el`, `join` and `style` make it, so that no text becomes it by chance."""

    __slots__ = ()


def el(tag: str, *children: str, **attributes: object) -> Html:
    """Returns an element without the attributes that are None; `class_` is `class`, `_` is `-`."""
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Html(f"<{tag}{said}>")
    return Html(f"<{tag}{said}>{join(children)}</{tag}>")


def join(parts: Iterable[str]) -> Html:
    """Returns the parts one after the other, texts among them escaped."""
    return Html("".join(p if isinstance(p, Html) else html.escape(p) for p in parts))


def style(css: str) -> Html:
    """Returns a style sheet that newsurge ships; it must hold nothing from outside."""
    return Html(f"<style>{css}</style>")


def table(head: Iterable[str], rows: Iterable[Iterable[str]], **attributes: object) -> Html:
    """Returns a table that scrolls by itself where it is wider than the screen.

    Cells that are elements `td` or `th` stand as they are, others become `td`.
    """
    lines = (el("tr", *(_cell(cell) for cell in row)) for row in rows)
    titles = el("tr", *(c if isinstance(c, Html) else el("th", c, scope="col") for c in head))
    inner = el("table", el("thead", titles), el("tbody", *lines), **attributes)
    return el("div", inner, class_="scroll", tabindex=0)


def num(text: str) -> Html:
    """Returns a cell that holds a number."""
    return el("td", text, class_="num")


def said(text: str) -> Html:
    """Returns a cell that holds a text from outside, of whatever direction of writing."""
    return el("td", text, dir="auto", class_="text")


def share(value: float) -> str:
    """Returns a share as a percentage."""
    return f"{value:.1%}"


def _cell(cell: str) -> Html:
    if isinstance(cell, Html) and cell.startswith(("<td", "<th")):
        return cell
    return el("td", cell)
