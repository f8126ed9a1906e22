from pathlib import Path

import pytest

from monitor.errors import RulesError
from monitor.records import By
from monitor.rules.file import RuleFile, default_rules, load_rules

DIMENSIONS: tuple[By, ...] = ("topic", "all")
GOOD = "rules:\n  - {alert: A, type: absent, by: all, window: 1h}\n"


def load(tmp_path: Path, text: str) -> RuleFile:
    path = tmp_path / "alerts.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path, 60, DIMENSIONS)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(RulesError) as error:
        load(tmp_path, text)
    return str(error.value).replace(str(tmp_path), "").splitlines()


def test_the_shipped_rules_can_be_used_as_they_stand() -> None:
    rules = load_rules(default_rules(), 60, ("topic", "entity", "all"))
    assert {rule.type for rule in rules.rules} == {"surge", "threshold", "absent"}
    assert rules.receivers == ()


def test_faults_are_in_the_order_of_the_file_whoever_found_them(tmp_path: Path) -> None:
    text = """\
receivers:
  - {name: desk, webhook: {url: https://desk.example/, secret_env: S, secret_env: T}}
rules:
  - {alert: A, type: absent, by: all, window: 90s, receivers: [dask]}
  - {alert: B, type: absent, by: alle, window: 90s}
  - {alert: A, type: absent, by: entity, window: 1h}
"""
    assert [line.split(": ")[0] for line in faults(tmp_path, text)] == [
        "/alerts.yaml:2:71",
        "/alerts.yaml:4:47",
        "/alerts.yaml:4:64",
        "/alerts.yaml:5:34",
        "/alerts.yaml:5:48",
        "/alerts.yaml:6:13",
        "/alerts.yaml:6:34",
    ]


def test_a_rule_may_take_over_what_another_says_and_say_more(tmp_path: Path) -> None:
    text = """\
rules:
  - &usual {alert: A, type: absent, by: all, window: 1h, severity: info}
  - {<<: *usual, alert: B, window: 2h}
"""
    first, second = load(tmp_path, text).rules
    assert (second.alert, second.window, second.severity) == ("B", 2 * first.window, "info")
    wrong = text.replace("2h", "2x").replace("*usual,", "*usual, severity: loud,")
    assert [line.split(": ")[0] for line in faults(tmp_path, wrong)] == [
        "/alerts.yaml:3:28",
        "/alerts.yaml:3:52",
    ]


def test_a_rule_that_reaches_no_receiver_is_a_warning(tmp_path: Path) -> None:
    text = """\
receivers:
  - &hook {name: desk, severities: [critical], webhook: {url_env: U, secret_env: S}}
  - {<<: *hook, name: ops, severities: [info, critical]}
rules:
  - {alert: A, type: absent, by: all, window: 1h}
  - {alert: B, type: absent, by: all, window: 1h, severity: info, receivers: [desk]}
  - {alert: C, type: absent, by: all, window: 1h, severity: info}
"""
    told = [line.replace(str(tmp_path), "") for line in load(tmp_path, text).warnings]
    assert told == [
        "/alerts.yaml:5:6: rule A: reaches no receiver: none that it may tell is told of "
        "severity warning",
        "/alerts.yaml:6:51: rule B: reaches no receiver: none that it may tell is told of "
        "severity info",
    ]
    assert load(tmp_path, GOOD).warnings == ()


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="--rules"):
        load_rules(tmp_path / "none.yaml", 60, DIMENSIONS)


SURGE = "rules:\n  - {alert: A, type: surge, by: entity, false_alarms_for: rule%s}\n"


@pytest.mark.parametrize(
    ("more", "watched", "usable"),
    [("", (), False), ("", ("LKFB",), True), (", match: {key: LKFB}", (), True)],
)
def test_false_alarms_of_a_rule_need_series_that_are_known(
    tmp_path: Path, more: str, watched: tuple[str, ...], usable: bool
) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(SURGE % more)
    if usable:
        assert load_rules(path, 60, (*DIMENSIONS, "entity"), watched).rules
        return
    with pytest.raises(RulesError, match=r":2:\d+: rule A: false_alarms_for: .*match\.key"):
        load_rules(path, 60, (*DIMENSIONS, "entity"), watched)


def test_on_is_a_field_and_no_a_language_but_true_is_a_truth_value(tmp_path: Path) -> None:
    text = "rules:\n  - alert: A\n    type: surge\n    by: all\n    on: share\n"
    rules = load(tmp_path, text + "    match: {language: no}\n")
    assert getattr(rules.rules[0], "on", None) == "share"
    assert rules.rules[0].match.language == ("no",)
    assert faults(tmp_path, text.replace("share", "true"))


def test_where_there_is_no_file_one_to_begin_with_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="--rules") as error:
        load_rules(tmp_path / "alerts.yaml", 60, DIMENSIONS)
    named = Path(str(error.value).rsplit(" is ", 1)[1])
    assert load_rules(named, 60, DIMENSIONS).rules
