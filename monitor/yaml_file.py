"""Reads a YAML file that people write, and tells by line and column what is wrong in it.

Settings, recipes, gate files and behaviour tests are read by it. It knows no key of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.errors import NewsurgeError
from monitor.yaml_document import Document, Fault, Location, UnreadableError, read_yaml

_WORDS = {
    "extra_forbidden": "there is no such key; correct or remove it",
    "missing": "is needed",
    "string_type": "must be text; put it in quotes",
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "path_type": "must be a path",
}


@dataclass(frozen=True)
class YamlFile:
    """What a file holds, and where in it."""

    path: Path
    document: Document

    @property
    def content(self) -> Any:
        """Mappings with texts as keys, lists, texts, numbers, truth values and None."""
        return self.document.content

    def place(self, location: Location) -> str:
        """Where a key or list item stands, or what it would stand in, as `file:line:column`."""
        return _place(self.path, self.document.at_key(location, ""))

    def told(self, location: Location, message: str) -> str:
        """A fault in a line: place, key and what is wrong with it."""
        key = ".".join(map(str, location)) or "the file"
        return f"{self.place(location)}: {key}: {message}"

    def faults(self, error: ValidationError) -> str:
        """What the validation of the content found, a line each."""
        return "\n".join(self.told(*fault) for fault in sentences(error))


def read_yaml_file(path: Path, wrong: type[NewsurgeError]) -> YamlFile:
    """Reads a file.

    Raises:
        NewsurgeError: as `wrong`: it can't be read, is not YAML, or gives a key twice.
    """
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise wrong(f"{path}: can't be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise wrong(
            f"{path}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
    except UnreadableError as error:
        raise wrong(f"{_place(path, error.fault)}: {error.fault.message}") from None
    if faults := document.faults:
        raise wrong("\n".join(f"{_place(path, fault)}: {fault.message}" for fault in faults))
    return YamlFile(path, document)


def sentences(error: ValidationError) -> Iterator[tuple[Location, str]]:
    """What a validation found, and where in the content; it quotes no value."""
    found = error.errors(include_url=False, include_input=False)
    for each in found:
        # A list whose only element is at fault is called empty, too, which it is not.
        if each["type"] != "too_short" or not any(_is_in(o["loc"], each["loc"]) for o in found):
            yield each["loc"], _sentence(each)


def model_at(model: type[BaseModel] | None, location: Location) -> type[BaseModel] | None:
    """The model of the mapping that a location in a `model` names, if it names one."""
    for part in location:
        field = None if model is None else model.model_fields.get(str(part))
        annotation = None if field is None else field.annotation
        parts = (annotation, *get_args(annotation))
        found = (each for each in parts if isinstance(each, type) and issubclass(each, BaseModel))
        model = next(found, None)
    return model


def _place(path: Path, fault: Fault) -> str:
    return f"{path}:{fault.line}:{fault.column}"


def _is_in(place: Location, other: Location) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _sentence(fault: ErrorDetails) -> str:
    if fault["type"] == "too_short":
        return f"must have {fault['ctx']['min_length']} or more of them"
    told = _WORDS.get(fault["type"], fault["msg"]).removeprefix("Value error, ")
    told = re.sub(r"^(Input|String|Value) should ", "must ", told)
    return told[:1].lower() + told[1:]
