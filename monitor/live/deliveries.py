"""How alert events fare with each receiver, from the records of `notifications`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.delivery.webhook import notification_id
from monitor.live.messages import DeliveryView
from monitor.records import Notification, Outcome, Queued

_REMEMBERED = 5_000


class Deliveries:
    """What was to be sent and how it ended, as far as it was read; the oldest is forgotten."""

    def __init__(self) -> None:
        self._queued: dict[str, Queued] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._sent_in: dict[str, dict[str, str]] = {}
        self._receivers: set[str] = set()

    def learn(self, record: Notification, shown: Iterable[str]) -> tuple[str, ...]:
        """Take a record; returns which alert events it is about, by their ids.

        `shown` are those that matter: what a silence keeps back is named by none but itself.
        """
        self._receivers.add(record.receiver)
        if isinstance(record, Queued):
            self._queued[record.id] = record
            for alert in record.alerts:
                self._sent_in.setdefault(alert, {})[record.receiver] = record.id
            if len(self._queued) > _REMEMBERED:
                self._forget(next(iter(self._queued)))
            return record.alerts
        self._outcomes[record.id] = record
        if len(self._outcomes) > _REMEMBERED:
            del self._outcomes[next(iter(self._outcomes))]
        if record.silence is None and record.id in self._queued:
            return self._queued[record.id].alerts
        alone = (one for one in shown if notification_id(record.receiver, [one]) == record.id)
        return tuple(alone)

    def of(self, alert: str) -> tuple[DeliveryView, ...]:
        """How the alert event of that id fares, by receiver."""
        views = (self._of(alert, receiver) for receiver in sorted(self._receivers))
        return tuple(view for view in views if view is not None)

    def _of(self, alert: str, receiver: str) -> DeliveryView | None:
        queued = self._queued.get(self._sent_in.get(alert, {}).get(receiver, ""))
        held = self._outcomes.get(notification_id(receiver, [alert]))
        if held is not None and held.silence is None:
            held = None
        # It may have been told after all, when the silence was over.
        if held is not None and (queued is None or queued.at < held.at):
            return DeliveryView(receiver, "silenced", held.at, reason=held.reason)
        if queued is None:
            return None
        ended = self._outcomes.get(queued.id)
        if ended is None or ended.silence is not None:
            return DeliveryView(receiver, "queued", queued.at)
        return DeliveryView(
            receiver,
            "delivered" if ended.delivered else "given_up",
            ended.at,
            ended.attempts,
            ended.reason,
        )

    def _forget(self, identity: str) -> None:
        queued = self._queued.pop(identity)
        for alert in queued.alerts:
            by_receiver = self._sent_in.get(alert, {})
            if by_receiver.get(queued.receiver) == identity:
                del by_receiver[queued.receiver]
            if not by_receiver:
                self._sent_in.pop(alert, None)
