"""Reads the YAML files of training, and tells by line and column what is wrong in one.

Recipes, gate files and behaviour tests are read by it. It knows no key of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from monitor.errors import NewsurgeError

Location = Sequence[int | str]
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
    content: Any
    tree: yaml.Node | None

    def told(self, location: Location, message: str) -> str:
        """A fault in a line: place, key and what is wrong with it."""
        node, mark = self.tree, self.tree and self.tree.start_mark
        for part in location:
            found = _child(node, part)
            if found is not None:
                node, mark = found[1], found[0].start_mark
        key = ".".join(map(str, location)) or "the file"
        return f"{_place(self.path, mark)}: {key}: {message}"

    def faults(self, error: ValidationError) -> str:
        """What the validation of the content found, a line each."""
        found = error.errors(include_url=False)
        # A list whose only element is at fault is called empty, too, which it is not.
        return "\n".join(
            self.told(each["loc"], _sentence(each))
            for each in found
            if each["type"] != "too_short" or not any(_is_in(o["loc"], each["loc"]) for o in found)
        )


def read_yaml(path: Path, wrong: type[NewsurgeError]) -> YamlFile:
    """Reads a file.

    Raises:
        NewsurgeError: as `wrong`: it can't be read, is not YAML, or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(f"{path}: can't be read ({error}); check the path") from error
    except (yaml.YAMLError, RecursionError) as error:
        place = _place(path, getattr(error, "problem_mark", None))
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise wrong(f"{place}: not valid YAML ({problem}); mend that line") from None
    if twice := list(_given_twice(tree)):
        raise wrong(
            "\n".join(
                f"{_place(path, key.start_mark)}: {key.value!r} is given twice, first on line "
                f"{first}; keep one of them"
                for key, first in twice
            )
        )
    return YamlFile(path, content, tree)


def _given_twice(tree: yaml.Node | None) -> Iterator[tuple[yaml.Node, int]]:
    """The keys that were there before, with the line: YAML takes the last one in silence."""
    nodes, known = [tree], set[int]()
    while nodes:
        node = nodes.pop()
        if node is None or id(node) in known:  # what is written once may be named many times
            continue
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            nodes += [value for _, value in node.value]
            lines: dict[str, int] = {}
            for key, _ in node.value:
                if str(key.value) in lines:
                    yield key, lines[str(key.value)]
                lines.setdefault(str(key.value), key.start_mark.line + 1)


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Where a part of a location begins (at its key, if it has one), and what it holds."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == str(part)), None)
    return None


def _place(path: Path, mark: Any) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)


def _is_in(place: Location, other: Location) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _sentence(fault: ErrorDetails) -> str:
    if fault["type"] == "too_short":
        return f"must have {fault['ctx']['min_length']} or more of them"
    told = _WORDS.get(fault["type"], fault["msg"]).removeprefix("Value error, ")
    told = re.sub(r"^(Input|String|Value) should ", "must ", told)
    return told[:1].lower() + told[1:]
