"""Reading `alerts.yaml`: from a file to checked rules and receivers, or to all of its faults.

Owns the file's shape and the order of its checks. What is YAML is in `document`, how faults
read in `faults`, what must fit together in `checks`; what a rule may say is in
`monitor.surge`, what a receiver may say in `monitor.delivery.receivers`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema

from monitor.delivery.receivers import Receiver
from monitor.errors import RulesError
from monitor.records import By
from monitor.rules.checks import Deployment, misfits, untold
from monitor.rules.faults import told, unknown_field
from monitor.rules.groups import Groups, resolved
from monitor.surge.maintenance import Maintenance
from monitor.surge.rules import Rule
from monitor.surge.words import shown
from monitor.yaml_document import Document, Fault, UnreadableError, read_yaml

_ITEMS: dict[str, TypeAdapter[Any]] = {
    "receivers": TypeAdapter(Receiver),
    "rules": TypeAdapter(Rule),
    "maintenance": TypeAdapter(Maintenance),
}


class RuleFile(BaseModel):
    """The content of `alerts.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    receivers: tuple[Receiver, ...] = ()
    rules: tuple[Rule, ...]
    maintenance: tuple[Maintenance, ...] = ()
    warnings: SkipJsonSchema[tuple[str, ...]] = Field(
        (), description="What is allowed but hardly meant, a line each; `load_rules` finds it."
    )

    @property
    def topics(self) -> frozenset[str]:
        """The topics that rules name."""
        return frozenset(key for rule in self.rules if rule.by == "topic" for key in rule.match.key)


def default_rules() -> Path:
    """The `alerts.yaml` that newsurge ships: in the package, or beside it in a checkout."""
    packaged = Path(str(resources.files("monitor"))) / "alerts.yaml"
    return packaged if packaged.is_file() else packaged.parent.parent / "alerts.yaml"


def plain_content(text: str) -> Any:
    """What a rules file says, unchecked.

    Raises:
        UnreadableError: when it is not YAML.
    """
    return read_yaml(text).content


def load_rules(
    path: Path,
    slide_seconds: int,
    dimensions: Collection[By],
    watched: Collection[str] = (),
    topics: Collection[str] | None = None,
    groups: Groups = MappingProxyType({}),
) -> RuleFile:
    """Read and check a rules file for a deployment.

    Args:
        path: the file.
        slide_seconds: the length of a pane, which windows must be a multiple of.
        dimensions: the dimensions that are emitted (the setting score.dimensions).
        watched: the names on the watchlist.
        topics: those of the model bundle, where they are known.
        groups: the keys of each group of the watchlist, which a rule gets beside its own.

    Raises:
        RulesError: one line for each fault, with file, line, column and how to mend it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RulesError(
            f"rules file {path} can't be read ({error.strerror}); "
            "give its path with --rules or in the setting `rules`; "
            f"one to begin with is {default_rules()}"
        ) from None
    except UnicodeDecodeError as error:
        raise RulesError(f"rules file {path} is not UTF-8: {error.reason}") from None
    try:
        document = read_yaml(text)
    except UnreadableError as error:
        raise RulesError(_lines(path, [error.fault])) from None
    faults = [*document.faults, *_shape(document)]
    if isinstance(document.content, dict):
        deployment = Deployment(slide_seconds, dimensions, watched, topics, groups)
        faults += misfits(document, deployment)
    if faults:
        raise RulesError(_lines(path, faults))
    warnings = _lines(path, untold(document)).splitlines()
    rules = RuleFile.model_validate({**document.content, "warnings": warnings})
    about = tuple(resolved(rule, groups) for rule in rules.rules)
    return rules.model_copy(update={"rules": about})


def _shape(document: Document) -> Iterator[Fault]:
    """The faults of the file as a whole, and of each of its parts alone."""
    content = document.content
    if content is None:
        yield Fault(1, 1, "the file is empty; it needs the field 'rules', a list of rules")
        return
    if not isinstance(content, dict):
        yield document.at((), f"the file must be a mapping with rules, not {shown(content)}")
        return
    for name in content:
        if name not in _ITEMS:
            yield document.at_key((name,), unknown_field(name, list(_ITEMS), "the file"))
    if "rules" not in content:
        yield document.at((), "the file needs the field 'rules', a list of rules")
    for section in _ITEMS.keys() & content.keys():
        if isinstance(content[section], list):
            yield from _items(document, section)
        else:
            what = f"{section}: must be a list, not {shown(content[section])}"
            yield document.at((section,), what)


def _items(document: Document, section: str) -> Iterator[Fault]:
    for number, item in enumerate(document.content[section]):
        try:
            _ITEMS[section].validate_python(item)
        except ValidationError as error:
            yield from told(document, (section, number), error)


def _lines(path: Path, faults: Collection[Fault] | Iterator[Fault]) -> str:
    """The faults in the order of their places, each once, as lines."""
    in_order = sorted(dict.fromkeys(faults))
    return "\n".join(f"{path}:{fault.line}:{fault.column}: {fault.message}" for fault in in_order)
