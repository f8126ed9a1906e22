"""How this process is, as the live page shows it: from its metrics and its health.

Owns what is told of a process, and over how long a time a rate is one. It writes nothing.
"""

from __future__ import annotations

import socket
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics import MetricWrapperBase

from monitor import __version__, metrics
from monitor.health import Health
from monitor.live.measures import Buckets, rate, since, summary
from monitor.live.records import ProcessView, Seconds
from monitor.settings import Role

_RATE_MS = 10_000
_DURATIONS_MS = 60_000
_TIMED = {
    "preparing": metrics.prepare_seconds,
    "scoring": metrics.inference_seconds,
    "writing": metrics.emit_seconds,
    "delivering": metrics.notification_seconds,
}


@dataclass(frozen=True)
class _Look:
    """What had been counted at `at`, the wall clock in milliseconds."""

    at: int
    items: float
    scored: float
    timed: Mapping[str, Buckets]


class ThisProcess:
    """The process through its life.

    Args:
        roles: what it plays.
        health: its parts.
        now: the wall clock in milliseconds.
    """

    def __init__(self, roles: tuple[Role, ...], health: Health, now: int) -> None:
        self._id = uuid.uuid4().hex[:12]
        self._roles = roles
        self._health = health
        self._started_at = now
        self._host = socket.gethostname()
        self._looks: deque[_Look] = deque([_look(now)])

    def view(self, now: int, *, is_gone: bool = False) -> ProcessView:
        """How it is at `now` (milliseconds); it remembers, to tell what happened since."""
        look = _look(now)
        self._looks.append(look)
        while len(self._looks) > 2 and not 0 <= now - self._looks[1].at < _DURATIONS_MS:
            self._looks.popleft()
        oldest = self._looks[0]
        lately = next((one for one in self._looks if 0 <= now - one.at <= _RATE_MS), oldest)
        if lately is look:
            lately = self._looks[-2]
        seconds = max(now - lately.at, 1) / 1000
        build = next(_labels(metrics.build_info), {})
        runtime = build.get("runtime")
        return ProcessView(
            id=self._id,
            at=now,
            started_at=self._started_at,
            host=self._host,
            version=__version__,
            roles=self._roles,
            is_ready=self._health.is_ready,
            parts={part: why for part, why in self._health.report().items() if why != "ready"},
            model=build.get("bundle"),
            runtime=None if runtime == "none" else runtime,
            rules_hash=next(_labels(metrics.rules_info), {}).get("digest"),
            items_per_second=self._rate("score", lately.items, look.items, seconds),
            scored_per_second=self._rate("watch", lately.scored, look.scored, seconds),
            lag_records=_lag(),
            seconds=_durations(oldest, look),
            dead_letters=round(_total(metrics.dead_letters_total)),
            is_gone=is_gone,
        )

    def _rate(self, role: Role, before: float, now: float, seconds: float) -> float | None:
        return rate(before, now, seconds) if role in self._roles else None


def _look(now: int) -> _Look:
    return _Look(
        at=now,
        items=_total(metrics.news_records_total, outcome="scored"),
        scored=_total(metrics.scored_records_total),
        timed={name: _buckets(metric) for name, metric in _TIMED.items()},
    )


def _durations(before: _Look, now: _Look) -> dict[str, Seconds]:
    found = {name: summary(since(before.timed[name], now.timed[name])) for name in now.timed}
    return {name: seconds for name, seconds in found.items() if seconds is not None}


def _samples(metric: MetricWrapperBase, ending: str) -> Iterator[tuple[dict[str, str], float]]:
    for family in metric.collect():
        for sample in family.samples:
            if sample.name.endswith(ending):
                yield sample.labels, sample.value


def _labels(metric: MetricWrapperBase) -> Iterator[dict[str, str]]:
    return (labels for labels, _ in _samples(metric, ""))


def _total(metric: MetricWrapperBase, **wanted: str) -> float:
    samples = _samples(metric, "_total")
    return sum(value for labels, value in samples if wanted.items() <= labels.items())


def _buckets(metric: MetricWrapperBase) -> Buckets:
    """A histogram, over all its labels."""
    found: dict[float, float] = {}
    for labels, value in _samples(metric, "_bucket"):
        bound = float(labels["le"])
        found[bound] = found.get(bound, 0) + value
    return found


def _lag() -> dict[str, int]:
    found: dict[str, int] = {}
    for labels, value in _samples(metrics.consumer_lag_records, ""):
        found[labels["stream"]] = found.get(labels["stream"], 0) + round(value)
    for labels, value in _samples(metrics.notification_lag_records, ""):
        name = f"notify {labels['receiver']}"
        found[name] = found.get(name, 0) + round(value)
    return found
