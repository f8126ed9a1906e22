"""A file that people write in YAML: its content, and the place of everything in it.

Owns what is wrong with a file as YAML (syntax, repeated keys, tags, size) and the way from a
location in its content to line and column. It knows neither rules nor recipes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from monitor.surge.words import did_you_mean, shown

Location = tuple[int | str, ...]
"""The way to a value: keys of mappings, and places in lists from 0."""
MAX_CHARACTERS = 1_000_000
MAX_VALUES = 100_000
"""How many values a file may hold, each alias counted as often as it is used."""
MAX_DEPTH = 40
_CORE = "tag:yaml.org,2002:"
_MERGE = f"{_CORE}merge"
_RESOLVED = {
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "bool": (r"^(?:true|false)$", list("tTfF")),
    "int": (r"^[-+]?[0-9]{1,18}$", list("-+0123456789")),
    "float": (
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?$",
        list("-+.0123456789"),
    ),
    "merge": (r"^<<$", ["<"]),
}
_PATTERNS = {
    f"{_CORE}{name}": re.compile(pattern, re.IGNORECASE) for name, (pattern, _) in _RESOLVED.items()
}
_TAGS = {*_PATTERNS, f"{_CORE}str", f"{_CORE}seq", f"{_CORE}map"}
# What PyYAML says, in the order of trying, and what helps.
_SYNTAX = (
    (
        r"mapping values are not allowed",
        "a ': ' can't stand here; indent fields that belong together alike, and put a text that "
        "holds ': ' in quotes",
    ),
    (r"found character '\\t'|tab", "a tab; indent with spaces"),
    (r"found character '([@`%])'", "a text can't begin with this character; put it in quotes"),
    (r"while scanning a quoted scalar|unexpected end of stream", "a quote is never closed"),
    (r"could not find expected ':'", "a field without its ':'; write 'field: value'"),
    (r"expected ',' or '[\]}]'", "a '[' or '{' is never closed, or a ',' is missing before here"),
    (r"flow (?:sequence|mapping|node)", "a '[' or '{' is never closed, or holds what it can't"),
    (
        r"did not find expected|expected <block end>|expected the node",
        "the indentation does not fit; fields that belong together begin in the same column",
    ),
    (r"expected a single document", "a second document begins here; remove the '---'"),
    (r"duplicate anchor|found duplicate", "an anchor of this name is there already; rename it"),
)


class Fault(NamedTuple):
    """Something wrong at a place of the file; line and column count from 1."""

    line: int
    column: int
    message: str


class UnreadableError(ValueError):
    """A text that can't be read as YAML at all, with the one fault that says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class _Loader(yaml.SafeLoader):
    """YAML 1.2's idea of plain values: `on`, `no` and 22:30 are texts, and so is a date."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return int(str(self.construct_scalar(node)))


_Loader.yaml_implicit_resolvers = {
    first: [
        (f"{_CORE}{name}", _PATTERNS[f"{_CORE}{name}"])
        for name, (_, firsts) in _RESOLVED.items()
        if first in firsts
    ]
    for first in sorted({each for _, firsts in _RESOLVED.values() for each in firsts})
}
_Loader.yaml_constructors = yaml.SafeLoader.yaml_constructors | {
    f"{_CORE}int": _Loader.construct_yaml_int
}


@dataclass(frozen=True)
class Document:
    """What a text says, where everything stands in it, and what is wrong with the YAML."""

    text: str
    root: yaml.Node | None
    content: Any
    faults: tuple[Fault, ...] = ()

    def node(self, location: Location) -> yaml.Node | None:
        """The node at a location, or the last one on the way there."""
        node = self.root
        for part in location:
            child = _child(node, part)
            if child is None:
                break
            node = child[1]
        return node

    def at(self, location: Location, message: str, word: str = "") -> Fault:
        """A fault of the value at a location, or of the `word` in it where it is a text."""
        node = self.node(location)
        if node is None:
            return Fault(1, 1, message)
        mark = node.start_mark
        if word and isinstance(node, yaml.ScalarNode):
            found = self.text.find(word, mark.index, node.end_mark.index)
            if found >= 0:
                return Fault(*_place(self.text, found), message)
        return Fault(mark.line + 1, mark.column + 1, message)

    def at_key(self, location: Location, message: str) -> Fault:
        """A fault of the key or list item that a location ends with, or the last on the way."""
        place = node = self.root
        for part in location:
            child = _child(node, part)
            if child is None:
                break
            key, node = child
            place = key or node
        return Fault(1, 1, message) if place is None else _of(place, message)


def read_yaml(text: str) -> Document:
    """Read a text as YAML.

    Raises:
        UnreadableError: when it is not YAML, or too large, or not to be unfolded.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnreadableError(
            Fault(1, 1, f"more than {MAX_CHARACTERS:,} characters; is it the right file?")
        )
    try:
        loader = _Loader(text.removeprefix("\ufeff"))
        root = loader.get_single_node()
        faults = () if root is None else tuple(_Walk().faults_of(root))
        content = None if root is None else loader.construct_document(root)
    except yaml.YAMLError as error:
        raise UnreadableError(_syntax_fault(text, error)) from None
    except RecursionError:
        raise UnreadableError(Fault(1, 1, "nested too deeply; is it the right file?")) from None
    return Document(text.removeprefix("\ufeff"), root, content, faults)


