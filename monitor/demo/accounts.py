"""Whether the demo did what it promises: the accounts behind its summary and exit code.

Pure. It compares the feed's marker file with what was seen in the streams and at the receiver.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import msgspec

from monitor.demo.observed import Negative, Observed
from monitor.receiver import Delivery
from monitor.records import AlertEvent, Origin, Series
from monitor.scoring.news import parse_time
from monitor.surge.novelty import SAME_STORY
from monitor.surge.signature import similarity

_NAMED = 5


class OddLine(msgspec.Struct, frozen=True):
    """A line of the feed that takes another way than most, and why."""

    line: int
    reason: str


class Surge(msgspec.Struct, frozen=True):
    """The surge in the feed: when it really begins, and on which series it is to be noticed."""

    onset: str
    last: str
    rescue: str
    first_line: int
    last_line: int
    items: int
    stories: int
    lines: tuple[int, ...]
    series: tuple[Series, ...]


class Expected(msgspec.Struct, frozen=True):
    """The feed's marker file, `feed.meta.json`. Times are RFC 3339, lines count from 1."""

    items: int
    first: str
    last: str
    surge: Surge
    dead_letters: tuple[OddLine, ...]
    unjudged: tuple[OddLine, ...]


@dataclass(frozen=True)
class Check:
    """One promise, whether it was kept, and what was found in words."""

    kept: bool
    says: str


@dataclass(frozen=True)
class Verdict:
    """The outcome: every promise, and the first alert on an expected series, if there is one."""

    checks: tuple[Check, ...]
    alert: AlertEvent | None = None

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(check.kept for check in self.checks)


def read_expected(file: Traversable) -> Expected:
    """Read a feed's marker file.

    Raises:
        OSError: when it can't be read.
        msgspec.MsgspecError: when it is not such a file.
    """
    return msgspec.json.decode(file.read_bytes(), type=Expected)


def is_settled(expected: Expected, seen: Observed, deliveries: Sequence[Delivery]) -> bool:
    """Whether there is nothing left to wait for: all accounted for, every alert received."""
    return (
        len(seen.sent) == expected.items
        and seen.lag == 0
        and expected_alert(expected, seen) is not None
        and all(_received(event, deliveries) for event in seen.alerts)
    )


def expected_alert(expected: Expected, seen: Observed) -> AlertEvent | None:
    """The first alert that fired on a series of the surge, not before its onset."""
    onset = parse_time(expected.surge.onset)
    return next(
        (
            event
            for event in seen.alerts
            if event.series in expected.surge.series
            and event.state == "firing"
            and event.fired_at >= onset
        ),
        None,
    )


def judge(
    expected: Expected, seen: Observed, deliveries: Sequence[Delivery], bad_signatures: int
) -> Verdict:
    """Judge a finished run.

    Args:
        expected: what the feed holds.
        seen: what was seen in the streams.
        deliveries: the requests that the receiver verified, in order.
        bad_signatures: how many requests the receiver could not verify.
    """
    checks = [
        _published(expected, seen),
        _accounted(seen),
        _odd_lines("dead-lettered", expected.dead_letters, seen.dead, seen),
        _odd_lines("scored but not judged", expected.unjudged, seen.unjudged, seen),
    ]
    alert = expected_alert(expected, seen)
    if alert is None:
        names = " or ".join(str(series) for series in expected.surge.series)
        checks.append(Check(False, f"no alert fired on {names} after the onset of the surge"))
        return Verdict(tuple(checks))
    delivery = _received(alert, deliveries)
    checks += [
        _fired(expected, seen, alert),
        _stories(expected, alert),
        _latency(seen, _trigger(alert, seen), delivery),
        _webhooks(seen, deliveries, bad_signatures),
    ]
    return Verdict(tuple(checks), alert)


def distinct(negatives: Sequence[Negative]) -> int:
    """How many different stories the items tell; near-duplicates count once."""
    told: list[bytes] = []
    for item in negatives:
        signature = item.signature
        if all(similarity(signature, other) < SAME_STORY for other in told):
            told.append(signature)
    return len(told)


def _published(expected: Expected, seen: Observed) -> Check:
    return Check(
        len(seen.sent) == expected.items,
        f"{len(seen.sent)} of {expected.items} items published and acknowledged",
    )


