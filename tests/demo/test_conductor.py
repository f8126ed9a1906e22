"""The demo as a whole, on a real broker, with real HTTP and the daemon's real roles.

The model is the starter bundle where it is there, and a stand-in that knows the answers, with
which the rest can be tested quickly and without it.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from monitor import app, deployment_files
from monitor.demo.accounts import read_expected
from monitor.demo.conductor import run_demo
from monitor.errors import RulesError
from monitor.model.bundle import META, STARTER
from monitor.model.judge import Judgement, Unjudged
from monitor.model.signature import sign, words
from monitor.records import NewsItem, Sentiment
from monitor.rules.file import default_rules
from monitor.scoring.news import decode_news

DEMO = resources.files("monitor.demo")
PLAY_SECONDS = 6.0


@dataclass(frozen=True)
class Answers:
    """A judge that knows the surge: its items are negative, and those of no other line."""

    negative_ids: frozenset[str]
    version: str = "answers"
    runtime: str = "none"

    def prepare(self, items: Sequence[NewsItem]) -> Sequence[NewsItem]:
        return items

    def infer(self, items: Sequence[NewsItem]) -> list[Judgement]:
        return [self._judge(item) for item in items]

    def _judge(self, item: NewsItem) -> Judgement:
        reason: Unjudged | None = "language" if "ruhiger" in (item.url or "") else None
        if len(words(item.title)) < 2:
            reason = "too_short"
        is_negative = item.id in self.negative_ids
        topic = "Financials" if "/financials/" in (item.url or "") else "Macro"
        return Judgement(
            topic="none" if reason else topic,
            topic_probability=0.9,
            series_topics=("none",) if reason else (topic,),
            sentiment=Sentiment(0.9, 0.1, 0.0) if is_negative else Sentiment(0.1, 0.9, 0.0),
            language="en",
            signature=sign(item.title),
            unjudged=reason,
        )


def ids_of_the_surge() -> frozenset[str]:
    lines = DEMO.joinpath("feed.jsonl").read_bytes().split(b"\n")
    surge = read_expected(DEMO / "feed.meta.json").surge
    found = set()
    for line in surge.lines:
        found.add(decode_news(lines[line - 1], 262_144).id)
    return frozenset(found)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = SimpleNamespace(
        meta=SimpleNamespace(version="answers", topics=("Financials", "Macro"))
    )
    monkeypatch.setattr(deployment_files, "serving_bundle", lambda _: bundle)
    monkeypatch.setattr(app, "load_judge", lambda *_: Answers(ids_of_the_surge()))


async def play(rules: Path, **options: Any) -> tuple[int, str]:
    """The exit code of a quick demo without a terminal, and what it printed."""
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=False)
    code = await run_demo(rules, console=console, play_seconds=PLAY_SECONDS, **options)
    return code, out.getvalue()


@pytest.mark.usefixtures("answers")
async def test_it_ends_by_itself_and_accounts_for_everything(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    code, out = await play(default_rules(), picture=picture)
    assert code == 0, out
    expected = read_expected(DEMO / "feed.meta.json")
    broken = len(expected.dead_letters)
    assert f"{expected.items - broken} scored + {broken} dead-lettered" in out
    assert "FIRING  NegativeSurge on topic=Financials" in out
    assert re.search(r"news in to webhook out: \d+ ms", out)
    assert "✗" not in out
    svg = picture.read_text(encoding="utf-8")
    assert "FIRING" in svg
    assert "url(http" not in svg.replace('"', "")


@pytest.mark.usefixtures("answers")
async def test_without_a_rule_for_the_surge_it_fails_and_says_why(tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yaml"
    rules.write_text(
        "receivers:\n"
        "  - name: desk\n"
        "    webhook: {url: 'http://127.0.0.1:9/never', secret_env: NOT_SET}\n"
        "rules:\n"
        "  - {alert: Silent, type: absent, by: all, window: 12h, receivers: [desk]}\n"
    )
    code, out = await play(rules, settle_seconds=0.5)
    assert code == 1
    assert "✗ no alert fired on topic=Financials" in out


async def test_a_broken_rules_file_is_said_before_anything_starts(tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yaml"
    rules.write_text("rules:\n  - {alert: Odd, type: guess, by: topic}\n")
    with pytest.raises(RulesError, match=r"alerts\.yaml:2"):
        await run_demo(rules)


@pytest.mark.skipif(not (STARTER / META).is_file(), reason="there is no starter bundle")
async def test_the_starter_bundle_sees_the_surge() -> None:
    code, out = await play(default_rules())
    assert code == 0, out
