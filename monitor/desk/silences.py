"""Which alerts a silence is about, and when. Pure: told the time, reads nothing."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

import msgspec

from monitor.desk.records import Matchers, Silence
from monitor.records import AlertEvent


def matches(matchers: Matchers, alert: AlertEvent) -> bool:
    """Whether every pattern that is given matches; matchers that give none match nothing."""
    pairs = (
        (matchers.rule, alert.rule),
        (matchers.by, alert.series.by),
        (matchers.key, alert.series.key),
        (matchers.severity, alert.severity),
    )
    given = [(pattern, value) for pattern, value in pairs if pattern is not None]
    return bool(given) and all(_pattern(pattern).fullmatch(value) for pattern, value in given)


def is_active(silence: Silence, now: int) -> bool:
    """Whether it silences at the time `now`, in milliseconds: its end is not part of it."""
    return silence.starts_at <= now < silence.over_at


def silence_of(alert: AlertEvent, silences: Iterable[Silence], now: int) -> Silence | None:
    """The silence that holds the alert back at `now`: of several, the one that ends last."""
    found = [each for each in silences if is_active(each, now) and matches(each.matchers, alert)]
    return max(found, key=lambda each: (each.over_at, each.id), default=None)


def in_words(matchers: Matchers) -> str:
    """Which alerts are meant, such as `rule=NegativeSurge key=Bank*`."""
    pairs = msgspec.structs.asdict(matchers).items()
    return " ".join(f"{name}={pattern}" for name, pattern in pairs if pattern is not None)


@functools.lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    """As shells read `*` and `?`, without the brackets, which names may hold."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in pattern)
    return re.compile("".join(parts), re.DOTALL)
