import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_metrics

from monitor.errors import NewsurgeError
from monitor.health import Health
from monitor.settings import HttpSettings
from monitor.web.server import Actions, build_app, serving

RESUME = {"X-Newsurge-Action": "resume"}


@contextlib.asynccontextmanager
async def client(
    health: Health | None = None, actions: Actions | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        serving(HttpSettings(port=0), health or Health(), actions or Actions()) as address,
        aiohttp.ClientSession(address.url) as session,
    ):
        yield session


async def test_metrics_in_the_format_that_is_asked_for() -> None:
    async with client() as session:
        answer = await session.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain")
        names = {family.name for family in plain_metrics(await answer.text())}
        assert {"newsurge_ready", "newsurge_notifications"} <= names
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        answer = await session.get("/metrics", headers=accept)
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        families = open_metrics(await answer.text())  # type: ignore[no-untyped-call]  # untyped
        assert "newsurge_ready" in {family.name for family in families}


async def test_readiness_follows_the_parts_and_liveness_does_not() -> None:
    health = Health()
    health.expect("notify")
    async with client(health) as session:
        answer = await session.get("/readyz")
        assert answer.status == 503
        assert await answer.json() == {"ready": False, "parts": {"notify": "starting"}}
        assert (await session.get("/livez")).status == 200
        assert "newsurge_ready 0.0" in await (await session.get("/metrics")).text()

        health.ready("notify")
        answer = await session.get("/readyz")
        assert (answer.status, await answer.json()) == (
            200,
            {"ready": True, "parts": {"notify": "ready"}},
        )
        assert "newsurge_ready 1.0" in await (await session.get("/metrics")).text()


async def test_a_process_without_parts_is_not_ready() -> None:
    async with client() as session:
        assert (await session.get("/readyz")).status == 503


async def test_resume_asks_for_its_header_and_says_when_nothing_is_paused() -> None:
    paused = [True]

    def resume() -> bool:
        was, paused[0] = paused[0], False
        return was

    async with client(actions=Actions(resume_dead_letter=resume)) as session:
        for headers in ({}, {"X-Newsurge-Action": "other"}):
            assert (await session.post("/dead-letter/resume", headers=headers)).status == 403
        assert (await session.get("/dead-letter/resume", headers=RESUME)).status == 405
        assert paused == [True]

        answer = await session.post("/dead-letter/resume", headers=RESUME)
        assert (answer.status, paused) == (200, [False])
        answer = await session.post("/dead-letter/resume", headers=RESUME)
        assert (answer.status, await answer.json()) == (409, {"error": "nothing is paused"})


async def test_resume_without_the_role_that_pauses() -> None:
    async with client() as session:
        assert (await session.post("/dead-letter/resume", headers=RESUME)).status == 409


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", ""])
async def test_a_rebound_name_reaches_nothing(host: str) -> None:
    called: list[bool] = []

    def resume() -> bool:
        called.append(True)
        return True

    actions = Actions(resume_dead_letter=resume)
    async with client(actions=actions) as session:
        headers = RESUME | {"Host": host}
        answer = await session.post("/dead-letter/resume", headers=headers)
        assert (answer.status, called) == (403, [])
        assert (await session.get("/metrics", headers={"Host": host})).status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9464", "127.0.0.1:1", "[::1]:9464"])
async def test_loopback_names_are_welcome(host: str) -> None:
    async with client() as session:
        assert (await session.get("/livez", headers={"Host": host})).status == 200


async def test_open_to_a_network_it_may_be_scraped_by_name_but_not_commanded() -> None:
    called: list[bool] = []

    def resume() -> bool:
        called.append(True)
        return True

    actions = Actions(resume_dead_letter=resume)
    app = build_app(HttpSettings(host="192.0.2.1"), Health(), actions)
    named = {"Host": "newsurge:9464"}
    async with TestClient(TestServer(app)) as session:
        assert (await session.get("/metrics", headers=named)).status == 200
        answer = await session.post("/dead-letter/resume", headers=RESUME | named)
        assert (answer.status, called) == (403, [])
        by_address = RESUME | {"Host": "192.0.2.1:9464"}
        assert (await session.post("/dead-letter/resume", headers=by_address)).status == 200


@pytest.mark.parametrize(
    "path", ["/metrics", "/livez", "/readyz", "/no-such-page", "/%3Cscript%3E"]
)
async def test_every_answer_is_inert_in_a_browser(path: str) -> None:
    async with client() as session:
        answer = await session.get(path)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Server"] == "newsurge"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "<script>" not in await answer.text()


async def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NewsurgeError) as caught:
            async with serving(HttpSettings(port=port), Health(), Actions()):
                pass
    message = str(caught.value)
    assert f"port {port} on 127.0.0.1 is taken" in message
    assert "http.port" in message
    assert "NEWSURGE_HTTP__PORT" in message
    assert "\n" not in message


async def test_an_address_that_is_not_this_machines() -> None:
    with pytest.raises(NewsurgeError, match=r"http\.host \(NEWSURGE_HTTP__HOST\)"):
        async with serving(HttpSettings(host="192.0.2.1", port=0), Health(), Actions()):
            pass


async def test_the_address_is_returned_and_freed() -> None:
    async with serving(HttpSettings(port=0), Health(), Actions()) as address:
        port = address.port
        assert address.url == f"http://127.0.0.1:{port}"
    socket.create_server(("127.0.0.1", port)).close()
