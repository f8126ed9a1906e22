"""Every word that is said of a broken rules file, in a table (`broken.yaml`)."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import RulesError
from monitor.rules.file import default_rules, load_rules

TABLE = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text(encoding="utf-8"))
JARGON = ("Input should", "pydantic", "valid dictionary", "None", "True", "tuple", "Value error")


@pytest.mark.parametrize("case", TABLE, ids=[case["name"] for case in TABLE])
def test_a_broken_file_is_told_with_every_fault_in_its_place(
    case: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(case["content"], encoding="utf-8")
    with pytest.raises(RulesError) as error:
        load_rules(
            path,
            60,
            case.get("dimensions", ["topic", "entity", "all"]),
            case.get("watched", ["LKFB", "HRWC"]),
            ["banking", "oil", "politics"],
        )
    told = str(error.value)
    assert told.replace(f"{path}:", "").splitlines() == case["says"]
    assert "T0KEN" not in told


def test_the_table_is_long_enough_and_free_of_a_librarys_words() -> None:
    names = [case["name"] for case in TABLE]
    assert len(names) == len(set(names)) >= 45
    said = [line for case in TABLE for line in case["says"]]
    assert not [line for line in said for word in JARGON if word in line]


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """The shipped file with a stretch of it replaced by something else."""
    text = default_rules().read_text(encoding="utf-8")
    begin = draw(st.integers(0, len(text)))
    end = begin + draw(st.sampled_from([0, 1, 5, 40]))
    put = draw(
        st.sampled_from(["", ":", "- ", "\n", "{", "[", "'", "&a ", "*a", "!!int ", "{{", "~", "?"])
        | st.text(max_size=8)
    )
    return text[:begin] + put + text[end:]


@settings(max_examples=150)
@given(spoilt())
def test_however_a_file_is_spoilt_it_is_read_or_told_by_line_and_column(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "spoilt.yaml"
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        load_rules(path, 60, ("topic", "entity", "all"))
    except RulesError as error:
        for line in str(error).splitlines():
            number, column = line.removeprefix(f"{path}:").split(":")[:2]
            assert int(number) >= 1
            assert int(column) >= 1
