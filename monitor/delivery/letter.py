"""One notification: its id, its alerts, the body of every try, its outcome. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.delivery.grouping import Due, GroupPolicy, Item
from monitor.delivery.sender import Ended
from monitor.delivery.webhook import group_payload, notification_id
from monitor.desk.board import Board
from monitor.records import Outcome, Queued


@dataclass(frozen=True)
class Letter:
    """A notification: what is written before it is sent, and the body of every try."""

    queued: Queued
    body: bytes
    arrived: float

    @property
    def id(self) -> str:
        """The `webhook-id` of every try."""
        return self.queued.id


def letter(receiver: str, due: Due, policy: GroupPolicy, board: Board, now: int) -> Letter:
    """Make the notification of alerts that are due; `now` is in milliseconds.

    One that was left behind says of acknowledgements what it said then: an id has one body.

    Raises:
        ValueError: when an alert's time is outside the years 1 to 9999.
    """
    alerts = tuple(item.alert.id for item in due.items)
    if due.again is not None:
        acknowledged = due.again.acknowledged
    else:
        acks = {item.alert.id: board.ack_of(item.alert, now) for item in due.items}
        acknowledged = {alert: ack.who for alert, ack in acks.items() if ack is not None}
    queued = Queued(
        notification_id(receiver, alerts),
        receiver,
        alerts,
        now,
        acknowledged,
        max(item.place.offset for item in due.items),
    )
    body = group_payload(due.items, acknowledged, policy)
    return Letter(queued, body, min(item.arrived for item in due.items))


def ended_as(sent: Letter, ended: Ended, now: int) -> Outcome:
    """The outcome of a notification that was tried; `now` is in milliseconds."""
    reason = "" if ended.delivered else f"{ended.reason}: {ended.detail}"
    return Outcome(sent.id, sent.queued.receiver, ended.delivered, ended.attempts, now, reason)


def silenced(receiver: str, item: Item, now: int, *, for_good: bool) -> Outcome:
    """The outcome of an alert that the silence it names keeps back, for now or for good."""
    return Outcome(
        notification_id(receiver, [item.alert.id]),
        receiver,
        delivered=False,
        attempts=0,
        at=now,
        reason=f"silenced: {item.silenced_by}",
        silence=item.silenced_by,
        place=None if for_good else item.place,
    )
