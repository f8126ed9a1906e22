"""What a receiver is sent: body, id and signature, after the Standard Webhooks specification.

Pure: told the time, sends nothing, knows no receiver's state.
Specification: https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

from monitor.delivery.grouping import GroupPolicy, Item, shared
from monitor.records import AlertEvent

_RANK = {"critical": 0, "warning": 1, "info": 2}


def notification_id(receiver: str, alerts: Sequence[str]) -> str:
    """The id of a notification: the same for ever for one receiver and these alert ids.

    The order of the alerts does not matter. The id has no full stop, since the signed text is
    `id.timestamp.body`.
    """
    identity = msgspec.json.encode([receiver, sorted(alerts)])
    return f"ntf_{hashlib.sha256(identity).hexdigest()[:32]}"


def payload(
    alert: AlertEvent,
    *,
    caught_up: bool = True,
    silenced_by: str | None = None,
    acknowledged_by: str | None = None,
) -> bytes:
    """The body that tells a receiver of an alert, as UTF-8 JSON.

    `timestamp` is the log's time at which the alert fired or was resolved. `data` is the alert
    itself, and what the delivery knows of it, where there is something to say: `caught_up`, as
    false, when the alert was raised while newsurge was working off a backlog; `silenced_by`, the
    silence that kept it back until now; `acknowledged_by`, who answers for its episode. The same
    arguments give the same bytes.

    Raises:
        ValueError: when the alert's time is outside the years 1 to 9999.
    """
    data = _detail(alert, caught_up, silenced_by, acknowledged_by)
    return msgspec.json.encode(
        {"type": f"alert.{alert.state}", "timestamp": rfc3339(changed_at(alert)), "data": data}
    )


def group_payload(
    items: Sequence[Item], acknowledged: Mapping[str, str], policy: GroupPolicy
) -> bytes:
    """The body that tells a receiver of alerts that came together, as UTF-8 JSON.

    It names every alert id, in their order, and has the detail of at most `policy.max_alerts`:
    rather of those that fire, and of the most severe. `more` says how many it leaves out. A group
    of one looks as the alert alone does.

    Args:
        items: the alerts in their order, one or more.
        acknowledged: who answers for the episode, by alert id.
        policy: how they were grouped.

    Raises:
        ValueError: when an alert's time is outside the years 1 to 9999.
    """
    if len(items) == 1:
        (item,) = items
        return payload(
            item.alert,
            caught_up=item.caught_up,
            silenced_by=item.silenced_by,
            acknowledged_by=acknowledged.get(item.alert.id),
        )
    alerts = [item.alert for item in items]
    chosen = sorted(range(len(items)), key=lambda number: _urgency(alerts[number]))
    told = [items[number] for number in sorted(chosen[: policy.max_alerts])]
    firing = sum(alert.state == "firing" for alert in alerts)
    data = {
        "group": shared(alerts, policy.by),
        "alert_ids": [alert.id for alert in alerts],
        "firing": firing,
        "resolved": len(alerts) - firing,
        "alerts": [
            _detail(item.alert, item.caught_up, item.silenced_by, acknowledged.get(item.alert.id))
            for item in told
        ],
        "more": len(items) - len(told),
    }
    latest = max(changed_at(alert) for alert in alerts)
    return msgspec.json.encode({"type": "alert.group", "timestamp": rfc3339(latest), "data": data})


def changed_at(alert: AlertEvent) -> int:
    """The log's time, in milliseconds, at which the alert fired or was resolved."""
    if alert.state == "resolved" and alert.resolved_at is not None:
        return alert.resolved_at
    return alert.fired_at


def headers(secret: str, identity: str, body: bytes, now: dt.datetime) -> dict[str, str]:
    """The headers of one try.

    Args:
        secret: the receiver's secret, `whsec_` and base64.
        identity: the notification's id.
        body: the exact bytes that will be sent.
        now: the time of this try, aware; receivers refuse what is more than minutes off.
    """
    return {
        "content-type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(
            # The library reads the fields of the time as UTC, whatever its zone.
            identity,
            now.astimezone(dt.UTC),
            body.decode(),
        ),
    }


def new_secret() -> str:
    """A fresh Standard Webhooks secret of 32 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def rfc3339(milliseconds: int) -> str:
    """A time as receivers read it.

    Raises:
        ValueError: when it is outside the years 1 to 9999.
    """
    try:
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError(f"{milliseconds} ms is outside the years 1 to 9999") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _detail(
    alert: AlertEvent, caught_up: bool, silenced_by: str | None, acknowledged_by: str | None
) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(alert)
    if not caught_up:
        data["caught_up"] = False
    if silenced_by is not None:
        data["silenced_by"] = silenced_by
    if acknowledged_by is not None:
        data["acknowledged_by"] = acknowledged_by
    return data


def _urgency(alert: AlertEvent) -> tuple[bool, int]:
    return alert.state != "firing", _RANK.get(alert.severity, len(_RANK))
