"""A rule about a group of the watchlist is the same rule with the group's keys in its place."""

from pathlib import Path
from typing import Any

import pytest

from monitor.errors import RulesError
from monitor.records import Series
from monitor.rules.file import RuleFile, load_rules
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings
from monitor.surge.rules import SurgeRule
from monitor.watch_plan import watch_plan

SPELLINGS = {"Northgate": "NGB", "Oake": "OAKE", "Glenrock": "GEM"}
NAMES = Watchlist(SPELLINGS, {"banks": ("NGB", "OAKE"), "miners": ("GEM",)})
BANKS = "{alert: A, type: surge, by: entity, false_alarms_for: rule, match: {group: banks}}"


def load(tmp_path: Path, rule: str, names: Watchlist = NAMES) -> RuleFile:
    path = tmp_path / "alerts.yaml"
    path.write_text(f"rules:\n  - {rule}\n", encoding="utf-8")
    return load_rules(path, 60, ("topic", "entity", "all"), names.keys, None, names.groups)


def plan_hash(tmp_path: Path, rule: str, names: Watchlist = NAMES) -> str:
    plan = watch_plan(Settings(), load(tmp_path, rule, names), ("oil",), names)
    return plan.hash_of(plan.rules[0])


@pytest.mark.parametrize(
    ("match", "about"),
    [
        ("{group: banks}", {"NGB", "OAKE"}),
        ("{group: [banks, miners]}", {"NGB", "OAKE", "GEM"}),
        ("{group: miners, key: OAKE}", {"GEM", "OAKE"}),
        ("{group: miners, key: [GEM, NGB]}", {"GEM", "NGB"}),
        ("{group: []}", {"NGB", "OAKE", "GEM", "X"}),
    ],
)
def test_a_rule_about_groups_is_about_their_keys_and_its_own(
    tmp_path: Path, match: str, about: set[str]
) -> None:
    [rule] = load(tmp_path, BANKS.replace("{group: banks}", match)).rules
    assert {key for key in (*NAMES.keys, "X") if rule.concerns(Series("entity", key))} == about
    assert not rule.concerns(Series("topic", "NGB"))


def test_false_alarms_of_a_rule_are_shared_out_among_the_groups_keys(tmp_path: Path) -> None:
    plan = watch_plan(Settings(), load(tmp_path, BANKS), ("oil",), NAMES)
    [rule] = plan.rules
    assert plan.concerned == {"A": 2}
    assert isinstance(rule, SurgeRule)
    assert plan.tolerated(rule) == 2 * rule.false_alarms


def test_a_hash_tells_of_the_keys_not_of_the_groups_name(tmp_path: Path) -> None:
    own = plan_hash(tmp_path, BANKS)
    renamed = Watchlist(SPELLINGS, {"lenders": ("OAKE", "NGB"), "miners": ("GEM",)})
    smaller = Watchlist(SPELLINGS, {"banks": ("NGB",)})
    exchanged = Watchlist(SPELLINGS, {"banks": ("NGB", "GEM")})
    assert own == plan_hash(tmp_path, BANKS.replace("group: banks", "key: [NGB, OAKE]"))
    assert own == plan_hash(tmp_path, BANKS.replace("banks", "lenders"), renamed)
    others = {plan_hash(tmp_path, BANKS, each) for each in (smaller, exchanged)}
    assert len(others | {own}) == 3


def test_a_group_that_nobody_has_resolved_is_about_nothing() -> None:
    fields: dict[str, Any] = {"alert": "A", "type": "absent", "by": "entity", "window": "1h"}
    [rule] = RuleFile.model_validate({"rules": [fields | {"match": {"group": "banks"}}]}).rules
    assert not any(rule.concerns(Series("entity", key)) for key in NAMES.keys)


@pytest.mark.parametrize(
    ("rule", "names", "says"),
    [
        (BANKS.replace("banks", "bank"), NAMES, "no group 'bank' on the watchlist; did you mean"),
        (BANKS.replace("banks", "BANKS"), NAMES, "no group 'BANKS' on the watchlist; did you mean"),
        (BANKS.replace("banks", "oil"), NAMES, "no group 'oil' on the watchlist; there are banks"),
        (BANKS, Watchlist(SPELLINGS), "no group 'banks' on the watchlist; give its names one in"),
        (BANKS.replace("entity", "topic"), NAMES, "goes with 'by: entity' only; with 'by: topic' "),
        (BANKS.replace("entity", "all"), NAMES, "goes with 'by: entity' only; with 'by: all' name"),
    ],
)  # fmt: skip
def test_a_group_that_there_is_not_is_a_fault_with_its_place(
    tmp_path: Path, rule: str, names: Watchlist, says: str
) -> None:
    with pytest.raises(RulesError) as error:
        load(tmp_path, rule, names)
    [fault] = str(error.value).splitlines()
    assert fault.startswith(f"{tmp_path}/alerts.yaml:2:")
    assert "rule A: match.group: " in fault
    assert says in fault


def test_all_unknown_groups_are_told_at_once(tmp_path: Path) -> None:
    rule = BANKS.replace("group: banks", "group: [bank, miner, miners]")
    with pytest.raises(RulesError) as error:
        load(tmp_path, rule)
    assert [("'bank'" in line, "'miner'" in line) for line in str(error.value).splitlines()] == [
        (True, False), (False, True),
    ]  # fmt: skip
