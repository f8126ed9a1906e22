from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it carries no types
import msgspec
import pytest

from monitor import schemas
from monitor.records import Mark, ModelChange, Origin, Retraction, encode
from monitor.rules.file import default_rules, plain_content
from monitor.rules.words import FIELDS
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


RULES = jsonschema.Draft202012Validator(msgspec.json.decode(schemas.schemas()["alerts"]))


def test_an_editor_accepts_the_shipped_rules() -> None:
    text = default_rules().read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=docs/schemas/alerts.schema.json\n")
    assert list(RULES.iter_errors(plain_content(text))) == []


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "treshold"},
        {"colour": "red"},
        {"window": "90"},
        {"severity": "page"},
        {"by": "topik"},
        {"when": "count >= 3"},
        {"match": {"sorce": "Wire"}},
        {"labels": {"tier": 1}},
    ],
    ids=str,
)
def test_an_editor_marks_what_a_rule_may_not_say(rule: dict[str, Any]) -> None:
    good = {"alert": "A", "type": "absent", "by": "all", "window": "1h"}
    assert RULES.is_valid({"rules": [good]})
    assert not RULES.is_valid({"rules": [good | rule]})


def test_every_field_of_a_rules_file_is_explained_to_the_editor() -> None:
    schema = msgspec.json.decode(schemas.schemas()["alerts"])
    fields = {
        name: field
        for part in (schema, *schema["$defs"].values())
        for name, field in part.get("properties", {}).items()
    }
    assert set(fields) == set(FIELDS)
    assert all("Example: " in field["description"] for field in fields.values())
