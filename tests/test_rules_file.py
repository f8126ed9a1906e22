from pathlib import Path

import pytest

from monitor.errors import RulesError
from monitor.records import By
from monitor.rules_file import RuleFile, default_rules, load_rules

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


def test_all_faults_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    text = """\
rules:
  - alert: no spaces
    type: surge
    by: topik
    window: 1x
    colour: red
  - alert: B
    type: threshold
    by: topic
    window: 1h
    when: negatve_share > 1
"""
    assert faults(tmp_path, text) == [
        "/alerts.yaml:2:12: rules.0.alert: String should match pattern '^[A-Za-z_][A-Za-z0-9_]*$'",
        "/alerts.yaml:4:9: rules.0.by: Input should be 'topic', 'entity' or 'all'",
        "/alerts.yaml:5:13: rules.0.window: '1x' is not a duration; "
        "write it as 90s, 15m, 2h, 7d or 1h30m",
        "/alerts.yaml:6:13: rules.0.colour: there is no such field",
        "/alerts.yaml:11:11: rules.1.when: 'negatve_share' is not one of "
        "negative_share, mean_score, count, negative_count",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [", "alerts.yaml:1:9: not valid YAML"),
        ("rules: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
        ("", "the file: must be a mapping"),
        ("receivers: []\n", "rules: is needed"),
        (GOOD.replace("1h", "90s"), "1:window: must be a multiple of 60s"),
        (GOOD.replace("all", "entity"), "'entity' is not emitted here"),
        (GOOD + GOOD.removeprefix("rules:\n"), "rule names must differ; given twice: A"),
        (GOOD.replace("1h", "1h, receivers: [desk]"), "unknown receivers: desk"),
        (GOOD.replace("type", "kind"), "rules.0: needs a type: threshold, surge or absent"),
        ("rules: 3\n", "rules: must be a list"),
        (GOOD.replace("absent", "sudden"), "'threshold', 'surge', 'absent'"),
        (GOOD.replace("window: 1h", "window: 0s"), "greater than 0"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    assert says.removeprefix("1:") in "\n".join(faults(tmp_path, text))


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
    with pytest.raises(RulesError, match=r":2:\d+: rules.0.false_alarms_for: .*match\.key"):
        load_rules(path, 60, (*DIMENSIONS, "entity"), watched)


def test_on_is_a_field_and_no_a_language_but_true_is_a_truth_value(tmp_path: Path) -> None:
    text = "rules:\n  - alert: A\n    type: surge\n    by: all\n    on: share\n"
    rules = load(tmp_path, text + "    match: {language: no}\n")
    assert getattr(rules.rules[0], "on", None) == "share"
    assert rules.rules[0].match.language == ("no",)
    assert faults(tmp_path, text.replace("share", "true"))
