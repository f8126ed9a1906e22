"""docs/WATCHLIST.md: what it says of the example list holds."""

import re
from pathlib import Path

import pytest

from monitor.records import NewsItem
from monitor.rules.file import load_rules
from monitor.scoring.names import LONGEST_TICKER
from monitor.scoring.watchlist import COLUMNS, MOST_CHARACTERS, load_watchlist
from monitor.settings import ScoreSettings

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "WATCHLIST.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "watchlist.csv"
CASES = re.findall(r"^\| [^|`]+ \| `([^`]+)` \| ([^|]*)\|$", GUIDE, re.MULTILINE)


def block(language: str, number: int = 0) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return blocks[number]


def test_the_tables_rows_are_found() -> None:
    assert len(CASES) == 15
    assert re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE) == list(COLUMNS)


@pytest.mark.parametrize(("title", "keys"), CASES)
def test_each_row_of_the_table_is_true(title: str, keys: str) -> None:
    item = NewsItem(id="n", title=title)
    assert ", ".join(load_watchlist(EXAMPLE).match(item, 8)) == keys.strip()


def test_the_lines_shown_are_those_of_the_example() -> None:
    assert set(block("csv").splitlines()) <= set(EXAMPLE.read_text(encoding="utf-8").splitlines())


def test_the_rule_shown_is_about_the_examples_banks(tmp_path: Path) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(block("yaml", 1), encoding="utf-8")
    names = load_watchlist(EXAMPLE)
    found = load_rules(path, 60, ScoreSettings().dimensions, names.keys, groups=names.groups)
    [rule] = found.rules
    assert set(rule.match.key) == set(names.groups["banks"])
    assert len(rule.match.key) > 1


def test_the_numbers_said_are_those_that_hold() -> None:
    assert f"first {MOST_CHARACTERS:,}\ncharacters" in GUIDE
    assert f"`score.max_entities` ({ScoreSettings().max_entities})" in GUIDE
    assert (LONGEST_TICKER, "at most five characters in capitals" in GUIDE) == (5, True)
