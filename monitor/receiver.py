"""A small local webhook receiver: verifies signatures, remembers what came.

For the demo, tests and benchmarks; loopback only. It is no part of the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from monitor.delivery.receivers import WebhookTarget

_MAX_BODY_BYTES = 4 * 1024 * 1024
_PATH = "/alerts"


@dataclass(frozen=True)
class Delivery:
    """One request whose signature is right.

    `monotonic` and `wall` are the seconds of `time.monotonic()` and `time.time()` when its body
    had come. `body` is as sent, `payload` what it says.
    """

    id: str
    monotonic: float
    wall: float
    body: bytes
    payload: dict[str, Any]


Respond = Callable[[Delivery], Awaitable[web.Response | int]]


class LocalReceiver:
    """What a receiver has seen. Made by `receiving`.

    Attributes:
        url: where it listens.
        requests: every request with a right signature, in order of arrival.
        accepted: those of them answered with 2xx.
        bad_signatures: how many requests were refused because they could not be verified.
    """

    def __init__(self, secret: str, respond: Respond | None = None) -> None:
        self.url = ""
        self.requests: list[Delivery] = []
        self.accepted: list[Delivery] = []
        self.bad_signatures = 0
        self._secret = secret
        self._webhook = Webhook(secret)
        self._respond = respond
        self._changed = asyncio.Condition()

    def target(self, name: str) -> WebhookTarget:
        """This receiver as a target of NOTIFY."""
        return WebhookTarget(name, self.url, self._secret)

    @property
    def duplicates(self) -> int:
        """How many accepted requests had an id that had been accepted before."""
        return sum(count - 1 for count in Counter(one.id for one in self.accepted).values())

    async def until(
        self, condition: Callable[[LocalReceiver], bool], timeout_seconds: float = 30
    ) -> None:
        """Wait until the condition holds; it is looked at after every request.

        Raises:
            TimeoutError: when it does not come to hold in time.
        """
        async with asyncio.timeout(timeout_seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request: 401 where the signature is wrong, else as `respond` says."""
        body = await request.read()
        monotonic, wall = time.monotonic(), time.time()
        try:
            self._webhook.verify(body, dict(request.headers), json_parse=False)
            delivery = Delivery(
                request.headers["webhook-id"], monotonic, wall, body, json.loads(body)
            )
        except (WebhookVerificationError, ValueError):
            self.bad_signatures += 1
            await self._tell()
            return web.Response(status=401)
        self.requests.append(delivery)
        await self._tell()
        answer = 204 if self._respond is None else await self._respond(delivery)
        response = web.Response(status=answer) if isinstance(answer, int) else answer
        if response.status // 100 == 2:
            self.accepted.append(delivery)
            await self._tell()
        return response

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def receiving(
    secret: str, respond: Respond | None = None, *, port: int = 0
) -> AsyncIterator[LocalReceiver]:
    """Listen on loopback for signed webhooks.

    Args:
        secret: the Standard Webhooks secret that requests must be signed with.
        respond: what to answer to a request whose signature is right: a status or a response;
            204 when absent. It may wait as long as it likes.
        port: the port; 0 for any free one.

    Raises:
        OSError: when the port is taken.
    """
    receiver = LocalReceiver(secret, respond)
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.router.add_post(_PATH, receiver.handle)
    # A client that goes away ends its handler, so that one told to hang ends too.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    try:
        listener = socket.create_server(("127.0.0.1", port))
        await web.SockSite(runner, listener).start()
        receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}{_PATH}"
        yield receiver
    finally:
        await runner.cleanup()
