"""One receiver's client against real HTTP servers on loopback."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from monitor.delivery.receivers import WebhookTarget
from monitor.delivery.retry import Answer, Failure, Reason
from monitor.delivery.sender import Ended, sending
from monitor.delivery.webhook import new_secret
from monitor.receiver import Delivery, receiving
from monitor.settings import NotifySettings

SECRET = new_secret()
TOKEN = "T0p-s3cret-t0ken"
BODY = json.dumps({"title": "<script>alert(1)</script> \x00 \u202e"}).encode()
PATIENT = NotifySettings(
    timeout_seconds=20, give_up_after_seconds=60, backoff_seconds=0.01, max_backoff_seconds=0.02
)


def answers(*statuses: int) -> Callable[[Delivery], Awaitable[int]]:
    """Answer with each status in turn, the last one for ever."""
    left = list(statuses)

    async def respond(_: Delivery) -> int:
        return left.pop(0) if len(left) > 1 else left[0]

    return respond


async def hang(_: Delivery) -> int:
    await asyncio.Event().wait()
    return 204


@contextlib.asynccontextmanager
async def server(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[WebhookTarget]:
    """A server that is no well-behaved receiver."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield WebhookTarget("desk", f"http://127.0.0.1:{port}/{TOKEN}?key={TOKEN}", SECRET)
    finally:
        await runner.cleanup()


async def deliver(target: WebhookTarget, settings: NotifySettings = PATIENT) -> Ended | None:
    async with sending(target, settings) as sender:
        return await sender.deliver("ntf_1", BODY, asyncio.Event())


async def test_delivered_at_once() -> None:
    async with receiving(SECRET) as receiver:
        assert await deliver(receiver.target("desk")) == Ended(True, 1, "ok")
    (delivery,) = receiver.accepted
    assert (delivery.id, delivery.body) == ("ntf_1", BODY)
    assert delivery.payload["title"] == "<script>alert(1)</script> \x00 \u202e"


async def test_the_same_id_and_body_until_it_is_accepted() -> None:
    async with receiving(SECRET, answers(500, 429, 204)) as receiver:
        assert await deliver(receiver.target("desk")) == Ended(True, 3, "ok")
    assert {(one.id, one.body) for one in receiver.requests} == {("ntf_1", BODY)}
    assert (len(receiver.requests), len(receiver.accepted), receiver.duplicates) == (3, 1, 0)


@pytest.mark.parametrize(("status", "reason"), [(400, "permanent_status"), (410, "gone")])
async def test_what_will_never_pass_is_tried_once(status: int, reason: Reason) -> None:
    async with receiving(SECRET, answers(status)) as receiver:
        ended = await deliver(receiver.target("desk"))
    assert ended == Ended(False, 1, reason, f"HTTP {status}")
    assert len(receiver.requests) == 1


async def test_the_deadline_ends_the_tries() -> None:
    settings = PATIENT.model_copy(update={"give_up_after_seconds": 0.2})
    async with receiving(SECRET, answers(503)) as receiver:
        ended = await deliver(receiver.target("desk"), settings)
    assert ended is not None
    assert (ended.delivered, ended.reason) == (False, "deadline")


async def test_a_try_under_way_at_the_deadline_is_broken_off() -> None:
    settings = PATIENT.model_copy(update={"give_up_after_seconds": 0.05, "timeout_seconds": 3000})
    async with receiving(SECRET, hang) as receiver:
        ended = await deliver(receiver.target("desk"), settings)
    assert ended is not None
    assert (ended.delivered, ended.attempts, ended.reason) == (False, 1, "deadline")
    assert ended.detail.startswith("no answer in")


async def test_a_receiver_that_hangs_times_out() -> None:
    async with receiving(SECRET, hang) as receiver, sending(receiver.target("d"), PATIENT) as s:
        assert await s.post("ntf_1", BODY, 0.05) == Failure("timeout", "no answer in 0.05 s")


async def test_nobody_listens() -> None:
    async with receiving(SECRET) as receiver:
        target = receiver.target("desk")
    async with sending(target, PATIENT) as sender:
        attempt = await sender.post("ntf_1", BODY, 20)
    assert isinstance(attempt, Failure)
    assert attempt.reason == "connection"


