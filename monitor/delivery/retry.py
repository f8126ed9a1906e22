"""What to do after a try: done, try again and when, or give up and why.

Pure: told the time spent and a random number. Which answers are worth another try stands in
one table, `TABLE`; the waits follow `backoff`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

Reason = Literal[
    "ok",
    "permanent_status",
    "gone",
    "timeout",
    "connection",
    "server_error",
    "rate_limited",
    "deadline",
]


@dataclass(frozen=True)
class Answer:
    """The receiver answered: the HTTP status, and the seconds it asks to be left alone."""

    status: int
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"HTTP {self.status}"


@dataclass(frozen=True)
class Failure:
    """No answer: `detail` says what happened, in words that hold neither URL nor secret."""

    reason: Literal["timeout", "connection"]
    detail: str

    def __str__(self) -> str:
        return self.detail


Attempt = Answer | Failure


@dataclass(frozen=True)
class Done:
    """The receiver has it."""

    reason: Literal["ok"] = "ok"


@dataclass(frozen=True)
class Again:
    """Try again after `wait` seconds."""

    reason: Reason
    wait: float


@dataclass(frozen=True)
class GiveUp:
    """Never try again."""

    reason: Reason


Decision = Done | Again | GiveUp


@dataclass(frozen=True)
class Policy:
    """Patience: the first wait, the longest wait, and the age at which to give up, in seconds."""

    first_wait: float
    longest_wait: float
    give_up_after: float


@dataclass(frozen=True)
class Row:
    """What the HTTP statuses from `first` to `last` mean; `then` is what follows."""

    first: int
    last: int
    reason: Reason
    then: Literal["done", "again", "give_up"]


# The first row that holds the status counts. Redirects are permanent: to follow one would send
# the alerts where their owner never said.
TABLE = (
    Row(200, 299, "ok", "done"),
    Row(408, 408, "timeout", "again"),
    Row(410, 410, "gone", "give_up"),
    Row(425, 425, "rate_limited", "again"),
    Row(429, 429, "rate_limited", "again"),
    Row(500, 599, "server_error", "again"),
    Row(0, 999, "permanent_status", "give_up"),
)


def decide(
    policy: Policy, attempt: Attempt, *, attempts: int, elapsed: float, draw: float
) -> Decision:
    """Decide what follows a try.

    Args:
        policy: how patient to be.
        attempt: what came of the try.
        attempts: tries made so far, this one included; 1 or more.
        elapsed: seconds since the first try began.
        draw: a random number in [0, 1), for the jitter.

    A wait never ends at or past the deadline: then the reason is `deadline`.
    """
    if isinstance(attempt, Failure):
        reason: Reason = attempt.reason
        retry_after = None
    else:
        row = next(row for row in TABLE if row.first <= attempt.status <= row.last)
        if row.then == "done":
            return Done()
        if row.then == "give_up":
            return GiveUp(row.reason)
        reason, retry_after = row.reason, attempt.retry_after
    wait = backoff(policy, attempts, draw)
    if retry_after is not None:
        wait = max(wait, min(retry_after, policy.longest_wait))
    if elapsed + wait >= policy.give_up_after:
        return GiveUp("deadline")
    return Again(reason, wait)


def backoff(policy: Policy, attempts: int, draw: float) -> float:
    """Seconds to wait after so many tries: doubling, capped, and cut by up to a half at random.

    The random part keeps receivers' clients from coming back all at once; the fixed half keeps
    one from hammering ("equal jitter", Brooker, Exponential Backoff And Jitter, AWS, 2015).
    """
    # The exponent is bounded, since a float overflows long before patience need end.
    full = min(policy.longest_wait, policy.first_wait * 2.0 ** min(attempts - 1, 64))
    return full * (1 + draw) / 2


def retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds asked for by a Retry-After header, or None where there is none to be understood.

    Args:
        value: the header: a number of seconds or an HTTP date (RFC 9110, 10.2.3).
        now: the time, aware.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            return None
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, OverflowError):  # a date of absurd numbers raises any of them
        return None
