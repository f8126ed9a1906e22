import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from monitor.delivery.webhook import headers, new_secret, notification_id, payload
from monitor.records import AlertEvent, Series, Story, WindowStatistics

HOSTILE = (
    "<script>alert(1)</script> \x00 \u202e\u2066evil\u2069 '\"; -- \U0001f4a5 \r\nX-Injected: 1"
)
WINDOW = WindowStatistics(3600.0, 1_700_000_000_000, 12, 9, 11, 8, 0.73, -0.61)


def alert(title: str = "Norland Bank halts withdrawals", **changes: object) -> AlertEvent:
    fields: dict[str, object] = {
        "id": "surge-1a2b-topic=banking-1-1",
        "rule": "bank-run",
        "rule_hash": "1a2b",
        "series": Series("topic", "banking"),
        "state": "firing",
        "severity": "critical",
        "started_at": 1_700_000_000_000,
        "fired_at": 1_700_000_000_123,
        "window": WINDOW,
        "stories": (Story("n1", title, 1_700_000_000_000, 0.97, 3, "wire"),),
        "model": "starter-1",
    }
    return AlertEvent(**(fields | changes))  # type: ignore[arg-type]  # fields of mixed types


def test_the_body_says_what_happened_when_and_to_whom() -> None:
    body = json.loads(payload(alert()))
    assert body["type"] == "alert.firing"
    assert body["timestamp"] == "2023-11-14T22:13:20.123Z"
    assert body["data"]["series"] == {"by": "topic", "key": "banking"}
    assert body["data"]["window"]["novel_negative"] == 8
    assert body["data"]["stories"][0]["title"] == "Norland Bank halts withdrawals"
    assert "caught_up" not in body["data"]


def test_a_resolved_alert_is_dated_by_its_end() -> None:
    body = json.loads(payload(alert(state="resolved", resolved_at=1_700_000_060_000)))
    assert (body["type"], body["timestamp"]) == ("alert.resolved", "2023-11-14T22:14:20.000Z")


def test_an_alert_from_a_backlog_says_so() -> None:
    assert json.loads(payload(alert(), caught_up=False))["data"]["caught_up"] is False


def test_a_time_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the years"):
        payload(alert(fired_at=10**18))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_title_arrives_intact(title: str) -> None:
    body = payload(alert(title))
    body.decode()
    assert json.loads(body)["data"]["stories"][0]["title"] == title


def test_hostile_text_is_data() -> None:
    body = payload(alert(HOSTILE, annotations={"summary": HOSTILE}))
    data = json.loads(body)["data"]
    assert data["stories"][0]["title"] == HOSTILE
    assert data["annotations"] == {"summary": HOSTILE}
    assert b"\x00" not in body
    assert b"\n" not in body


def test_the_library_verifies_the_signature() -> None:
    secret, body = new_secret(), payload(alert(HOSTILE))
    signed = headers(secret, "ntf_1", body, dt.datetime.now(dt.UTC))
    assert Webhook(secret).verify(body, signed) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, signed | {"webhook-id": "ntf_2"})


@pytest.mark.parametrize("zone", [dt.UTC, dt.timezone(dt.timedelta(hours=9))])
def test_the_signature_by_hand(zone: dt.tzinfo) -> None:
    key, body = b"k" * 32, b'{"a":"\xc3\xa9"}'
    now = dt.datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=dt.UTC)
    signed = headers("whsec_" + base64.b64encode(key).decode(), "ntf_1", body, now.astimezone(zone))
    assert signed["webhook-timestamp"] == "1767323045"
    expected = hmac.digest(key, b"ntf_1.1767323045." + body, hashlib.sha256)
    assert signed["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert signed["webhook-id"] == "ntf_1"


def test_an_id_is_stable_and_belongs_to_receiver_and_alerts() -> None:
    known = "ntf_" + hashlib.sha256(b'["desk",["a","b"]]').hexdigest()[:32]
    assert notification_id("desk", ["a", "b"]) == known
    assert notification_id("desk", ["b", "a"]) == known
    others = [("desk", ["a"]), ("desk", ["ab"]), ("risk", ["a", "b"]), ('desk",["a', ["b"])]
    assert len({known} | {notification_id(*other) for other in others}) == 5
    assert "." not in known
