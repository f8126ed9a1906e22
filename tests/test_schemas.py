from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it carries no types
import msgspec
import pytest

from monitor import schemas
from monitor.records import Mark, ModelChange, Origin, Retraction, encode
from monitor.scoring.news import InvalidNewsError, decode_news

DOCS = Path(__file__).parent.parent / "docs" / "schemas"


def test_the_documented_schemas_are_those_of_the_code() -> None:
    for name, schema in schemas.schemas().items():
        documented = (DOCS / f"{name}.schema.json").read_bytes()
        assert documented == schema, "run: python -m monitor.schemas docs/schemas"


def test_every_schema_is_valid() -> None:
    for schema in schemas.schemas().values():
        jsonschema.Draft202012Validator.check_schema(msgspec.json.decode(schema))


@pytest.mark.parametrize(
    "record",
    [
        Mark(0, 12, 1_700_000_000_000, True),
        Retraction("item-1", Origin(1, 2), 1_700_000_000_000),
        ModelChange("a", "b", {"Macro": 0.9, "none": 1.0}, 1.2, 1.1, 512),
    ],
)
def test_control_records_obey_the_schema(record: msgspec.Struct) -> None:
    schema = msgspec.json.decode(schemas.schemas()["scored"])
    jsonschema.validate(msgspec.json.decode(encode(record)), schema)


@pytest.mark.parametrize(
    ("record", "valid"),
    [
        ({"title": "Northgate Bank halts withdrawals"}, True),
        ({"title": "t", "published_at": 1, "entities": ["NGB"], "anything": {"else": 1}}, True),
        ({"title": 5}, False),
        ({"body": "no title"}, False),
        ({"title": "t", "entities": "NGB"}, False),
        ({"title": "t", "id": 7}, False),
    ],
)
def test_the_news_schema_and_the_decoder_agree(record: dict[str, Any], valid: bool) -> None:
    schema = msgspec.json.decode(schemas.schemas()["news"])
    assert jsonschema.Draft202012Validator(schema).is_valid(record) is valid
    if valid:
        decode_news(msgspec.json.encode(record), 10_000)
    else:
        with pytest.raises(InvalidNewsError):
            decode_news(msgspec.json.encode(record), 10_000)
