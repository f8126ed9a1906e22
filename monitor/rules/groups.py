"""Rules about a group of the watchlist: its keys put in its place, or what is wrong with it.

Owns that alone. A group is known by the watchlist, which the core doesn't read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from monitor.records import By
from monitor.surge.rules import Rule
from monitor.surge.words import did_you_mean, shown

Groups = Mapping[str, Collection[str]]
"""The keys of each group (`Watchlist.groups`)."""


def group_fault(group: object, by: By, groups: Groups) -> str | None:
    """What is wrong with a group that a rule by this dimension names, if anything is."""
    if by != "entity":
        return (
            "a group is one of names on the watchlist, so it goes with 'by: entity' only; "
            f"with 'by: {by}' name the series in match.key"
        )
    if not isinstance(group, str) or group in groups:
        return None
    return f"there is no group {shown(group)} on the watchlist{_instead(group, groups)}"


def resolved(rule: Rule, groups: Groups) -> Rule:
    """The rule about the keys of its groups, beside those that it names itself.

    Raises:
        KeyError: when it names a group that there is not.
    """
    keys = {*rule.match.key, *(key for group in rule.match.group for key in groups[group])}
    match = rule.match.model_copy(update={"key": tuple(sorted(keys))})
    return rule.model_copy(update={"match": match})


def _instead(group: str, groups: Groups) -> str:
    if not groups:
        return (
            "; give its names one in the column 'group' (the setting score.watchlist names the "
            "file)"
        )
    return did_you_mean(group, groups) or f"; there are {', '.join(groups)}"
