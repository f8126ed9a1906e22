"""Which alerts a silence is about, and when; and what the desk's board makes of records."""

from dataclasses import replace

import jsonschema  # type: ignore[import-untyped]  # it carries no types
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import schemas
from monitor.delivery.grouping import Item
from monitor.delivery.letter import silenced
from monitor.desk.board import Board
from monitor.desk.records import Expiry, Matchers, decode_desk, episode_of
from monitor.desk.silences import is_active, matches, silence_of
from monitor.explaining.choosing import deliveries
from monitor.records import AlertPlace, Notification, Outcome, Queued, encode
from tests.desk.desk import HOUR_MS, ack, feedback, fires, resolves, silence


@pytest.mark.parametrize(
    ("matchers", "meant"),
    [
        (Matchers(rule="bank-run"), True),
        (Matchers(rule="bank"), False),
        (Matchers(rule="Bank-run"), False),
        (Matchers(rule="bank*"), True),
        (Matchers(rule="b?nk-run", by="topic", key="*", severity="critical"), True),
        (Matchers(by="entity"), False),
        (Matchers(key="[A] Bank"), True),
        (Matchers(key="[A]*"), True),
        (Matchers(key="[A] B?"), False),
        (Matchers(rule="bank-run", severity="warning"), False),
        (Matchers(), False),
    ],
)
def test_every_pattern_given_must_match_the_whole_of_its_field(
    matchers: Matchers, meant: bool
) -> None:
    assert matches(matchers, fires(key="[A] Bank")) is meant


@given(st.text())
def test_a_name_without_wildcards_matches_itself_and_a_star_matches_all(key: str) -> None:
    alert = fires(key=key)
    assert matches(Matchers(key="*"), alert)
    if "*" not in key and "?" not in key:
        assert matches(Matchers(key=key), alert)
        assert not matches(Matchers(key=key), fires(key=key + "x"))


def test_a_silence_holds_from_its_start_until_before_its_end() -> None:
    one = silence(starts_at=100, ends_at=200)
    assert [is_active(one, now) for now in (99, 100, 199, 200)] == [False, True, True, False]
    ended = msgspec.structs.replace(one, expired=Expiry("bo", 150))
    assert [is_active(ended, now) for now in (99, 100, 149, 150)] == [False, True, True, False]
    withdrawn = msgspec.structs.replace(one, expired=Expiry("bo", 50))
    assert not any(is_active(withdrawn, now) for now in (50, 100, 199))


def test_of_several_silences_the_one_that_ends_last_is_named() -> None:
    short, long, over = silence("short", 0, 50), silence("long", 0, 90), silence("over", 0, 10)
    found = silence_of(fires(), [long, over, short], 20)
    assert found is not None
    assert found.id == "long"
    assert silence_of(fires(rule="other"), [long, over, short], 20) is None


def test_the_last_word_on_a_silence_counts() -> None:
    board, one = Board(), silence()
    board.apply(one)
    assert board.silence_of(fires(), 1) == one
    assert board.active_silences(1) == 1
    board.apply(msgspec.structs.replace(one, expired=Expiry("bo", 1)))
    assert board.silence_of(fires(), 1) is None
    assert board.active_silences(1) == 0
    assert board.version == 2


def test_an_acknowledgement_is_of_the_episode_and_ends() -> None:
    board, first = Board(), fires(1)
    board.apply(ack(first, until=HOUR_MS))
    found = board.ack_of(resolves(2, first), HOUR_MS - 1)
    assert found is not None
    assert found.who == "ada"
    assert board.ack_of(first, HOUR_MS) is None
    assert board.ack_of(fires(3, started_at=5), 0) is None, "that is another episode"
    assert (board.acknowledged(0), board.acknowledged(HOUR_MS)) == (1, 0)
    board.has_resolved(episode_of(first))
    assert board.acknowledged(0) == 0


def test_each_person_has_one_verdict_on_an_alert() -> None:
    board = Board()
    for record in (feedback(fires()), feedback(fires(), "useful"), feedback(fires(), who="bo")):
        board.apply(record)
    assert [(each.who, each.verdict) for each in board.feedback] == [
        *(("ada", "useful"), ("bo", "noise")),
    ]


@pytest.mark.parametrize("record", [silence(), ack(fires()), feedback(fires())])
def test_records_come_back_and_obey_the_schema(record: msgspec.Struct) -> None:
    assert decode_desk(encode(record)) == record
    schema = msgspec.json.decode(schemas.schemas()["desk"])
    jsonschema.validate(msgspec.json.decode(encode(record)), schema)


def test_an_alert_that_was_kept_back_is_explained_as_such_until_it_is_told() -> None:
    kept = Item(fires(1), AlertPlace(0, 1), 0, silenced_by="s-1")
    back = silenced("pager", kept, 50, for_good=False)
    (delivery,) = deliveries(
        [silenced("pager", replace(kept, alert=fires(2)), 40, for_good=True), back], "alert-1"
    )
    assert (delivery.delivered, delivery.attempts, delivery.reason) == (False, 0, "silenced: s-1")
    told: list[Notification] = [
        back,
        Queued(back.id, "pager", ("alert-1",), 60),
        Outcome(back.id, "pager", True, 1, 61),
    ]
    (delivery,) = deliveries(told, "alert-1")
    assert delivery.delivered
