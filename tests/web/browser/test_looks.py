"""Hostile news stays text in page, logs and webhooks; contrast, names and widths; the keyboard."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor import logs
from monitor.receiver import receiving
from monitor.settings import Settings
from tests.integration.daemons import publish, running
from tests.web.browser.chromium import ENTER, ESCAPE, SPACE, TAB, Tab
from tests.web.browser.test_surge import BAD, BANKS, ITEMS, SECRET, STATE, items

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
LOOKS = [(360, 740), (390, 844), (820, 1000), (1280, 800), (1440, 900), (1920, 1080)]
TAGS = "<script>window.owned = 1</script><img src=x onerror='window.owned = 2'>"
TURNS = "\x1b[31mred\x1b[0m \u202eesrever\u2066 \r\nforged: line \x00 \x9b31m \u200b\ufeff"
QUOTES = "\"'><svg onload=window.owned=3>&lt;b&gt; ${window.owned=4} {{7*7}}"
NAME = "<img src=x onerror=window.owned=5>"


NAMED = """\
  - {alert: Named, type: threshold, by: entity, window: 10s, when: negative_count >= 1}
"""
FIRING = ".episode[data-firing]"
MADE = "document.querySelectorAll('body img, body script, [onload], [onerror], iframe').length"


@pytest.fixture
def watchlist(tmp_path: Path) -> Path:
    file = tmp_path / "watchlist.csv"
    file.write_text(f"key,name\n{NAME},Harbourline Bank\n", encoding="utf-8")
    return file


@pytest.fixture
def _logs_restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before[0], before[1]


def hostile() -> list[dict[str, Any] | bytes]:
    """News whose every field is hostile, about a surge at banks; some can't even be taken."""
    texts = [TAGS, TURNS, QUOTES, "W" * 3000, "שלום " * 40, "a" + "\u0301" * 200]
    good: list[dict[str, Any] | bytes] = [
        {
            "id": f"{text[:900]}{number}",
            "title": f"{BAD[number]} {text}",
            "body": text,
            "source": text,
            "url": ["javascript:window.owned=6", f"https://news.example/?q={QUOTES}", text][
                number % 3
            ],
            "language": text if number == 5 else "en",
            "entities": [text, NAME],
            text[:50]: {text: [text]},
        }
        for number, text in enumerate(texts)
    ]
    return [
        *good,
        {"title": BAD[6], "published_at": TURNS},
        {"title": [TAGS, TURNS]},
        TURNS.encode() + b"\xff",
        json.dumps({"title": QUOTES, "retracts": {TAGS: TURNS}}).encode(),
    ]


