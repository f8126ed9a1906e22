"""The live page over HTTP: files, the way in, and what browsers are told to keep apart."""

import logging
import re
from http.cookies import Morsel
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from monitor.web import page as web_page
from tests.web.pages import HERE, TOKEN, a_page


@pytest.fixture(autouse=True)
def _wrong_tokens_cost_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_page, "_WRONG_SECONDS", 0)


async def log_in(
    client: TestClient[Any, Any], token: str = TOKEN, **headers: str
) -> ClientResponse:
    said = headers or HERE
    return await client.post("/login", data={"token": token}, headers=said, allow_redirects=False)


def cookie_of(answer: ClientResponse) -> Morsel[str]:
    return answer.cookies["newsurge"]


async def test_the_page_and_its_files(tmp_path: Path) -> None:
    async with a_page(tmp_path) as client:
        answer = await client.get("/")
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert "the page" in await answer.text()
        answer = await client.get("/static/live.js")
        assert (answer.status, answer.content_type) == (200, "text/javascript")
        for path in ("notes.txt", "none.js", "..%2fserver.py", "login.html", "%2e%2e/server.py"):
            assert (await client.get(f"/static/{path}")).status == 404


@pytest.mark.parametrize("path", ["/", "/login", "/static/live.js"])
async def test_only_this_servers_own_scripts_may_run(tmp_path: Path, path: str) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        await log_in(client)
        headers = (await client.get(path)).headers
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    for source in ("script-src", "style-src", "connect-src", "form-action"):
        assert policy[source] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    # With no-referrer the login form would come from nowhere.
    assert headers["Referrer-Policy"] == "same-origin"


async def test_other_answers_let_nothing_run(tmp_path: Path) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        for path in ("/events", "/metrics", "/static/none.js"):
            policy = (await client.get(path)).headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; base-uri 'none'")
            assert "'self'" not in policy


async def test_without_a_token_nobody_is_asked(tmp_path: Path) -> None:
    async with a_page(tmp_path) as client:
        answer = await client.get("/login", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        answer = await log_in(client, "anything")
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        assert not answer.cookies


async def test_with_a_token_there_is_one_way_in(tmp_path: Path) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        answer = await client.get("/", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "login")
        assert "the login" in await (await client.get("/")).text()
        answer = await client.get("/events")
        assert (answer.status, answer.content_type) == (401, "application/json")
        assert (await client.get("/static/live.js")).status == 200

        answer = await log_in(client)
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        cookie = cookie_of(answer)
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Strict", "")
        assert TOKEN not in cookie.OutputString()
        assert "the page" in await (await client.get("/")).text()
        assert "the page" in await (await client.get("/login")).text()

        answer = await client.post("/logout", headers=HERE, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "login")
        assert (await client.get("/events")).status == 401


async def test_metrics_and_health_ask_for_no_token(tmp_path: Path) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        for path in ("/metrics", "/livez"):
            assert (await client.get(path)).status == 200
        assert (await client.get("/readyz")).status == 503


async def test_another_process_with_the_token_takes_the_cookie(tmp_path: Path) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        cookies = {"newsurge": cookie_of(await log_in(client)).value}
    async with a_page(tmp_path, token=TOKEN) as other:
        assert "the page" in await (await other.get("/", cookies=cookies)).text()
    async with a_page(tmp_path, token=TOKEN[::-1]) as stranger:
        assert "the login" in await (await stranger.get("/", cookies=cookies)).text()


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + " ", "é\n"])
async def test_a_wrong_token_leads_back(tmp_path: Path, token: str) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        answer = await log_in(client, token)
        assert (answer.status, answer.headers["Location"]) == (303, "login?wrong")
        assert not answer.cookies


@pytest.mark.parametrize("token", [TOKEN, "x" * 100_000])
async def test_what_is_no_form_is_wrong(tmp_path: Path, token: str) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        answer = await client.post(
            "/login", json={"token": token}, headers=HERE, allow_redirects=False
        )
        assert answer.headers["Location"] == "login?wrong"


async def test_who_guesses_on_is_told_to_wait_even_when_right(tmp_path: Path) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        for _ in range(10):
            assert (await log_in(client, "wrong")).status == 303
        answer = await log_in(client)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
        assert not answer.cookies


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxied.example"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:1"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "http://127.0.0.1:1", "Host": "127.0.0.1:1"}, True),
        ({"Origin": "http://127.0.0.1:2", "Host": "127.0.0.1:1"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"X-Nothing": "said"}, False),
    ],
)
async def test_a_token_is_taken_from_this_servers_page_only(
    tmp_path: Path, headers: dict[str, str], is_taken: bool
) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        answer = await log_in(client, **headers)
        assert (answer.status, bool(answer.cookies)) == ((303, True) if is_taken else (403, False))
        if not is_taken:
            assert (await client.post("/logout", headers=headers)).status == 403


async def test_behind_https_the_cookie_stays_there(tmp_path: Path) -> None:
    async with a_page(tmp_path, token=TOKEN) as client:
        answer = await log_in(client, **HERE, **{"X-Forwarded-Proto": "https"})
        assert cookie_of(answer)["secure"] is True


async def test_a_rebound_name_reaches_no_page(tmp_path: Path) -> None:
    async with a_page(tmp_path) as client:
        for path in ("/", "/events", "/static/live.js", "/login"):
            assert (await client.get(path, headers={"Host": "evil.example"})).status == 403


async def test_open_to_a_network_one_may_log_in_by_name(tmp_path: Path) -> None:
    named = HERE | {"Host": "newsurge:9464"}
    async with a_page(tmp_path, host="192.0.2.1", token=TOKEN) as client:
        answer = await log_in(client, **named)
        assert (answer.status, bool(answer.cookies)) == (303, True)
        resume = named | {"X-Newsurge-Action": "resume"}
        assert (await client.post("/dead-letter/resume", headers=resume)).status == 403


@pytest.mark.parametrize(
    ("http", "is_told"),
    [
        ({"host": "192.0.2.1"}, True),
        ({"host": "192.0.2.1", "token": TOKEN}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "localhost"}, False),
    ],
)
async def test_a_page_that_is_open_to_a_network_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, http: dict[str, Any], is_told: bool
) -> None:
    with caplog.at_level(logging.WARNING, "monitor.web"):
        async with a_page(tmp_path, **http):
            pass
    assert bool(re.search(r"live page is open .*NEWSURGE_HTTP__TOKEN", caplog.text)) == is_told
