"""Labels and annotations as templates of the alert's own fields (Jinja2, sandboxed).

Pure: a text and an event in, a text out, the same for the same. What an event holds, headlines
among it, is data and never a template. What a template may hold is in `template_nodes`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from monitor.records import AlertEvent
from monitor.surge.template_nodes import NAMES, check_nodes
from monitor.surge.week import checked_timezone

MAX_CHARACTERS = 1000
"""Of a template, and of the text that it makes."""
FAILURES = (
    TemplateError, ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError,
    SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""What a template may fail of."""
_FILTERS = (
    "abs", "default", "first", "int", "join", "last", "length", "lower", "round", "title", "trim",
    "upper",
)  # fmt: skip
_TESTS = ("defined", "none", "number", "string", "in", "eq", "ne", "lt", "gt", "le", "ge")
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


class NothingError(ValueError):
    """A field without a value was to be written."""


def rendered(texts: Mapping[str, str], event: AlertEvent) -> tuple[dict[str, str], list[str]]:
    """Labels or annotations with the event's fields in them.

    Returns:
        The texts by name, each cut to `MAX_CHARACTERS`, and the names of those that could not be
        rendered: they are as they were written.
    """
    found: dict[str, str] = {}
    failed: list[str] = []
    for name, text in texts.items():
        try:
            found[name] = render(text, event)
        except FAILURES:
            found[name] = _cut(text)
            failed.append(name)
    return found, failed


def render(text: str, event: AlertEvent) -> str:
    """A text with the event's fields in it, cut to `MAX_CHARACTERS`.

    Raises:
        Exception: one of `FAILURES`.
    """
    if not is_template(text):
        return _cut(text)
    return _cut(_template(text).render({name: getattr(event, name) for name in NAMES}))


def is_template(text: str) -> bool:
    """Whether anything in a text is to be rendered."""
    return any(begin in text for begin in ("{{", "{%", "{#"))


class _Environment(ImmutableSandboxedEnvironment):
    """One in which arithmetic is on numbers: a text times a million is refused."""

    intercepted_binops = frozenset(["*", "+", "-", "/", "//"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TypeError(f"{operator} is for numbers; join texts with ~")
        return super().call_binop(context, operator, left, right)


@functools.cache
def environment() -> ImmutableSandboxedEnvironment:
    """Jinja2 with few filters and tests, and no global names."""
    made = _Environment(undefined=StrictUndefined, finalize=_written, autoescape=False)
    made.globals = {}
    made.filters = {name: made.filters[name] for name in _FILTERS} | {
        "percent": _percent,
        "duration": _duration,
        "time": _time,
    }
    made.tests = {name: made.tests[name] for name in _TESTS}
    return made


@functools.lru_cache(maxsize=1024)
def _template(text: str) -> Template:
    parsed = environment().parse(text)
    check_nodes(parsed, environment())
    return environment().from_string(parsed)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"


def _written(value: object) -> object:
    if value is None:
        raise NothingError("a field without a value")
    return value


def _percent(value: float, digits: int = 0) -> str:
    return f"{value * 100:.{min(max(digits, 0), 6)}f}%"


def _duration(seconds: float) -> str:
    rest, told = round(seconds), ""
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        told += f"{number}{unit}" if number else ""
    return told or "0s"


def _time(milliseconds: int, timezone: str = "UTC") -> str:
    zone = ZoneInfo(checked_timezone(timezone))
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M %Z}"