class _Walk:
    """Goes once through every node, and knows how many values there are with aliases unfolded."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()
        self._faults: list[Fault] = []

    def faults_of(self, root: yaml.Node) -> list[Fault]:
        self._size(root, 0)
        return self._faults

    def _size(self, node: yaml.Node, depth: int) -> int:
        if id(node) in self._open:
            raise UnreadableError(_of(node, "an alias of what it stands in; remove it"))
        if depth > MAX_DEPTH:
            raise UnreadableError(
                _of(node, f"nested more than {MAX_DEPTH} levels deep; is it the right file?")
            )
        if id(node) not in self._sizes:
            self._open.add(id(node))
            self._check(node)
            size = 1 + sum(self._size(each, depth + 1) for each in _children(node))
            self._open.discard(id(node))
            if size > MAX_VALUES:
                raise UnreadableError(
                    _of(node, f"more than {MAX_VALUES:,} values once its aliases are unfolded")
                )
            self._sizes[id(node)] = size
        return self._sizes[id(node)]

    def _check(self, node: yaml.Node) -> None:
        if node.tag not in _TAGS:
            tag = node.tag.replace(_CORE, "!!")
            raise UnreadableError(_of(node, f"the tag {shown(tag)} is not known here; remove it"))
        pattern = _PATTERNS.get(node.tag)
        if pattern is not None and not (
            isinstance(node, yaml.ScalarNode) and pattern.fullmatch(node.value)
        ):
            kind = node.tag.removeprefix(_CORE)
            raise UnreadableError(_of(node, f"not a value of the tag !!{kind}; remove the tag"))
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise UnreadableError(
                    _of(
                        key,
                        "a field's name must be a plain word; put a text that begins with "
                        "'{' or '[' in quotes",
                    )
                )
            if key.tag == _MERGE:
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                if not all(isinstance(each, yaml.MappingNode) for each in merged):
                    raise UnreadableError(
                        _of(value, "'<<' merges what an alias such as *usual stands for: a mapping")
                    )
            elif key.value in seen:
                first = seen[key.value]
                self._faults.append(
                    _of(key, f"{shown(key.value)} is given twice, first on line {first}; keep one")
                )
            else:
                key.tag = f"{_CORE}str"
            seen.setdefault(key.value, key.start_mark.line + 1)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node | None, yaml.Node] | None:
    """The key, if it has one, and the node under a part of a location."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    if isinstance(node, yaml.MappingNode):
        # What was merged comes first and is overridden by what stands there itself.
        for key, value in reversed(node.value):
            if key.value == str(part):
                return key, value
    return None


def _of(node: yaml.Node, message: str) -> Fault:
    return Fault(node.start_mark.line + 1, node.start_mark.column + 1, message)


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _syntax_fault(text: str, error: yaml.YAMLError) -> Fault:
    if isinstance(error, yaml.reader.ReaderError):
        line, column = _place(text, int(error.position))
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return Fault(line, column, f"not valid YAML: the character U+{code:04X}; remove it")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    context = str(getattr(error, "context", None) or "")
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if found := re.fullmatch(r"found undefined alias '(.*)'", problem):
        anchors = re.findall(r"&([\w-]+)", text)
        hint = did_you_mean(found[1], anchors) or "; name it with &" + found[1]
        return Fault(line, column, f"not valid YAML: there is no anchor {shown(found[1])}{hint}")
    words = next(
        (words for pattern, words in _SYNTAX if re.search(pattern, f"{context} {problem}")),
        problem,
    )
    return Fault(line, column, f"not valid YAML: {words}")
