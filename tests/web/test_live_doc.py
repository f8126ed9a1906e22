"""docs/LIVE.md, the page's files and the contract of its messages say the same."""

import re
from pathlib import Path

import pytest

from monitor.live.messages import ALERTS, HEADLINES
from monitor.live.process import _TIMED
from monitor.live.records import STALE_SECONDS, STATES
from monitor.web.page import STATIC

DOCS = Path(__file__).parent.parent.parent / "docs"
LIVE = (DOCS / "LIVE.md").read_text(encoding="utf-8")


def source(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def constant(name: str, file: str) -> str:
    [value] = re.findall(rf"^const {name} = (.+);$", source(file), re.MULTILINE)
    return str(value)


def test_the_states_are_those_of_a_series() -> None:
    rows = re.findall(r"^\| (\w+) \| [\w ]*(?:triangle|diamond|circle|dot) \|", LIVE, re.MULTILINE)
    assert set(rows) == set(STATES)
    assert set(re.findall(r'"(\w+)"', constant("STATES", "series.js"))) == set(STATES)


def test_the_page_holds_as_much_as_it_is_sent() -> None:
    assert int(constant("HEADLINES", "store.js")) == HEADLINES
    assert int(constant("ALERTS", "store.js")) == ALERTS
    assert f"newest {HEADLINES} headlines and {ALERTS} alert events" in LIVE


@pytest.mark.parametrize(
    ("words", "file", "name", "value"),
    [
        ("after 20 seconds without word", "topbar.js", "STALE_MS", "20_000"),
        ("in 30 bars", "sparkline.js", "SLOTS", "30"),
        ("A hundred are shown at once", "series.js", "AT_ONCE", "100"),
        ("for 30 seconds after your last move", "headlines.js", "READING_MS", "30_000"),
        ("after 45 seconds it is taken", "pipeline.js", "STALE_MS", "45_000"),
    ],
)
def test_numbers_are_those_of_the_page(words: str, file: str, name: str, value: str) -> None:
    assert words in " ".join(LIVE.split())
    assert constant(name, file) == value


def test_what_is_timed_is_explained() -> None:
    assert STALE_SECONDS == 45
    for name in _TIMED:
        assert f"`{name}`" in LIVE


def test_every_link_and_picture_of_the_page_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)", LIVE)
    assert [one for one in targets if not (DOCS / one).is_file()] == []


def test_no_file_has_markup_from_text_or_reaches_elsewhere() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser"
        r"|setAttribute\(\"on|\son\w+=|<style|style=|javascript:|@import|url\("
    )
    reaches = re.compile(r"https?://(?!www\.w3\.org/2000/svg)")
    files = sorted(STATIC.iterdir())
    assert len(files) > 15
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not forbidden.findall(text), file.name
        assert not reaches.findall(text), file.name


def test_every_file_that_is_named_is_there() -> None:
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8")
        named = re.findall(r'"static/([\w.-]+)"', text) + re.findall(r'from "\./([\w.]+)"', text)
        assert [name for name in named if not (STATIC / name).is_file()] == [], file.name
