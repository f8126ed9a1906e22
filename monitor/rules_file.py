"""Reading `alerts.yaml`: from a file to checked rules and receivers, or to all of its faults.

Owns the file's shape and the place (line and column) of each fault; what a rule may say is in
`monitor.surge.rules`, what a receiver may say in `monitor.delivery.receivers`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from monitor.delivery.receivers import Receiver
from monitor.errors import RulesError
from monitor.records import By
from monitor.rule_groups import Groups, group_faults, resolved
from monitor.surge.rules import Rule, SurgeRule

_BOOL = "tag:yaml.org,2002:bool"
_TRUTH = (_BOOL, re.compile(r"^(?:true|false)$", re.IGNORECASE))
# What the validation library would say in its own terms.
_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "is needed",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of fields to values",
    "union_tag_not_found": "needs a type: threshold, surge or absent",
}


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are truth values, as in YAML 1.2.

    In YAML 1.1 the field `on` of a rule would be one, and so would the language `no`.
    """


_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != _BOOL] + [_TRUTH] * (first in "tTfF")
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class RuleFile(BaseModel):
    """The content of `alerts.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    receivers: tuple[Receiver, ...] = ()
    rules: tuple[Rule, ...]

    @property
    def topics(self) -> frozenset[str]:
        """The topics that rules name."""
        return frozenset(key for rule in self.rules if rule.by == "topic" for key in rule.match.key)

    @model_validator(mode="after")
    def _names_fit_together(self) -> RuleFile:
        receivers = [receiver.name for receiver in self.receivers]
        for what, names in (("rule", [r.alert for r in self.rules]), ("receiver", receivers)):
            repeated = [name for name, times in Counter(names).items() if times > 1]
            if repeated:
                raise ValueError(f"{what} names must differ; given twice: {', '.join(repeated)}")
        for rule in self.rules:
            unknown = sorted(set(rule.receivers) - set(receivers))
            if unknown:
                raise ValueError(f"rule {rule.alert} names unknown receivers: {', '.join(unknown)}")
        return self


def default_rules() -> Path:
    """The `alerts.yaml` that newsurge ships: in the package, or beside it in a checkout."""
    packaged = Path(str(resources.files("monitor"))) / "alerts.yaml"
    return packaged if packaged.is_file() else packaged.parent.parent / "alerts.yaml"


def plain_content(text: str) -> Any:
    """What a rules file says, unchecked.

    Raises:
        yaml.YAMLError: when it is not YAML.
    """
    return _Loader(text).get_single_data()


def load_rules(
    path: Path,
    slide_seconds: int,
    dimensions: Collection[By],
    watched: Collection[str] = (),
    groups: Groups = MappingProxyType({}),
) -> RuleFile:
    """Read and check a rules file for a deployment.

    Args:
        path: the file.
        slide_seconds: the length of a pane, which windows must be a multiple of.
        dimensions: the dimensions that are emitted (the setting score.dimensions).
        watched: the names on the watchlist.
        groups: the keys of each of its groups, which a rule gets beside its own.

    Raises:
        RulesError: one line for each fault, with file, line, column and how to mend it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RulesError(
            f"rules file {path} can't be read ({error.strerror}); "
            "give its path with --rules or in the setting `rules`"
        ) from None
    except UnicodeDecodeError as error:
        raise RulesError(f"rules file {path} is not UTF-8: {error.reason}") from None
    try:
        tree, content = _Loader(text).get_single_node(), plain_content(text)
    except yaml.YAMLError as error:
        raise RulesError(_not_yaml(path, error)) from None
    try:
        rules = RuleFile.model_validate(content)
    except ValidationError as error:
        faults = [
            _fault(path, tree, fault["loc"], _WORDS.get(fault["type"], fault["msg"]))
            for fault in error.errors()
        ]
        raise RulesError("\n".join(faults)) from None
    faults = [
        _fault(path, tree, ("rules", i, field), message)
        for i, rule in enumerate(rules.rules)
        for field, message in _misfits(rule, slide_seconds, dimensions, watched)
    ]
    faults += [
        _fault(path, tree, ("rules", i, "match", "group"), message)
        for i, rule in enumerate(rules.rules)
        for message in group_faults(rule, groups)
    ]
    if faults:
        raise RulesError("\n".join(faults))
    about = tuple(resolved(rule, groups) for rule in rules.rules)
    return rules.model_copy(update={"rules": about})


def _misfits(
    rule: Rule, slide_seconds: int, dimensions: Collection[By], watched: Collection[str]
) -> Iterator[tuple[str, str]]:
    """The fields of a rule that don't fit the deployment, and why."""
    if rule.window % (slide_seconds * 1000):
        yield "window", f"must be a multiple of {slide_seconds}s (the setting watch.slide_seconds)"
    if rule.by not in dimensions:
        yield "by", f"{rule.by!r} is not emitted here; add it to the setting score.dimensions"
    shared_out = isinstance(rule, SurgeRule) and rule.false_alarms_for == "rule"
    named = rule.match.key or rule.match.group
    if shared_out and rule.by == "entity" and not named and not watched:
        yield (
            "false_alarms_for",
            "'rule' shares false alarms out among the series, and none is known here; name them "
            "in match.key or on a watchlist (the setting score.watchlist)",
        )


def _not_yaml(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    return f"{place}: not valid YAML: {getattr(error, 'problem', None) or error}"


def _fault(path: Path, tree: Any, location: tuple[int | str, ...], message: str) -> str:
    node, names = tree, []
    for part in location:
        child = _child(node, part)
        if child is not None:
            node = child
            names.append(str(part))
        elif part == location[-1]:
            names.append(str(part))
    place = f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}" if node else str(path)
    what = message.removeprefix("Value error, ")
    return f"{place}: {'.'.join(names) or 'the file'}: {what}"


def _child(node: Any, part: int | str) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None