def _accounted(seen: Observed) -> Check:
    scored = sum(origin in seen.scored for origin in seen.sent)
    dead = sum(origin in seen.dead for origin in seen.sent)
    lost = [s.line for o, s in seen.sent.items() if o not in seen.scored and o not in seen.dead]
    twice = [s.line for o, s in seen.sent.items() if o in seen.scored and o in seen.dead]
    faults = [
        f"{what}: line {', '.join(map(str, sorted(lines)[:_NAMED]))} ({len(lines)} in all)"
        for what, lines in (("in neither", lost), ("in both", twice))
        if lines
    ]
    says = f"accounted for by origin: {scored} scored + {dead} dead-lettered"
    return Check(not faults, "; ".join([says, *faults]))


def _odd_lines(
    what: str, wanted: Sequence[OddLine], found: Mapping[Origin, str], seen: Observed
) -> Check:
    """Whether exactly the expected lines went astray, each for the expected reason."""
    reasons = {seen.sent[origin].line: why for origin, why in found.items() if origin in seen.sent}
    expected = {odd.line: odd.reason for odd in wanted}
    counted = ", ".join(f"{why} {n}" for why, n in Counter(reasons.values()).items()) or "none"
    says = f"{what}, by reason: {counted}"
    wrong = sorted(n for n in reasons.keys() | expected if reasons.get(n) != expected.get(n))
    if not wrong:
        return Check(True, says)
    line = wrong[0]
    return Check(
        False, f"{says}; line {line}: {reasons.get(line)}, but should be {expected.get(line)}"
    )


def _fired(expected: Expected, seen: Observed, alert: AlertEvent) -> Check:
    onset = parse_time(expected.surge.onset)
    before = [n for n in seen.negatives.get(alert.series, ()) if n.event_time >= onset]
    if alert.offsets is not None:
        before = [n for n in before if n.offset <= alert.offsets.last]
    after = max((n.event_time for n in before), default=alert.fired_at) - onset
    return Check(
        parse_time(expected.surge.last) >= onset + after,
        f"{alert.rule} fired on {alert.series} after {distinct(before)} negative stories "
        f"({len(before)} items), {_minutes(after)} of event time after the onset",
    )


def _stories(expected: Expected, alert: AlertEvent) -> Check:
    """The alert names what drove it: stories, more than half of them of the surge itself."""
    onset = parse_time(expected.surge.onset)
    of_surge = sum(story.event_time >= onset for story in alert.stories)
    return Check(
        bool(alert.stories) and of_surge * 2 > len(alert.stories),
        f"it names {len(alert.stories)} stories, {of_surge} of them since the onset",
    )


def _latency(seen: Observed, trigger: Origin | None, delivery: Delivery | None) -> Check:
    if delivery is None:
        return Check(False, "the alert did not reach the webhook receiver")
    sent = None if trigger is None else seen.sent.get(trigger)
    if sent is None:
        return Check(False, "the news record that fired the alert can't be found by its offsets")
    milliseconds = (delivery.monotonic - sent.monotonic) * 1000
    return Check(True, f"news in to webhook out: {milliseconds:.0f} ms (line {sent.line})")


def _webhooks(seen: Observed, deliveries: Sequence[Delivery], bad_signatures: int) -> Check:
    received = sum(_received(event, deliveries) is not None for event in seen.alerts)
    return Check(
        received == len(seen.alerts) and bad_signatures == 0,
        f"webhooks: {received} of {len(seen.alerts)} alert events received with a verified "
        f"signature, {bad_signatures} refused",
    )


def _received(alert: AlertEvent, deliveries: Sequence[Delivery]) -> Delivery | None:
    return next(
        (one for one in deliveries if one.payload.get("data", {}).get("id") == alert.id), None
    )


def _trigger(alert: AlertEvent, seen: Observed) -> Origin | None:
    """The news record that was the last to enter the window that the alert rests on."""
    if alert.offsets is None:
        return None
    return seen.origins.get((alert.offsets.partition, alert.offsets.last))


def _minutes(milliseconds: int) -> str:
    seconds = round(milliseconds / 1000)
    return f"{seconds // 60} min {seconds % 60:02} s"
