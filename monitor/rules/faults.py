"""Faults of a rules file in the words of the person who wrote it.

Owns the way from what the validation library found to what, where and how to mend it. What is
valid is decided elsewhere: by the models of rules and receivers, and in `checks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.delivery.receivers import Receiver, WebhookConfig
from monitor.rules.words import FIELDS
from monitor.surge.maintenance import Maintenance
from monitor.surge.rules import AbsentRule, DeadManRule, Match, SurgeRule, ThresholdRule
from monitor.surge.words import WrongWordError, did_you_mean, one_of, shown
from monitor.yaml_document import Document, Fault, Location
from monitor.yaml_file import model_at

RULES: dict[str, type[BaseModel]] = {
    "threshold": ThresholdRule,
    "surge": SurgeRule,
    "absent": AbsentRule,
    "dead_man": DeadManRule,
}
_WHOLE = {"Receiver": Receiver, "Maintenance": Maintenance}
_SECRET = {"webhook", "url"}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def names_of(model: type[BaseModel]) -> list[str]:
    """The names of a model's fields, as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def told(document: Document, item: Location, error: ValidationError) -> Iterator[Fault]:
    """The faults that the validation of one rule, receiver or maintenance window found.

    Args:
        document: the file.
        item: where the validated part stands, such as `("rules", 0)`.
        error: what was found.
    """
    owner = owner_of(document.content, item)
    for details in error.errors(include_url=False):
        within = _within(details)
        location = item + within
        about = within[:-1] if details["type"] in ("extra_forbidden", "missing") else within
        path = ".".join(each for each in about if isinstance(each, str))
        model = _model(document, item, within)
        message, word = _in_words(details, within, model, _written(document.content, location))
        text = ": ".join(each for each in (owner, path, message) if each)
        if details["type"] == "union_tag_invalid":
            yield document.at((*location, "type"), text)
        elif details["type"] == "extra_forbidden":
            yield document.at_key(location, text)
        else:
            yield document.at(location, text, word)


def owner_of(content: Any, item: Location) -> str:
    """Which rule, receiver or window a location is in: by its name where it has a usable one."""
    section, number = str(item[0]), int(item[1])
    kind = {"rules": "rule", "receivers": "receiver", "maintenance": "maintenance"}[section]
    part = content[section][number]
    name = part.get("alert" if kind == "rule" else "name") if isinstance(part, Mapping) else None
    usable = isinstance(name, str) and name.replace("-", "_").isidentifier() and len(name) <= 64
    return f"{kind} {name}" if usable else f"{kind} {number + 1}"


def unknown_field(name: object, known: list[str], where: str) -> str:
    """That there is no such field, and which it may have been meant to be."""
    hint = did_you_mean(name, known) or f"; the fields are {', '.join(known)}"
    return f"{where} has no field {shown(name)}{hint}"


def missing(name: str) -> str:
    """That a field is needed, with an example."""
    return f"needs the field {shown(name)}, such as {FIELDS[name].example}"


def _within(details: ErrorDetails) -> Location:
    """Where in its item a fault is; the library puts a rule's type before its fields."""
    location = details["loc"]
    return location[1:] if location and location[0] in RULES else location


def _in_words(
    details: ErrorDetails, within: Location, model: type[BaseModel] | None, written: object
) -> tuple[str, str]:
    """What is wrong and how to mend it, and the word of the value in which it shows."""
    kind, context = details["type"], details.get("ctx", {})
    name = str(within[-1]) if within else ""
    if kind == "value_error" and written is not None:
        error = context["error"]
        return str(error), error.word if isinstance(error, WrongWordError) else ""
    if kind == "missing":
        return missing(name), ""
    if kind == "extra_forbidden":
        return _extra(name, model), ""
    if kind.startswith("union_tag"):
        found = details["input"].get("type") if kind == "union_tag_invalid" else None
        told = f"type: {one_of(found, RULES)}" if found is not None else missing("type")
        return told, ""
    return _of_value(details, name, context, written), ""


def _written(content: Any, location: Location) -> object:
    """The value at a location as it was written, before anything was made of it."""
    for part in location:
        try:
            content = content[part]
        except (LookupError, TypeError):
            return None
    return content


def _of_value(details: ErrorDetails, name: str, context: Mapping[str, Any], value: object) -> str:
    kind = details["type"]
    is_secret = bool(_SECRET & set(map(str, details["loc"])))
    what = "this" if is_secret else shown(value)
    example = f", such as {FIELDS[name].example}" if name in FIELDS else ""
    if value is None:
        return f"has no value; write one{example}, or remove the field"
    if kind in _LIMITS:
        limit, words = _LIMITS[kind]
        return f"{what} must be {words} {context[limit]:g}"
    if kind == "literal_error":
        return one_of(value, re.findall(r"'([^']+)'", context["expected"]))
    if kind == "string_pattern_mismatch":
        return f"{what} is not a name here; {_NAMES.get(name, 'use letters, digits and _')}"
    if kind in ("string_too_long", "too_long"):
        return f"is too long; at most {context['max_length']} {_COUNTED[kind]}"
    if kind in ("finite_number", "float_type", "float_parsing", "int_type", "int_parsing"):
        return f"{what} is not a number{example}"
    if kind == "int_from_float":
        return f"{what} is not a whole number{example}"
    for ending, asked in _SHAPES.items():
        if kind.startswith(ending):
            return f"must be {asked}{'' if is_secret else f', not {what}'}{example}"
    return f"{what}: {details['msg']}"


_COUNTED = {"string_too_long": "characters", "too_long": "entries"}
_NAMES = {
    "alert": "use letters, digits and _, and no digit at the beginning, such as BankNewsTurns",
    "name": "use lower-case letters, digits, _ and -, such as credit-desk",
    "url_env": "write the name of an environment variable, such as DESK_URL",
    "secret_env": "write the name of an environment variable, such as DESK_SECRET",
}
_SHAPES = {
    "string": "a text (put it in quotes)",
    "path": "a file's name",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping of names to texts",
    "model": "a mapping of fields to values",
}


def _extra(name: str, model: type[BaseModel] | None) -> str:
    if model is None:
        return f"there is no field {shown(name)}"
    where = _CALLED.get(model, "this part")
    own = names_of(model)
    if model in RULES.values() and did_you_mean(name, own) == "":
        if name in Match.model_fields:
            return f"{where} has no field {shown(name)}; write it under match: {{{name}: ...}}"
        others = [kind for kind, other in RULES.items() if name in names_of(other)]
        if others:
            return (
                f"{where} has no field {shown(name)}, which belongs to {' and '.join(others)} rules"
            )
    return unknown_field(name, own, where)


_CALLED: dict[type[BaseModel], str] = {
    **{model: f"a rule of type {kind}" for kind, model in RULES.items()},
    Match: "match",
    Receiver: "a receiver",
    WebhookConfig: "webhook",
    Maintenance: "a maintenance window",
}


def _model(document: Document, item: Location, within: Location) -> type[BaseModel] | None:
    """The model whose field a location ends with."""
    part = document.content[item[0]][item[1]]
    kind = part.get("type") if isinstance(part, Mapping) else None
    model: type[BaseModel] | None = {
        "rules": RULES.get(kind) if isinstance(kind, str) else None,
        "receivers": Receiver,
        "maintenance": Maintenance,
    }[str(item[0])]
    return model_at(model, within[:-1])
