import msgspec
import pytest

from monitor.records import Mark, ModelChange, Origin, Retraction, decode_scored, encode
from tests.surge.log import record

RECORD = record(1, "Northgate halts withdrawals", origin=(0, 7))


@pytest.mark.parametrize(
    "one",
    [
        RECORD,
        Mark(0, 12, 1_700_000_000_000, True),
        Retraction("n1", Origin(1, 2), 5),
        ModelChange("a", "b", {"Macro": 0.9, "none": 1.0}, 1.2, 1.1, 512),
    ],
)
def test_what_is_written_is_what_is_read(one: msgspec.Struct) -> None:
    assert decode_scored(encode(one)) == one


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_no_record(length: int) -> None:
    wrong = msgspec.structs.replace(RECORD, signature=b"x" * length)
    with pytest.raises(msgspec.ValidationError, match="signature"):
        decode_scored(encode(wrong))


def test_a_signature_that_is_not_base64_is_no_record() -> None:
    fields = msgspec.json.decode(encode(RECORD))
    with pytest.raises(msgspec.ValidationError, match="signature"):
        decode_scored(msgspec.json.encode({**fields, "signature": "!!!!"}))


def test_a_newer_readers_fields_are_passed_over() -> None:
    fields = msgspec.json.decode(encode(RECORD))
    assert decode_scored(msgspec.json.encode({**fields, "later": 1})) == RECORD
