"""Reads the YAML files of training, and tells by line and column what is wrong in one.

Recipes, gate files and behaviour tests are read by it. It knows no key of theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
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

    def told(self, location: Location, message: str) -> str:
        """A fault in a line: place, key and what is wrong with it."""
        key = ".".join(map(str, location)) or "the file"
        return _line(self.path, self.document.at_key(location, f"{key}: {message}"))

    def faults(self, error: ValidationError) -> str:
        """What the validation of the content found, a line each."""
        found = error.errors(include_url=False)
        # A list whose only element is at fault is called empty, too, which it is not.
        return "\n".join(
            self.told(each["loc"], _sentence(each))
            for each in found
            if each["type"] != "too_short" or not any(_is_in(o["loc"], each["loc"]) for o in found)
        )


def read_yaml_file(path: Path, wrong: type[NewsurgeError]) -> YamlFile:
    """Reads a file.

    Raises:
        NewsurgeError: as `wrong`: it can't be read, is not YAML, or gives a key twice.
    """
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(f"{path}: can't be read ({error}); check the path") from error
    except UnreadableError as error:
        raise wrong(_line(path, error.fault)) from None
    if document.faults:
        raise wrong("\n".join(_line(path, fault) for fault in document.faults))
    return YamlFile(path, document)


def _line(path: Path, fault: Fault) -> str:
    return f"{path}:{fault.line}:{fault.column}: {fault.message}"


def _is_in(place: Location, other: Location) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _sentence(fault: ErrorDetails) -> str:
    if fault["type"] == "too_short":
        return f"must have {fault['ctx']['min_length']} or more of them"
    told = _WORDS.get(fault["type"], fault["msg"]).removeprefix("Value error, ")
    told = re.sub(r"^(Input|String|Value) should ", "must ", told)
    return told[:1].lower() + told[1:]
