"""The JSON Schema of `alerts.yaml`, for editors. Made of the models; owns no rule of its own.

What a schema can't say (conditions, templates, names that must fit together) is left to
`newsurge check`.
"""

from __future__ import annotations

from typing import Any

from monitor.rules.file import RuleFile
from monitor.rules.words import FIELDS

_DROPPED = {"title", "default", "writeOnly", "format", "discriminator", "description"}


def rules_schema() -> dict[str, Any]:
    """The schema, with every field's meaning and an example of it."""
    made: dict[str, Any] = _plain(RuleFile.model_json_schema(by_alias=True))
    for part in (made, *made["$defs"].values()):
        for name, field in part.get("properties", {}).items():
            field.update(_described(name))
    return {"title": "alerts.yaml", "description": "What newsurge watches for.", **made}


def _described(name: str) -> dict[str, str]:
    words = FIELDS[name]
    return {"description": f"{words.meaning} Example: {words.example}"}


def _plain(schema: Any, *, is_names: bool = False) -> Any:
    """A schema without what a library adds for itself; `is_names` where keys are fields' names."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _plain(value, is_names=name in ("properties", "$defs") and not is_names)
        for name, value in schema.items()
        if is_names or name not in _DROPPED
    }