@pytest.mark.usefixtures("_logs_restored")
async def test_hostile_news_stays_text(
    settings: Settings, tab: Tab, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("text", "info")
    rules = settings.rules.read_text().replace("negative_count >= 5", "negative_count >= 6")
    rules = rules.replace(
        "Negative news comes in numbers.", "'{{ series.key }} {{ stories[0].title }}'"
    )
    settings.rules.write_text(rules + NAMED)
    async with receiving(SECRET) as receiver, running(settings, [receiver.target("desk")]) as at:
        await tab.go(f"{at.url}/")
        await publish(settings, hostile())
        await tab.until_there_are(6, ITEMS)
        await tab.until("document.querySelectorAll('.episode .badges').length >= 2")
        await tab.open_all()
        await tab.until("document.querySelectorAll('.stories li').length > 1")
        await receiver.until(lambda told: len(told.accepted) >= 2)
        for width, height in (LOOKS[0], LOOKS[3]):
            await tab.look(width, height, is_phone=width < 500)
            assert await tab.run(CHECKS) == []
        read = await tab.ask("document.body.textContent")
        assert TAGS in read
        assert QUOTES in read
        assert not {"\x1b", "\x00", "\x9b", "\u202e", "\u2066"} & set(read)
        assert await tab.ask("window.owned ?? null") is None
        assert await tab.ask(MADE) == 0
        links = await tab.ask("[...document.querySelectorAll('a[href]')].map((a) => a.protocol)")
        assert set(links) == {"https:", "http:"}  # the page's own anchors are http
        assert await tab.complaints() == []

    bodies = [delivery.body.decode() for delivery in receiver.accepted]
    assert any(json.dumps(TAGS, ensure_ascii=False)[1:-1] in body for body in bodies)
    for body in bodies:
        assert all(each.isprintable() or ord(each) > 127 for each in body)
    out = capsys.readouterr().err
    assert "bad_published_at" in out
    for line in out.splitlines():
        assert line.isprintable(), line
        assert not line.startswith("forged")


async def test_every_look_can_be_read(settings: Settings, tab: Tab) -> None:
    hold(settings)
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        await publish(settings, items(BAD, "bad"))
        await tab.until_there_are(1, FIRING)
        await tab.open_all()
        await tab.until("document.querySelector('.evidence h4')")
        await every_look_can_be_read(tab)
        assert await tab.ask("document.querySelectorAll(arguments[0]).length", FIRING) == 1
        end(settings)
        await tab.until_there_are(0, FIRING)
        await every_look_can_be_read(tab)


async def every_look_can_be_read(tab: Tab) -> None:
    for scheme in ("light", "dark"):
        for width, height in LOOKS:
            await tab.look(width, height, scheme, is_phone=width < 500)
            assert await tab.run(CHECKS) == [], (scheme, width)


async def test_the_keyboard_alone(settings: Settings, tab: Tab) -> None:
    focused = "document.activeElement.matches(arguments[0])"
    async with running(settings) as address:
        await tab.look(1440, 900)
        await tab.go(f"{address.url}/")
        await publish(settings, items(BAD, "bad"))
        await tab.until(STATE, BANKS)
        await tab.until("document.querySelector('.episode')")
        await tab.press(TAB)
        assert await tab.ask(focused, ".skip")
        await tab.press(ENTER)
        assert await tab.ask(focused, "main")
        stops = [
            ".state-button", "#series-filter", ".scroller", ".row-button", ".episode > summary",
            "#pause", ".headline-title", "#pipeline summary",
        ]  # fmt: skip
        for stop in stops:
            await tab_to(tab, stop)
        await tab.press("/")
        assert await tab.ask(focused, "#series-filter")
        await tab.press(*"oil")
        await tab.until("document.querySelectorAll('.series-row').length === 1")
        await tab.press(ESCAPE)
        await tab.until("document.querySelectorAll('.series-row').length > 3")
        await tab_to(tab, ".row-button")
        await tab.press(ENTER)
        assert await tab.ask("document.activeElement.getAttribute('aria-expanded')") == "true"
        assert await tab.ask(
            "document.getElementById(document.activeElement.getAttribute('aria-controls')) !== null"
        )
        await tab.press(SPACE)
        assert await tab.ask("document.activeElement.getAttribute('aria-expanded')") == "false"
        await tab_to(tab, ".episode > summary")
        await tab.press(ENTER)
        await tab.until("document.querySelector('.command')")
        await tab_to(tab, ".command code")
        await tab_to(tab, ".command button")


@pytest.mark.parametrize(
    "selector", [".episode > summary", ".stories a", ".command code", ".episode-links button"]
)
async def test_an_alert_that_ends_leaves_the_focus(
    settings: Settings, tab: Tab, selector: str
) -> None:
    hold(settings)
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        await publish(settings, items(BAD, "bad"))
        await tab.until_there_are(1, FIRING)
        await tab.open_all()
        await tab.until("document.querySelector(arguments[0])", selector)
        await tab.run("document.querySelector(arguments[0]).focus()", selector)
        assert await tab.ask("document.querySelectorAll(arguments[0]).length", FIRING) == 1
        end(settings)
        await tab.until_there_are(0, FIRING)
        assert await tab.ask("document.activeElement.matches(arguments[0])", selector)


def hold(settings: Settings) -> None:
    """Have what fires go on firing, however slow the machine, until `end`."""
    rules = yaml.safe_load(settings.rules.read_text())
    rules["rules"][0]["keep_firing_for"] = "1h"
    settings.rules.write_text(yaml.safe_dump(rules))


def end(settings: Settings) -> None:
    """End what fires: a rule that is removed withdraws its alerts."""
    rules = yaml.safe_load(settings.rules.read_text())
    del rules["rules"][0]
    settings.rules.write_text(yaml.safe_dump(rules))


async def tab_to(tab: Tab, selector: str) -> None:
    """Press the tab key until the focus is on such an element; wherever it stops is in sight."""
    for _ in range(60):
        await tab.press(TAB)
        stop = await tab.ask(
            """(({ outlineStyle, outlineWidth }, element) => [
                element.matches(arguments[0]), outlineStyle !== 'none' && outlineWidth !== '0px',
                element.outerHTML.slice(0, 80),
            ])(getComputedStyle(document.activeElement), document.activeElement)""",
            selector,
        )
        assert stop[1], stop[2]
        if stop[0]:
            return
    raise AssertionError(f"no stop at {selector}")
