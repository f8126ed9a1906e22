"""What has to fit together in a rules file: rules with one another, and with the deployment.

Owns these checks alone. They go by the content as it was written, so that a rule with a fault of
its own is still held against the rest, and all faults are told at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from monitor.records import By
from monitor.rules.faults import RULES, owner_of
from monitor.rules.groups import Groups, group_fault
from monitor.surge.rules import parse_duration
from monitor.surge.template_check import check_template
from monitor.surge.words import WrongWordError, did_you_mean, shown
from monitor.yaml_document import Document, Fault, Location

_NAMED = {"rules": "alert", "receivers": "name", "maintenance": "name"}
_DIMENSIONS = ("topic", "entity", "all")


class Deployment(NamedTuple):
    """What a rules file is held against.

    `slide_seconds` is the length of a pane, `dimensions` what is emitted, `watched` the names on
    the watchlist and `groups` their groups, and `topics` those of the model bundle, None where
    they are not known.
    """

    slide_seconds: int
    dimensions: Collection[By]
    watched: Collection[str] = ()
    topics: Collection[str] | None = None
    groups: Groups = MappingProxyType({})


def misfits(document: Document, deployment: Deployment) -> Iterator[Fault]:
    """Everything in the file that does not fit the rest, or the deployment."""
    for section in _NAMED:
        yield from _repeated(document, section)
    receivers = _names(document, "receivers")
    for location, rule in _items(document, "rules"):
        for where, message, word in _of_rule(rule, receivers, deployment):
            text = f"{owner_of(document.content, location)}: {message}"
            yield document.at(location + where, text, word)
    for location, window in _items(document, "maintenance"):
        for where, message in _of_maintenance(window, _types(document)):
            text = f"{owner_of(document.content, location)}: {message}"
            yield document.at(location + where, text)


def untold(document: Document) -> Iterator[Fault]:
    """The rules that reach none of the receivers that there are."""
    told = [
        (one.get("name"), _listed(one.get("severities")))
        for _, one in _items(document, "receivers")
    ]
    for location, rule in _items(document, "rules") if told else ():
        severity, asked = rule.get("severity", "warning"), _listed(rule.get("receivers"))
        if any(
            (not asked or name in asked) and (not severities or severity in severities)
            for name, severities in told
        ):
            continue
        text = (
            f"{owner_of(document.content, location)}: reaches no receiver: none that it may tell "
            f"is told of severity {severity}"
        )
        yield document.at_key((*location, "severity" if "severity" in rule else "alert"), text)


_Misfit = tuple[Location, str, str]


def _of_rule(
    rule: Mapping[str, Any], receivers: Collection[str], deployment: Deployment
) -> Iterator[_Misfit]:
    asked = rule.get("receivers")
    for number, name in enumerate(asked if isinstance(asked, list) else ()):
        if isinstance(name, str) and name not in receivers:
            hint = did_you_mean(name, receivers) or "; name it under receivers"
            yield ("receivers", number), f"receivers: {shown(name)} is not a receiver{hint}", ""
    slide = deployment.slide_seconds
    for field in ("window", "every"):
        if field in rule and (duration := _duration(rule[field])) and duration % (slide * 1000):
            yield (
                (field,),
                f"{field}: {shown(rule[field])} must be a multiple of {slide}s "
                "(the setting watch.slide_seconds)",
                "",
            )
    yield from _of_series(rule, deployment)
    kind = rule.get("type")
    if not (isinstance(kind, str) and kind in RULES):
        return  # what its alerts hold is not known
    for section in ("labels", "annotations"):
        for name, text in _mapping(rule.get(section)).items():
            if isinstance(text, str):
                raw = rule.get("counting") == "raw"
                try:
                    check_template(text, kind, counts_raw=raw)
                except ValueError as error:
                    word = error.word if isinstance(error, WrongWordError) else ""
                    yield (section, name), f"{section}.{name}: {error}", word


def _of_series(rule: Mapping[str, Any], deployment: Deployment) -> Iterator[_Misfit]:
    by = rule.get("by", "all" if rule.get("type") == "dead_man" else None)
    if by not in _DIMENSIONS:
        return
    if by not in deployment.dimensions:
        where: Location = ("by",) if "by" in rule else ("type",)
        yield where, f"by: '{by}' is not emitted here; add it to the setting score.dimensions", ""
    match = _mapping(rule.get("match"))
    keys = _listed(match.get("key"))
    known = {
        "topic": None if deployment.topics is None else {*deployment.topics, "none"},
        "entity": set(deployment.watched) or None,
        "all": {"all"},
    }[by]
    for number, key in enumerate(keys):
        if known is not None and isinstance(key, str) and key not in known:
            what = {"topic": "a topic of the model", "entity": "on the watchlist"}
            told = what.get(by, "a key of by: all, whose one key is all")
            hint = did_you_mean(key, known) or (_few(known) if by == "topic" else "")
            yield ("match", "key", number), f"match.key: {shown(key)} is not {told}{hint}", ""
    groups = _listed(match.get("group"))
    for number, group in enumerate(groups):
        if (fault := group_fault(group, by, deployment.groups)) is not None:
            yield ("match", "group", number), f"match.group: {fault}", ""
    shares = rule.get("type") == "surge" and rule.get("false_alarms_for") == "rule"
    if shares and by == "entity" and not (keys or groups or deployment.watched):
        yield (
            ("false_alarms_for",),
            "false_alarms_for: 'rule' shares false alarms out among the series, and none is known "
            "here; name them in match.key or on a watchlist (the setting score.watchlist)",
            "",
        )


def _of_maintenance(
    window: Mapping[str, Any], types: Mapping[str, object]
) -> Iterator[tuple[Location, str]]:
    for number, name in enumerate(_listed(window.get("rules"))):
        if not isinstance(name, str):
            continue
        if name not in types:
            hint = did_you_mean(name, types) or f"; there are {', '.join(types) or 'none'}"
            yield ("rules", number), f"rules: {shown(name)} is not a rule{hint}"
        elif types[name] == "dead_man":
            yield (
                ("rules", number),
                f"rules: {shown(name)} is a dead_man rule, which is told in maintenance too; "
                "leave it out",
            )


def _repeated(document: Document, section: str) -> Iterator[Fault]:
    field, seen = _NAMED[section], dict[str, int]()
    for location, item in _items(document, section):
        name = item.get(field)
        if not isinstance(name, str):
            continue
        at = document.at((*location, field), "")
        if name in seen:
            what = {"rules": "rule", "receivers": "receiver"}.get(section, "maintenance window")
            text = (
                f"{owner_of(document.content, location)}: {field}: {shown(name)} names another "
                f"{what} too, on line {seen[name]}; give each its own name"
            )
            yield at._replace(message=text)
        seen.setdefault(name, at.line)


def _items(document: Document, section: str) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """The parts of a section that are mappings, each with its location."""
    found = _mapping(document.content).get(section)
    for number, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield (section, number), item


def _names(document: Document, section: str) -> list[str]:
    field = _NAMED[section]
    names = (item.get(field) for _, item in _items(document, section))
    return [name for name in names if isinstance(name, str)]


def _types(document: Document) -> dict[str, object]:
    """The type of each rule, by its name."""
    return {
        rule["alert"]: rule.get("type")
        for _, rule in _items(document, "rules")
        if isinstance(rule.get("alert"), str)
    }


def _few(known: Collection[str]) -> str:
    return f"; there are {', '.join(sorted(known)[:20])}" if known else ""


def _duration(value: object) -> int:
    try:
        return parse_duration(value)
    except ValueError:
        return 0


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[Any]:
    """What a list holds, or one text alone."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []
