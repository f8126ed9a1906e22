"""Whether a label or annotation can be rendered, before there is an alert: it is tried on samples.

Pure. Owns the sample events and what is said of a template that fails on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from jinja2 import TemplateSyntaxError, UndefinedError, nodes

from monitor.records import AlertEvent, BaselineStatistics, Series, Story, WindowStatistics
from monitor.surge.templates import (
    FAILURES,
    MAX_CHARACTERS,
    environment,
    is_template,
    render,
)
from monitor.surge.words import WrongWordError, shown

_TIME = 1_772_460_300_000
_SAMPLE = AlertEvent(
    id="0123456789abcdef01234567",
    rule="BankNewsTurns",
    rule_hash="0123456789ab",
    series=Series("topic", "banking"),
    state="firing",
    severity="warning",
    started_at=_TIME - 60_000,
    fired_at=_TIME,
    window=WindowStatistics(3600.0, _TIME, 31, 27, 14, 11, 0.79, -0.62),
    stories=(
        Story("1", "Norland Bank halts withdrawals", _TIME - 90_000, 0.97, 6, "Harbour Wire", "u"),
        Story("2", "Regulator visits Norland", _TIME - 70_000, 0.91, 0, "Harbour Wire", "u"),
    ),
    model="starter-1",
)
_BASELINE = BaselineStatistics("trusted", 2.5, 1_209_600.0, 0.2)


def check_template(text: str, rule_type: str, *, counts_raw: bool = False) -> None:
    """Check that a text can be rendered for the alerts of a type of rule.

    Args:
        text: a label or annotation.
        rule_type: `threshold`, `surge`, `absent` or `dead_man`.
        counts_raw: whether the rule counts raw items, so that its alerts say what they would be
            without duplicates.

    Raises:
        ValueError: saying what is wrong with it; a `WrongWordError` where a word shows it.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"{len(text):,} characters; a template has {MAX_CHARACTERS:,} at most")
    if not is_template(text):
        return
    for sample in _samples(rule_type, counts_raw):
        try:
            render(text, sample)
        except FAILURES as error:
            raise _in_words(text, sample, error) from None


def _samples(rule_type: str, counts_raw: bool) -> Iterator[AlertEvent]:
    """What such a rule tells: when it fires, and when it resolves."""
    firing = _SAMPLE
    if rule_type == "surge":
        firing = msgspec.structs.replace(firing, baseline=_BASELINE, factor=4.4, strength=90.0)
    elif rule_type == "threshold" and counts_raw:
        firing = msgspec.structs.replace(firing, without_duplicates=True)
    elif rule_type != "threshold":
        firing = msgspec.structs.replace(firing, series=Series("all", "all"), stories=())
    yield firing
    if rule_type != "dead_man":
        yield msgspec.structs.replace(
            firing,
            state="resolved",
            resolved_at=_TIME + 3_600_000,
            strength=None,
            without_duplicates=None,
        )


def _in_words(text: str, sample: AlertEvent, error: Exception) -> ValueError:
    if isinstance(error, WrongWordError):
        return error
    if isinstance(error, TemplateSyntaxError):
        return ValueError(f"not a template: {_syntax(str(error.message))}")
    if isinstance(error, RecursionError | MemoryError | SyntaxError):
        return ValueError("not a template: nested too deeply")
    when = "that fires" if sample.state == "firing" else "that resolves"
    empty = _without_value(text, sample)
    if empty is not None:
        return WrongWordError(
            f"an alert of this type {when} has no {empty}; "
            f"write {{% if {empty} %}} ... {{% endif %}} around it",
            empty,
        )
    if isinstance(error, UndefinedError):
        return ValueError("names a story or field that an alert may not have; ask for it with if")
    return ValueError(f"can't be rendered: {error}")


def _syntax(message: str) -> str:
    """What Jinja2 says of a template that can't be read, in plain words."""
    if ending := re.search(r"needs to be closed is '(\w+)'", message):
        return f"{{% {ending[1]} %}} has no {{% end{ending[1]} %}}"
    if unknown := re.search(r"unknown tag '(\w+)'", message):
        return f"there is no {{% {unknown[1]} %}} here; there are if and for"
    if "unexpected end of" in message.lower():
        return "a '{{' or '{%' is never closed"
    if got := re.search(r"got '(.+)'", message):
        return f"{shown(got[1])} can't stand there"
    return message[:1].lower() + message[1:].removesuffix(".")


def _without_value(text: str, sample: AlertEvent) -> str | None:
    """The first field that a template names and that the sample has no value of."""
    for node in environment().parse(text).find_all(nodes.Name):
        if getattr(sample, node.name, True) in (None, ()):
            return node.name
    return None
