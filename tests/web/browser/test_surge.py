"""The live page of a real daemon, through a surge: calm, firing, resolved; reload; reconnect."""

import asyncio
from typing import Any

import pytest

from monitor.receiver import receiving
from monitor.settings import Settings
from tests.integration.daemons import publish, running
from tests.web.browser.chromium import Tab

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
SECRET = "whsec_bmV3c3VyZ2UtdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OTA="
CALM = ["Harbourline Bank names a new chief of retail lending", "Refinery output holds steady in May"]
BAD = [
    "Harbourline Bank collapse feared as depositors queue",
    "Run on Calder Savings bank: branches shut at noon",
    "Fraud inquiry opened into Dunmore bank deposits",
    "Default looms for Eastmarch lender after failed sale of its insurer",
    "Kestrel bank bankruptcy filing expected within days",
    "Glenrock bank hid losses from depositors for two years",
    "Panic at Sorrel Lending, a bank for brokers",
]
ROW = """[...document.querySelectorAll('.series-row')]
    .find((row) => row.dataset.series === arguments[0])?.dataset.state"""
BANKS = "topic=Financials"


def items(titles: list[str], name: str) -> list[dict[str, Any]]:
    return [
        {"id": f"{name}{i}", "title": title, "source": "Wire", "url": f"https://news.example/{name}{i}"}
        for i, title in enumerate(titles)
    ]


async def test_a_surge_from_calm_to_resolved(settings: Settings, tab: Tab) -> None:
    async with receiving(SECRET) as receiver, running(settings, [receiver.target("desk")]) as at:
        await tab.go(f"{at.url}/")
        await tab.until("document.querySelector('#connection').textContent === 'live'")
        await tab.until("document.querySelector('#headlines-empty').textContent.includes('newsurge publish')")

        await publish(settings, items(CALM, "calm"))
        await tab.until(f"['calm', 'warming'].includes({ROW})", BANKS)
        assert await tab.ask("document.title") == "newsurge"
        await tab.until("document.querySelectorAll('#headline-list > li').length === 2")
        await tab.until("/watched by .*ManyNegative/.test(document.querySelector('#alerts-empty').textContent)")

        await publish(settings, items(BAD, "bad"))
        await tab.until(f"{ROW} === 'firing'", BANKS)
        await tab.until("/^\\([0-9]+\\) newsurge$/.test(document.title)")
        await tab.until("document.querySelector('#verdict').textContent.includes('firing')")
        assert await tab.ask("document.querySelector('.series-row').dataset.series") == BANKS
        await tab.until("document.querySelector('#announcer').textContent.includes('ManyNegative fires')")
        await tab.until("document.querySelector('.badges')?.textContent.includes('desk: told')")
        await shows_its_evidence(tab)

        await tab.until(f"{ROW} !== 'firing'", BANKS)
        await tab.until("document.title === 'newsurge'")
        await tab.until("!document.querySelector('.episode[data-firing]')")
        assert "→" in await tab.text(".episode .span")
        assert await tab.complaints() == []


async def shows_its_evidence(tab: Tab) -> None:
    await tab.click(".episode > summary")
    shown = await tab.until("document.querySelector('.episode[open] .evidence')?.textContent")
    for words in ("Negative news comes in numbers.", "desk=credit", "newsurge explain ", "tiny-1"):
        assert words in shown
    assert await tab.ask(
        "[...document.querySelectorAll('.stories a')].every((a) => a.rel === 'noopener noreferrer nofollow'"
        " && a.target === '_blank' && a.href.startsWith('https://news.example/bad'))"
    )
    assert await tab.ask("document.querySelectorAll('.stories li').length") >= 5


async def test_a_reload_and_a_restart_of_the_daemon(settings: Settings, tab: Tab) -> None:
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        await publish(settings, items(BAD, "bad"))
        await tab.until("document.querySelector('.episode')")
        await tab.until("document.querySelectorAll('#headline-list > li').length === arguments[0]", len(BAD))
        await tab.reload()
        await tab.until("document.querySelector('.episode')")
        await tab.until("document.querySelectorAll('#headline-list > li').length === arguments[0]", len(BAD))
        assert await tab.text("#announcer") == ""  # what is known is not announced again
        await tab.until(ROW, BANKS)
        await tab.click(f"[data-series='{BANKS}'] .row-button")
        await tab.until("document.querySelector('tr.detail .chart')")
    await tab.until("document.querySelector('#connection').textContent.includes('reconnecting since')")
    await tab.until("document.querySelector('#verdict').textContent.startsWith('Last known: ')")
    async with running(settings):
        await tab.until("document.querySelector('#connection').textContent === 'live'")
        await tab.until(ROW, BANKS)
        # What was open is open still, and what comes is shown.
        await tab.until("document.querySelector('tr.detail .chart')")
        await publish(settings, items(CALM, "later"))
        await tab.until("document.querySelector('#headline-list').textContent.includes('Refinery output')")
        ids = await tab.ask("[...document.querySelectorAll('#headline-list > li')].map((li) => li.dataset.id)")
        assert len(ids) == len(set(ids)) == len(BAD) + len(CALM)


async def test_the_token_is_asked_for_once(settings: Settings, tab: Tab) -> None:
    token = "a token of the desk, and long enough"
    http = settings.http.model_copy(update={"token": type(settings.http)(token=token).token})
    async with running(settings.model_copy(update={"http": http})) as address:
        await tab.go(f"{address.url}/")
        assert await tab.ask("location.pathname") == "/login"
        await tab.click("#token")
        await tab.press("not the token", "\n")
        await tab.until("location.search === '?wrong'")
        assert await tab.ask("!document.querySelector('#wrong').hidden")
        await tab.click("#token")
        await tab.press(token, "\n")
        await tab.until("document.querySelector('#connection')?.textContent === 'live'")
        assert await tab.ask("document.cookie") == ""  # no script can read it
        # Signed out, as when the cookie has ended: the page goes back to the login by itself.
        await tab.ask("fetch('logout', { method: 'POST', redirect: 'manual' }).then(() => 1)")
    async with running(settings.model_copy(update={"http": http})):
        await tab.until("location.pathname === '/login'")


async def test_headlines_wait_for_their_reader(settings: Settings, tab: Tab) -> None:
    async with running(settings) as address:
        await tab.go(f"{address.url}/")
        await publish(settings, items(CALM, "calm"))
        await tab.until("document.querySelectorAll('#headline-list > li').length === 2")
        await tab.click("#pause")
        await publish(settings, items(BAD[:3], "bad"))
        await tab.until("document.querySelector('#headlines-aside').textContent === '3 wait'")
        assert await tab.ask("document.querySelectorAll('#headline-list > li').length") == 2
        await tab.click("#pause")
        await tab.until("document.querySelectorAll('#headline-list > li').length === 5")
        await asyncio.sleep(0)
