"""Rules about a group of the watchlist: its keys put in its place, or what is wrong with it.

Owns that alone. A group is known by the watchlist, which the core doesn't read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from monitor.surge.rules import Rule

Groups = Mapping[str, Collection[str]]
"""The keys of each group (`Watchlist.groups`)."""


def group_faults(rule: Rule, groups: Groups) -> Iterator[str]:
    """What is wrong with the field match.group of a rule."""
    if rule.match.group and rule.by != "entity":
        yield (
            "a group is one of names on the watchlist, so it goes with 'by: entity' only; "
            f"with 'by: {rule.by}' name the series in match.key"
        )
        return
    for group in rule.match.group:
        if group not in groups:
            yield f"there is no group {group!r} on the watchlist; {_instead(group, groups)}"


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
            "give its names one in the column 'group' (the setting score.watchlist names the file)"
        )
    by_folded = {each.casefold(): each for each in groups}
    near = get_close_matches(group.casefold(), by_folded, n=1)
    return f"did you mean {by_folded[near[0]]!r}?" if near else f"there are {', '.join(groups)}"
