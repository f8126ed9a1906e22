"""The report and the JSON: self-contained, inert whatever the news says, and as their schema."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it carries no types
import msgspec
import pytest
from click.testing import CliRunner

from monitor.backtest.page import page
from monitor.backtest.result import Backtest
from monitor.backtest.running import backtest_files
from monitor.cli import cli
from monitor.errors import FeedError
from monitor.records import NewsItem
from monitor.settings import Settings
from tests.backtest.history import (
    BANKING,
    MANY,
    SURGE,
    options,
    scored,
    write_lines,
    write_rules,
)  # fmt: skip

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202e\x1b[31m'
SCHEMAS = Path(__file__).parent.parent.parent / "docs" / "schemas"


@pytest.fixture
def found(tmp_path: Path) -> Backtest:
    def evil(number: int) -> NewsItem:
        link = "javascript:alert(3)" if number % 2 else 'https://news.example/"><script>'
        return NewsItem(id=f"n{number}", title=f"{EVIL} {number}", source=EVIL, url=link)

    records = [scored(i, i / 2, item=evil(i)) for i in range(8)]
    history = write_lines(tmp_path / "a<b>.jsonl", [*records, b"<script>"])
    rules = write_rules(tmp_path, MANY, "a&b.yaml"), write_rules(tmp_path, SURGE, "c.yaml")
    return backtest_files([history], Settings(), options(tmp_path, *rules, with_curve=True))


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_report_is_inert_whatever_the_news_says(found: Backtest) -> None:
    assert found.outcomes[0].alarms
    text = page(found)
    elements = Elements(text)
    names = {tag for tag, _ in elements.tags}
    assert not names & {"script", "img", "iframe", "object", "link", "form", "base"}
    assert "<script>alert(1)</script>" in elements.words  # as text
    assert "\u202e" not in text
    assert "\x1b" not in text
    for _, attributes in elements.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        link = attributes.get("href")
        assert link is None or link.startswith(("https://", "http://"))


def test_the_report_asks_for_nothing(found: Backtest) -> None:
    text = page(found)
    elements = Elements(text)
    [policy] = [
        attributes["content"] or ""
        for tag, attributes in elements.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "url(" not in style
    assert "@import" not in style
    assert not any(attributes.get("src") for _, attributes in elements.tags)


def test_every_alarm_is_in_the_report_with_its_series(found: Backtest) -> None:
    words = Elements(page(found)).words
    for outcome in found.outcomes:
        for alarm in outcome.alarms:
            assert alarm.id in words
    assert str(BANKING) in words
    assert "not_scored" in words


def test_the_json_is_as_its_schema_says(found: Backtest) -> None:
    schema = msgspec.json.decode((SCHEMAS / "backtest.schema.json").read_bytes())
    content = msgspec.json.encode(found)
    jsonschema.Draft202012Validator(schema).validate(msgspec.json.decode(content))
    assert msgspec.json.decode(content, type=Backtest) == found


def test_the_command_writes_what_is_asked_for(tmp_path: Path) -> None:
    history = write_lines(tmp_path / "h.jsonl", [scored(i, i / 2) for i in range(8)])
    rules, other = write_rules(tmp_path), write_rules(tmp_path, SURGE, "other.yaml")
    events = tmp_path / "events.csv"
    events.write_text("series,start,name\ntopic=Banking,2025-10-08T12:00:00Z,A run\n")
    report, result = tmp_path / "out.html", tmp_path / "out.json"
    arguments = [
        "backtest", str(history), "--rules", str(rules), "--rules", str(other), "--events",
        str(events), "--report", str(report), "--json", str(result), "--no-curve",
    ]  # fmt: skip
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "rules.yaml: 1 alarms" in done.output
    assert "Many" in done.output
    found = msgspec.json.decode(result.read_bytes(), type=Backtest)
    assert [len(outcome.alarms) for outcome in found.outcomes] == [1, 0]
    assert found.comparison is not None
    assert not any(outcome.curve for outcome in found.outcomes)
    assert report.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give files of history"),
        (["h.jsonl", "--stream", "scored"], "give files of history"),
        (["h.jsonl", *["--rules", "a.yaml"] * 3], "2 times at most"),
    ],
)
def test_what_does_not_fit_together_is_said(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, ["backtest", *arguments])
    assert done.exit_code == 2
    assert message in done.output


def test_a_report_that_can_not_be_written_is_said_first(tmp_path: Path) -> None:
    arguments = ["backtest", str(tmp_path / "none.jsonl"), "--report", str(tmp_path / "no/r.html")]
    with pytest.raises(FeedError, match="there is no directory"):
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
