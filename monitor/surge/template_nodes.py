"""What a template may hold: which fields, filters and turns of phrase.

Pure. Held against the parsed template before anything of it runs. A template names fields,
compares, chooses, and goes through the stories; it calls nothing and sets nothing, so that it
can't grow beyond bounds.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from jinja2 import Environment, nodes

from monitor.records import AlertEvent, BaselineStatistics, Series, Story, WindowStatistics
from monitor.surge.words import WrongWordError, did_you_mean, shown

_HIDDEN = {
    "rule_hash", "offsets", "labels", "annotations", "receivers", "unrendered", "schema_version",
}  # fmt: skip
_HINTS = {each: get_type_hints(each) for each in (AlertEvent, Series, WindowStatistics)} | {
    each: get_type_hints(each) for each in (BaselineStatistics, Story)
}
NAMES: Mapping[str, Any] = {
    name: _HINTS[AlertEvent][name] for name in AlertEvent.__struct_fields__ if name not in _HIDDEN
}
"""The fields of an alert that a template may name, with their types."""
_OWNERS: dict[Any, str] = {
    Series: "series",
    WindowStatistics: "window",
    BaselineStatistics: "baseline",
    Story: "a story",
}
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem,
    nodes.Const, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.CondExpr, nodes.If,
    nodes.For, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub,
    nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Concat, nodes.List, nodes.Tuple, nodes.Slice,
    nodes.Keyword,
)  # fmt: skip


def check_nodes(template: nodes.Template, environment: Environment) -> None:
    """Check that a parsed template holds nothing but what it may.

    Raises:
        ValueError: saying what it holds; a `WrongWordError` where a word shows it.
    """
    _Check(environment).of(template, NAMES)


class _Check:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def of(self, node: nodes.Node, known: Mapping[str, Any]) -> Any:
        """Check a node and all below it; the type of what it stands for, where that is known."""
        if not isinstance(node, _ALLOWED):
            raise WrongWordError(
                f"a template can't hold {_called(node)}; it names fields, "
                "compares them, chooses with if, and goes through the stories with for",
                "",
            )
        match node:
            case nodes.For():
                return self._loop(node, known)
            case nodes.Name():
                return _field(node.name, known, "an alert")
            case nodes.Filter() | nodes.Test():
                self._name(node)
        below = [self.of(each, known) for each in node.iter_child_nodes()]
        match node:
            case nodes.Getattr(attr=str(name)):
                return _attribute(below[0], name)
            case nodes.Getitem(arg=nodes.Const(value=str(name))):
                return _attribute(below[0], name)
            case nodes.Getitem():
                return get_args(below[0])[0] if get_origin(below[0]) is tuple else None
        return None

    def _loop(self, node: nodes.For, known: Mapping[str, Any]) -> None:
        over, target = node.iter, node.target
        if not (isinstance(over, nodes.Name) and over.name == "stories") or node.recursive:
            raise WrongWordError(
                "a for goes through the stories: {% for story in stories %}", "for"
            )
        if not isinstance(target, nodes.Name) or any(node.find_all(nodes.For)):
            raise WrongWordError("a for has one name, and no other for within it", "for")
        within = {**known, target.name: Story, "loop": None}
        for each in (*node.body, *node.else_, *filter(None, (node.test,))):
            self.of(each, within)

    def _name(self, node: nodes.Filter | nodes.Test) -> None:
        is_filter = isinstance(node, nodes.Filter)
        known = self._environment.filters if is_filter else self._environment.tests
        if node.name not in known:
            kind = "filter" if is_filter else "test"
            hint = did_you_mean(node.name, known) or f"; there are {', '.join(sorted(known))}"
            raise WrongWordError(f"there is no {kind} {shown(node.name)}{hint}", node.name)


def _called(node: nodes.Node) -> str:
    match node:
        case nodes.Assign() | nodes.AssignBlock():
            return "a set"
        case nodes.Pow():
            return "'**'"
        case nodes.Mod():
            return "'%'"
        case nodes.Include() | nodes.Import() | nodes.Extends():
            return f"an {type(node).__name__.lower()}"
    return f"a {type(node).__name__.lower()}"


def _field(name: str, known: Mapping[str, Any], owner: str) -> Any:
    if name not in known:
        hint = did_you_mean(name, known) or f"; the fields are {', '.join(known)}"
        raise WrongWordError(f"{owner} has no field {shown(name)}{hint}", name)
    return known[name]


def _attribute(owner: Any, name: str) -> Any:
    """The type of a field of what has the type `owner`; None where that is not known."""
    if owner is None:
        return None
    parts = get_args(owner) if get_origin(owner) in (Union, types.UnionType) else (owner,)
    struct = next((each for each in parts if each in _OWNERS), None)
    if struct is None:
        raise WrongWordError(f"there is no field {shown(name)} here", name)
    return _field(name, _HINTS[struct], _OWNERS[struct])
