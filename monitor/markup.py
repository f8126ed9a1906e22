"""HTML and SVG elements from text that is not trusted: whatever is given comes out inert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from monitor.logs import printable

_VOID = ("meta", "col", "br", "img")
_SVG_VOID = ("line", "rect", "path", "circle", "polyline")


class Safe(str):
    """Markup made here; any other text is escaped where it is put in."""

    __slots__ = ()


def element(name: str, /, *content: str, **attributes: str | float | None) -> Safe:
    """An element, such as `element("p", "a < b", class_="note")`.

    Attributes of None are left out; `_` in a name stands for `-`, and one at the end for nothing.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Safe(f"<{name}{given}>")
    if name in _SVG_VOID and not content:
        return Safe(f"<{name}{given}/>")
    return Safe(f"<{name}{given}>{joined(content)}</{name}>")


def joined(parts: Iterable[str]) -> Safe:
    """Markup and plain text one after the other."""
    return Safe("".join(part if isinstance(part, Safe) else text(part) for part in parts))


def text(plain: str) -> Safe:
    """Plain text: escaped, and without characters that no one sees but a browser heeds."""
    return Safe(escape(printable(plain)))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> Safe:
    """A table that can be scrolled sideways; the columns of these places are numbers."""
    right = set(numeric)

    def cells(name: str, row: Sequence[str]) -> Iterator[Safe]:
        for place, cell in enumerate(row):
            yield element(name, cell, class_="number" if place in right else None)

    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", *cells("th", head))),
            element("tbody", *(element("tr", *cells("td", row)) for row in rows)),
        ),
        class_="scroll",
        tabindex="0",
    )


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
