"""The live page of a real daemon, through a surge: calm, firing, resolved; reload; reconnect."""

from typing import Any

import pytest
from pydantic import SecretStr

from monitor.receiver import receiving
from monitor.settings import HttpSettings, Settings
from tests.integration.daemons import publish, running
from tests.web.browser.chromium import ENTER, Tab

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
SECRET = "whsec_bmV3c3VyZ2UtdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OTA="
TOKEN = "a token of the desk, and long enough"
CALM = ["Harbourline Bank names a chief of retail lending", "Refinery output holds steady in May"]
BAD = [
    "Harbourline Bank collapse feared as depositors queue",
    "Run on Calder Savings bank: branches shut at noon",
    "Fraud inquiry opened into Dunmore bank deposits",
    "Default looms for Eastmarch lender after failed sale of its insurer",
    "Kestrel bank bankruptcy filing expected within days",
    "Glenrock bank hid losses from depositors for two years",
    "Panic at Sorrel Lending, a bank for brokers",
]
BANKS = "topic=Financials"
STATE = """[...document.querySelectorAll('.series-row')]
    .find((row) => row.dataset.series === arguments[0])?.dataset.state"""
SAFE_LINKS = """[...document.querySelectorAll('.stories a')].every((link) =>
    link.rel === 'noopener noreferrer nofollow' && link.target === '_blank'
    && link.href.startsWith('https://news.example/bad'))"""
ITEMS = "#headline-list > li"


def items(titles: list[str], name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}{i}",
            "title": title,
            "source": "Wire",
            "url": f"https://news.example/{name}{i}",
        }
        for i, title in enumerate(titles)
    ]


async def test_a_surge_from_calm_to_resolved(settings: Settings, tab: Tab) -> None:
    async with receiving(SECRET) as receiver, running(settings, [receiver.target("desk")]) as at:
        await tab.go(f"{at.url}/")
        await tab.until_it_says("#connection", "live")
        await tab.until_it_says("#headlines-empty", "newsurge publish")

        await publish(settings, items(CALM, "calm"))
        await tab.until(f"['calm', 'warming'].includes({STATE})", BANKS)
        assert await tab.ask("document.title") == "newsurge"
        await tab.until_there_are(len(CALM), ITEMS)
        await tab.until_it_says("#alerts-empty", "watched by ManyNegative")

        await publish(settings, items(BAD, "bad"))
        await tab.until(f"{STATE} === 'firing'", BANKS)
        await tab.until("document.title === '(1) newsurge'")
        await tab.until_it_says("#verdict", "1 series firing")
        assert await tab.ask("document.querySelector('.series-row').dataset.series") == BANKS
        await tab.until_it_says("#announcer", "ManyNegative fires on Financials")
        await tab.until_it_says(".badges", "desk: told")
        await shows_its_evidence(tab)

        await tab.until(f"{STATE} !== 'firing'", BANKS)
        await tab.until("document.title === 'newsurge'")
        await tab.until_there_are(0, ".episode[data-firing]")
        await tab.until_it_says(".episode .span", "→")
        assert await tab.complaints() == []


async def shows_its_evidence(tab: Tab) -> None:
    await tab.click(".episode > summary")
    shown = await tab.until_it_says(".episode[open] .evidence", "Negative news comes in numbers.")
    for words in ("desk=credit", "newsurge explain ", "tiny-1"):
        assert words in shown
    assert await tab.ask(SAFE_LINKS)
    assert await tab.ask("document.querySelectorAll('.stories a').length") >= 5


async def test_a_reload_and_a_restart_of_the_daemon(settings: Settings, tab: Tab) -> None:
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        await publish(settings, items(BAD, "bad"))
        await tab.until_there_are(1, ".episode")
        await tab.until_there_are(len(BAD), ITEMS)
        await tab.reload()
        await tab.until_there_are(1, ".episode")
        await tab.until_there_are(len(BAD), ITEMS)
        assert await tab.text("#announcer") == ""  # what is known is not announced again
        await tab.until(STATE, BANKS)
        await tab.click(f"[data-series='{BANKS}'] .row-button")
        await tab.until_there_are(1, "tr.detail .chart")
    await tab.until_it_says("#connection", "reconnecting since")
    await tab.until_it_says("#verdict", "Last known: ")
    async with running(settings):
        await tab.until_it_says("#connection", "live")
        await tab.until(STATE, BANKS)
        # What was open is open still, and what comes is shown.
        await tab.until_there_are(1, "tr.detail .chart")
        await publish(settings, items(CALM, "later"))
        await tab.until_it_says("#headline-list", "Refinery output")
        await tab.until_there_are(len(BAD) + len(CALM), ITEMS)


async def test_the_token_is_asked_for_once(settings: Settings, tab: Tab) -> None:
    http = HttpSettings(port=settings.http.port, token=SecretStr(TOKEN))
    settings = settings.model_copy(update={"http": http})
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        assert await tab.ask("location.pathname") == "/login"
        await tab.click("#token")
        await tab.press("not the token", ENTER)
        await tab.until("location.search === '?wrong'")
        assert await tab.ask("!document.querySelector('#wrong').hidden")
        await tab.click("#token")
        await tab.press(TOKEN, ENTER)
        await tab.until_it_says("#connection", "live")
        assert await tab.ask("document.cookie") == ""  # no script can read it
        # Signed out, as when the cookie has ended: the page goes back to the login by itself.
        await tab.run("await fetch('logout', { method: 'POST', redirect: 'manual' })")
    async with running(settings):
        await tab.until("location.pathname === '/login'")


async def test_headlines_wait_for_their_reader(settings: Settings, tab: Tab) -> None:
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        await publish(settings, items(CALM, "calm"))
        await tab.until_there_are(2, ITEMS)
        await tab.click("#pause")
        await publish(settings, items(BAD[:3], "bad"))
        await tab.until_it_says("#headlines-aside", "3 wait")
        assert await tab.ask("document.querySelectorAll(arguments[0]).length", ITEMS) == 2
        await tab.click("#pause")
        await tab.until_there_are(5, ITEMS)
