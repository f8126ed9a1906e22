"""docs/RULES.md is true: its examples are run, and it leaves out no field."""

import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it carries no types
import msgspec
import pytest

from monitor import schemas
from monitor.errors import RulesError
from monitor.rules.file import load_rules
from monitor.rules.words import FIELDS
from monitor.surge.template_nodes import NAMES
from monitor.surge.templates import environment
from monitor.yaml_document import read_yaml
from tests.surge.test_scenarios import run_scenario

DOCUMENT = (Path(__file__).parents[2] / "docs" / "RULES.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
SCENARIOS = [text for text in EXAMPLES if text.startswith("scenario:")]
SCHEMA = jsonschema.Draft202012Validator(msgspec.json.decode(schemas.schemas()["alerts"]))


def rules_of(example: str) -> str:
    """An example as a rules file: a scenario without what happens in it."""
    played = r"^(scenario|because|input|told|given):(.*\n(  .*\n)*)"
    return re.sub(played, "", example, flags=re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_used(example: str, tmp_path: Path) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(rules_of(example), encoding="utf-8")
    topics = ["banking", "oil", "politics"]
    rules = load_rules(path, 60, ["topic", "entity", "all"], ["LKFB"], topics)
    assert rules.rules
    assert rules.warnings == ()
    assert list(SCHEMA.iter_errors(read_yaml(rules_of(example)).content)) == []


@pytest.mark.parametrize("example", SCENARIOS)
def test_every_scenario_happens_as_it_is_told(example: str) -> None:
    run_scenario(read_yaml(example).content)


def test_there_are_examples_of_every_type() -> None:
    assert len(SCENARIOS) >= 6
    for kind in ("threshold", "surge", "absent", "dead_man"):
        assert any(f"type: {kind}" in example for example in EXAMPLES)


def test_no_field_is_left_out() -> None:
    webhooks = {"webhook", "url", "url_env", "url_file", "secret_env", "secret_file"}
    assert [name for name in FIELDS.keys() - webhooks if f"`{name}`" not in DOCUMENT] == []
    templates = DOCUMENT.split("## Labels and annotations")[1].split("\n## ")[0]
    assert [name for name in NAMES if name not in templates] == []
    assert [name for name in environment().filters if f"`{name}" not in templates] == []


def test_the_faults_that_it_shows_are_what_is_said(tmp_path: Path) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(
        "# one\nrules:\n  - alert: BankRun\n    by: topik\n    type: surge\n    false_alarm: 1\n"
    )
    shown = DOCUMENT.split("```text\n")[1].split("```")[0]
    with pytest.raises(RulesError) as error:
        load_rules(path, 60, ["topic", "entity", "all"])
    assert str(error.value).replace(f"{tmp_path}/", "") == shown.strip()
