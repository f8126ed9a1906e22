"""What the desk's tests are made of: silences, acknowledgements, feedback, and their alerts."""

from typing import Any

import msgspec

from monitor.desk.records import Ack, Feedback, Matchers, Silence, episode_of, judged
from monitor.records import AlertEvent, AlertPlace, Series
from tests.delivery.alerts import alert

HOUR_MS = 3_600_000
FOR_EVER = 100 * 365 * 24 * HOUR_MS


def silence(identity: str = "s-1", starts_at: int = 0, ends_at: int = HOUR_MS) -> Silence:
    """A silence of the rule bank-run."""
    matchers = Matchers(rule="bank-run")
    return Silence(identity, matchers, starts_at, ends_at, "ada", "known outage", 0)


def ack(of: AlertEvent, until: int = FOR_EVER) -> Ack:
    """Ada answers for the alert's episode, until a time after all that tests live in."""
    return Ack(of.id, episode_of(of), "ada", 0, until, AlertPlace(0, 0))


def feedback(of: AlertEvent, verdict: Any = "noise", who: str = "ada") -> Feedback:
    """What someone thought of the alert."""
    return Feedback(of.id, verdict, who, 0, judged(of))


def fires(number: int = 0, key: str = "banking", **fields: Any) -> AlertEvent:
    """The alert with the id `alert-<number>` fires on a series of this key."""
    return msgspec.structs.replace(alert(number), series=Series("topic", key), **fields)


def resolves(number: int, of: AlertEvent) -> AlertEvent:
    """The same episode is over, which the alert with the id `alert-<number>` tells."""
    at = of.fired_at + 60_000
    return msgspec.structs.replace(of, id=f"alert-{number}", state="resolved", resolved_at=at)
