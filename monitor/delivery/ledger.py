"""What a lane is given: alert records, and of the outbox what it asks of it, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.records import Outcome, Queued


@dataclass(frozen=True)
class AlertRecord:
    """A record of the `alerts` stream as it was read; `taken_at` is the event loop's time."""

    stream: str
    partition: int
    offset: int
    value: bytes
    caught_up: bool
    taken_at: float


class Ledger(Protocol):
    """The outbox, as a lane sees it. Alerts go by the id of the notification of each alone."""

    def has_ended(self, identity: str) -> bool:
        """True when the outcome of the notification, or of the alert in another, is written."""

    def queued(self, identity: str) -> Queued | None:
        """The notification that an alert was about to be sent in, while no outcome is known."""

    async def queue(self, record: Queued) -> None:
        """Return when the record is safely written."""

    async def end(self, record: Outcome) -> None:
        """Return when the record is safely written."""
