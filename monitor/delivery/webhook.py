"""What a receiver is sent: body, id and signature, after the Standard Webhooks specification.

Pure: told the time, sends nothing, knows no receiver's state.
Specification: https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence

import msgspec
from standardwebhooks.webhooks import Webhook

from monitor.records import AlertEvent


def notification_id(receiver: str, alerts: Sequence[str]) -> str:
    """The id of a notification: the same for ever for one receiver and these alert ids.

    The order of the alerts does not matter. The id has no full stop, since the signed text is
    `id.timestamp.body`.
    """
    identity = msgspec.json.encode([receiver, sorted(alerts)])
    return f"ntf_{hashlib.sha256(identity).hexdigest()[:32]}"


def payload(alert: AlertEvent, *, caught_up: bool = True) -> bytes:
    """The body that tells a receiver of an alert, as UTF-8 JSON.

    `timestamp` is the log's time at which the alert fired or was resolved. `data` is the alert
    itself; `caught_up` is added to it, as false, only when the alert was raised while newsurge
    was working off a backlog. The same alert gives the same bytes, so every try of a
    notification is the same body.

    Raises:
        ValueError: when the alert's time is outside the years 1 to 9999.
    """
    moment = alert.fired_at
    if alert.state == "resolved" and alert.resolved_at is not None:
        moment = alert.resolved_at
    data = msgspec.to_builtins(alert)
    if not caught_up:
        data["caught_up"] = False
    return msgspec.json.encode(
        {"type": f"alert.{alert.state}", "timestamp": _rfc3339(moment), "data": data}
    )


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


def _rfc3339(milliseconds: int) -> str:
    try:
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError(f"{milliseconds} ms is outside the years 1 to 9999") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
