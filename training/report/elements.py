"""What the pages of the report are made of, beyond plain elements."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.markup import Safe as Html
from monitor.markup import element as el
from monitor.markup import joined as join

__all__ = ["Html", "el", "join", "num", "said", "share", "style", "table"]


def style(css: str) -> Html:
    """Returns a style sheet that newsurge ships; it must hold nothing from outside."""
    return Html(f"<style>{css}</style>")


def table(
    head: Iterable[str], rows: Iterable[Iterable[str]], **attributes: str | float | None
) -> Html:
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
