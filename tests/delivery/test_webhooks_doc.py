"""`docs/WEBHOOKS.md` is true: its examples run, its table is the code's."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace
from pydantic import ValidationError

from monitor.delivery.grouping import MAX_IDS, GroupPolicy, Item
from monitor.delivery.receivers import Receiver
from monitor.delivery.retry import TABLE, Row
from monitor.delivery.webhook import group_payload, headers, new_secret, payload
from monitor.records import AlertPlace, decode_alert
from monitor.settings import NotifySettings

DOC = (Path(__file__).parents[2] / "docs" / "WEBHOOKS.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", DOC, re.DOTALL | re.MULTILINE)
    return found[number]


def test_the_receiver_is_one() -> None:
    (receiver,) = yaml.safe_load(block("yaml"))["receivers"]
    assert Receiver.model_validate(receiver).name == "desk"


def test_the_message_is_what_newsurge_sends() -> None:
    message = json.loads(block("json"))
    alert = decode_alert(json.dumps(message["data"]).encode())
    assert json.loads(payload(alert)) == message


def test_the_group_is_what_newsurge_sends() -> None:
    message = json.loads(block("json", 1))
    ids = message["data"]["alert_ids"]
    alert = decode_alert(json.dumps(json.loads(block("json"))["data"]).encode())
    changed = {"fired_at": 1772460321000, "resolved_at": 1772460321000, "state": "resolved"}
    items = [
        Item(replace(alert, id=each, **(changed if each == ids[-1] else {})), AlertPlace(0, 0), 0)
        for each in ids
    ]
    sent = json.loads(group_payload(items, {}, GroupPolicy(30, max_alerts=2)))
    assert [each["id"] for each in sent["data"]["alerts"]] == ids[:2]
    sent["data"]["alerts"] = message["data"]["alerts"]
    assert sent == message


def test_the_options_of_groups_have_the_defaults_that_are_told() -> None:
    (receiver,) = yaml.safe_load(block("yaml"))["receivers"]
    assert Receiver.model_validate(receiver).grouping == GroupPolicy(0, ("rule",), 20)
    grouped = Receiver.model_validate(receiver | {"group_wait": "30s", "group_by": "severity"})
    assert grouped.grouping == GroupPolicy(30, ("severity",), 20)
    for wrong in ({"group_wait": "2h"}, {"group_by": ["colour"]}, {"max_alerts": 0}):
        with pytest.raises(ValidationError):
            Receiver.model_validate(receiver | wrong)
    for name in ("group_wait", "group_by", "max_alerts"):
        assert f"| `{name}` |" in DOC
    assert (f"has {MAX_IDS:,} alerts" in DOC, "`30s`, up to `1h`" in DOC) == (True, True)


def test_the_receiver_in_python_verifies_and_knows_repeats(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = new_secret()
    monkeypatch.setenv("DESK_SECRET", secret)
    example: dict[str, object] = {}
    exec(block("python"), example)  # noqa: S102  the example is ours, and running it is the test
    receive = example["receive"]
    assert callable(receive)
    body = json.dumps(json.loads(block("json"))).encode()
    signed = headers(secret, "ntf_1", body, dt.datetime.now(dt.UTC))
    assert receive(signed, body) == 204
    assert receive(signed, body) == 204
    assert capsys.readouterr().out == "alert.firing NegativeSurge banking\n"
    assert receive(signed, body + b" ") == 401
    assert receive(signed | {"webhook-signature": "nonsense"}, body) == 401
    old = headers(secret, "ntf_2", body, dt.datetime.now(dt.UTC) - dt.timedelta(minutes=6))
    assert receive(old, body) == 401
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.reason)
def test_the_table_of_answers_is_the_codes(row: Row) -> None:
    says = {"done": "is done", "again": "tries again", "give_up": "gives up at once"}
    lines = [
        line for line in DOC.splitlines() if line.endswith(f"| {says[row.then]} | `{row.reason}` |")
    ]
    assert len(lines) == 1
    statuses = {200: "2xx", 500: "5xx", 0: "any other"}.get(row.first, str(row.first))
    assert statuses in lines[0]


def test_the_numbers_are_the_defaults() -> None:
    settings = NotifySettings()
    assert (settings.timeout_seconds, "within 10 seconds" in DOC) == (10, True)
    assert (settings.give_up_after_seconds, "after an hour" in DOC) == (3600, True)
    assert (settings.backoff_seconds, "begins at half a second" in DOC) == (0.5, True)
    assert (settings.max_backoff_seconds, "up to a minute" in DOC) == (60, True)
    for name in NotifySettings.model_fields:
        assert name in DOC