async def test_a_host_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_host(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    target = WebhookTarget("desk", f"http://nowhere.invalid/{TOKEN}", SECRET)
    async with sending(target, PATIENT) as sender:
        attempt = await sender.post("ntf_1", BODY, 20)
    assert attempt == Failure("connection", "its host name can't be resolved")


async def test_a_receiver_that_speaks_no_tls() -> None:
    async with receiving(SECRET) as receiver:
        url = receiver.url.replace("http:", "https:")
        async with sending(WebhookTarget("desk", url, SECRET), PATIENT) as sender:
            attempt = await sender.post("ntf_1", BODY, 20)
    assert attempt == Failure("connection", "its TLS certificate or handshake is refused")


async def test_a_wrong_secret_is_refused_by_the_receiver() -> None:
    async with receiving(new_secret()) as receiver:
        target = WebhookTarget("desk", receiver.url, SECRET)
        assert await deliver(target) == Ended(False, 1, "permanent_status", "HTTP 401")
    assert (receiver.bad_signatures, receiver.requests) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with receiving(SECRET) as elsewhere:

        async def redirect(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": elsewhere.url})

        async with server(redirect) as target:
            ended = await deliver(target)
    assert ended == Ended(False, 1, "permanent_status", f"HTTP {status}")
    assert (elsewhere.requests, elsewhere.bad_signatures) == ([], 0)


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    closed = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        finally:
            closed.set()

    async with server(endless) as target:
        assert await deliver(target) == Ended(True, 1, "ok")
        await asyncio.wait_for(closed.wait(), 20)


async def test_an_answer_whose_body_never_comes_counts_by_its_status() -> None:
    async def stuck(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    async with server(stuck) as target:
        assert await deliver(target) == Ended(True, 1, "ok")


async def test_connections_are_used_again() -> None:
    peers = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(text="thank you")

    async with server(note) as target, sending(target, PATIENT) as sender:
        for _ in range(5):
            assert await sender.post("ntf_1", BODY, 20) == Answer(200)
    assert len(peers) == 1


async def test_retry_after_is_read() -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    async with server(busy) as target, sending(target, PATIENT) as sender:
        assert await sender.post("ntf_1", BODY, 20) == Answer(429, 7.0)


async def test_closing_ends_the_wait_between_tries() -> None:
    closing = asyncio.Event()
    settings = PATIENT.model_copy(update={"backoff_seconds": 3000, "max_backoff_seconds": 3000})
    settings = settings.model_copy(update={"give_up_after_seconds": 9000})
    async with (
        receiving(SECRET, answers(503)) as receiver,
        sending(receiver.target("desk"), settings) as sender,
    ):
        delivery = asyncio.create_task(sender.deliver("ntf_1", BODY, closing))
        await receiver.until(lambda r: len(r.requests) == 1)
        closing.set()
        assert await asyncio.wait_for(delivery, 20) is None


async def test_a_failure_is_logged_when_it_changes_and_shows_only_the_host(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    statuses = iter([500, 500, 500, 429, 429, 200])

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=next(statuses), text=TOKEN)

    async with server(respond) as target:
        assert await deliver(target) == Ended(True, 6, "ok")
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("monitor")]
    assert ours == [
        "receiver desk at http://127.0.0.1 failed (server_error, HTTP 500); will be tried again",
        "receiver desk at http://127.0.0.1 failed (rate_limited, HTTP 429); will be tried again",
        "receiver desk accepts again",
    ]
    everything = "\n".join(f"{each.getMessage()} {vars(each)}" for each in caplog.records)
    assert TOKEN not in everything
    assert SECRET not in everything


async def test_network_failures_do_not_log_the_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving(SECRET) as receiver:
        target = WebhookTarget("desk", f"{receiver.url}/{TOKEN}?key={TOKEN}", SECRET)
    logged, closing = asyncio.Event(), asyncio.Event()

    def note(each: logging.LogRecord) -> bool:
        if "failed" in each.msg:
            logged.set()
        return True

    caplog.handler.addFilter(note)
    async with sending(target, PATIENT) as sender:
        delivery = asyncio.create_task(sender.deliver("ntf_1", BODY, closing))
        await asyncio.wait_for(logged.wait(), 20)
        closing.set()
        assert await delivery is None
    everything = "\n".join(f"{each.getMessage()} {vars(each)}" for each in caplog.records)
    assert "http://127.0.0.1 failed (connection, can't connect" in everything
    assert TOKEN not in everything
    assert SECRET not in everything
