"""Faults of settings: what is wrong with which, and what gave it: a flag, a variable or the file.

Owns the way from what the validation found to where its value stands. What is valid is decided by
the models in `settings`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from monitor.surge.words import did_you_mean
from monitor.yaml_document import Location
from monitor.yaml_file import YamlFile, model_at, sentences

PREFIX = "NEWSURGE_"
NESTED = "__"


def told(
    error: ValidationError,
    model: type[BaseModel],
    flags: Mapping[str, Any],
    written: YamlFile | None,
) -> str:
    """The faults, a line each: what gave the setting, its path, and what is wrong with it.

    Args:
        error: what the validation of all settings found.
        model: of all settings.
        flags: those of the command line, nested.
        written: the settings file, where there is one.
    """
    unknown = {each["loc"] for each in error.errors() if each["type"] == "extra_forbidden"}
    lines: list[str] = []
    for location, sentence in sentences(error):
        givers = list(_givers(location, flags, written))
        if model_at(model, location) is None:
            del givers[1:]  # the first goes before the others; only a section is put together
        message = _unknown(location, model) if location in unknown else sentence
        name = ".".join(map(str, location)) or "settings"
        lines.append(": ".join([*([" and ".join(givers)] if givers else []), name, message]))
    return "\n".join(lines)


def _givers(
    location: Location, flags: Mapping[str, Any], written: YamlFile | None
) -> Iterator[str]:
    """What gave a value, or a part of it, in the order of precedence."""
    if _holds(flags, location):
        yield "on the command line"
    for variable in os.environ:
        if variable.upper().startswith(PREFIX):
            path = tuple(variable[len(PREFIX) :].lower().split(NESTED))
            shorter = min(len(path), len(location))
            if path[:shorter] == location[:shorter]:
                yield variable
    if written is not None and _holds(written.content, location):
        yield written.place(location)


def _holds(content: Any, location: Location) -> bool:
    for part in location:
        try:
            content = content[part]
        except (LookupError, TypeError):
            return False
    return True


def _unknown(location: Location, model: type[BaseModel]) -> str:
    section = model_at(model, location[:-1])
    hint = did_you_mean(location[-1], section.model_fields) if section else ""
    return f"there is no such setting{hint or '; correct or remove it'}"
