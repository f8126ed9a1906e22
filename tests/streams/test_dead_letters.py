"""A dead letter keeps the original bytes and says where they came from, and why."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.streams.dead_letters import (
    DeadLetter,
    NotADeadLetterError,
    decode_dead_letter,
    encode_dead_letter,
)

MAX_BYTES = 64


def encode(value: bytes | None, **changes: Any) -> tuple[bytes, list[tuple[str, bytes]]]:
    fields: dict[str, Any] = {
        "stream": "newsurge.news",
        "partition": 3,
        "offset": 12_345,
        "reason": "malformed_json",
        "detail": "byte 7",
        "time": 1_700_000_000_000,
        "max_bytes": MAX_BYTES,
    }
    return encode_dead_letter(value=value, **{**fields, **changes})


@given(
    value=st.binary(max_size=2 * MAX_BYTES),
    partition=st.integers(0, 1000),
    offset=st.integers(0, 2**62),
    detail=st.text(max_size=80),
)
def test_a_dead_letter_comes_back_as_it_went(
    value: bytes, partition: int, offset: int, detail: str
) -> None:
    letter = decode_dead_letter(*encode(value, partition=partition, offset=offset, detail=detail))

    assert (letter.stream, letter.partition, letter.offset) == ("newsurge.news", partition, offset)
    assert letter.value == value[:MAX_BYTES]
    assert letter.length == len(value)
    assert letter.truncated == (len(value) > MAX_BYTES)


def test_what_fits_is_kept_whole_and_needs_no_digest() -> None:
    value, headers = encode(b"\xff" * MAX_BYTES)

    assert value == b"\xff" * MAX_BYTES
    assert {name for name, _ in headers} == {
        "stream", "partition", "offset", "reason", "detail", "time",
    }  # fmt: skip


def test_what_does_not_fit_is_cut_and_known_by_its_digest() -> None:
    original = bytes(range(256)) * 3_600
    letter = decode_dead_letter(*encode(original, reason="oversized"))

    assert letter == DeadLetter(
        stream="newsurge.news",
        partition=3,
        offset=12_345,
        reason="oversized",
        detail="byte 7",
        time=1_700_000_000_000,
        value=original[:MAX_BYTES],
        length=len(original),
        sha256=hashlib.sha256(original).hexdigest(),
    )


def test_a_record_without_a_value_is_kept_as_no_bytes() -> None:
    assert decode_dead_letter(*encode(None)).value == b""


def test_a_quoted_record_does_not_make_the_headers_long() -> None:
    letter = decode_dead_letter(*encode(b"", detail="x" * 1_000_000))

    assert len(letter.detail) == 500


def test_a_detail_that_is_no_unicode_text_is_kept_as_far_as_it_is() -> None:
    assert decode_dead_letter(*encode(b"", detail="lone \ud800")).detail == "lone ?"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([], "'stream' is missing"),
        ([("stream", b"s"), ("partition", b"one")], "not a number"),
    ],
)
def test_other_records_are_not_taken_for_dead_letters(
    headers: list[tuple[str, bytes]], words: str
) -> None:
    with pytest.raises(NotADeadLetterError, match=words):
        decode_dead_letter(b"", headers)


def test_headers_of_other_programs_are_passed_over() -> None:
    value, headers = encode(b"x")

    assert decode_dead_letter(value, [*headers, ("trace", b"\x00\xff")]).value == b"x"
