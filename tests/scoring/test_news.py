import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.news import REASONS, InvalidNewsError, decode_news, parse_time

MAX = 262_144


def reason(value: bytes | None, max_bytes: int = MAX) -> str:
    with pytest.raises(InvalidNewsError) as error:
        decode_news(value, max_bytes)
    return error.value.reason


def outcome(value: bytes) -> str:
    try:
        decode_news(value, MAX)
    except InvalidNewsError as error:
        return error.reason
    return "item"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "empty_record"),
        (b"", "empty_record"),
        (b'{"title": "' + b"a" * MAX + b'"}', "oversized"),
        (b'{"title": "caf\xe9"}', "invalid_utf8"),
        (b'{"title": ', "malformed_json"),
        (b"\x00\x01\x02", "malformed_json"),
        (b"[" * 100_000, "not_an_object"),
        (b'{"title": "a", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "malformed_json"),
        (b'{"title": "\\ud800"}', "malformed_json"),
        (b"[1, 2]", "not_an_object"),
        (b'"title"', "not_an_object"),
        (b'{"title": 12}', "wrong_type"),
        (b'{"title": null}', "wrong_type"),
        (b'{"title": "a", "id": 12}', "wrong_type"),
        (b'{"title": "a", "entities": "NGB"}', "wrong_type"),
        (b'{"title": "a", "published_at": 1.5}', "wrong_type"),
        (b"{}", "missing_title"),
        (b'{"title": "  \\u0000\\u200b "}', "empty_title"),
        (b'{"title": "a", "published_at": "yesterday"}', "bad_published_at"),
        (b'{"title": "a", "published_at": "2026-03-02T10:00:00"}', "bad_published_at"),
        (b'{"title": "a", "published_at": 999999999999999999}', "bad_published_at"),
    ],
)
def test_each_fault_has_its_named_reason(value: bytes | None, expected: str) -> None:
    assert reason(value) == expected


@given(st.binary(max_size=300))
def test_random_bytes_are_an_item_or_have_a_named_reason(value: bytes) -> None:
    assert outcome(value) in {"item", *REASONS}


def test_unknown_fields_travel_on_untouched() -> None:
    value = b'{"title": "a", "desk": {"n": 1.10, "big": 123456789012345678901234567890}}'
    item = decode_news(value, MAX)
    assert bytes(item.extra["desk"]) == b'{"n": 1.10, "big": 123456789012345678901234567890}'


def test_an_item_without_id_gets_a_stable_one_from_source_title_and_time() -> None:
    first = decode_news(b'{"title": "a", "source": "s", "published_at": 1}', MAX)
    again = decode_news(b'{"published_at": 1, "source": "s", "title": "a", "body": "b"}', MAX)
    other = decode_news(b'{"title": "a", "source": "s", "published_at": 2}', MAX)
    assert first.id == again.id != other.id


def test_times_may_be_text_or_milliseconds() -> None:
    text = decode_news(b'{"title": "a", "published_at": "2026-03-02T10:00:00+01:00"}', MAX)
    number = decode_news(b'{"title": "a", "published_at": 1772442000000}', MAX)
    assert text.published_at == number.published_at == parse_time("2026-03-02T09:00:00Z")
