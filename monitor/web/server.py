"""The process's HTTP server: metrics, health, and the few actions an operator may take.

Owns routes, access rules and security headers. It knows no role: health is a report it is
given, an action a function it is given. The live page's routes are in `page`.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client.exposition import choose_encoder

from monitor import metrics
from monitor.errors import NewsurgeError
from monitor.health import Health
from monitor.settings import HttpSettings
from monitor.web.page import FREE_PATHS, Page

log = logging.getLogger(__name__)
_ACTION_HEADER = "X-Newsurge-Action"
_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Actions:
    """What an operator may do over HTTP.

    Attributes:
        resume_dead_letter: goes on after a pause for too many invalid records; returns False
            when nothing was paused. None where this process plays no role that can pause.
    """

    resume_dead_letter: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Address:
    """Where the server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as a URL without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@contextlib.asynccontextmanager
async def serving(
    settings: HttpSettings, health: Health, actions: Actions, page: Page | None = None
) -> AsyncIterator[Address]:
    """Serve until the context ends; yields where, which matters when the port is 0.

    Raises:
        NewsurgeError: when the host and port of the settings can't be listened on.
    """
    app = build_app(settings, health, actions, page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        listener = _listen(settings)
        await web.SockSite(runner, listener).start()
        yield Address(settings.host, listener.getsockname()[1])
    finally:
        await runner.cleanup()


def build_app(
    settings: HttpSettings, health: Health, actions: Actions, page: Page | None = None
) -> web.Application:
    """The routes with their rules, without a socket; also the live page's, where there is one."""

    async def show_metrics(request: web.Request) -> web.Response:
        metrics.ready.set(health.is_ready)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(metrics.REGISTRY)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def ready(_: web.Request) -> web.Response:
        report = {"ready": health.is_ready, "parts": health.report()}
        return web.json_response(report, status=200 if health.is_ready else 503)

    async def resume(request: web.Request) -> web.Response:
        # A page of another origin can't add this header without asking first, and is refused.
        if request.headers.get(_ACTION_HEADER) != "resume":
            return _refusal(403, f"send the header '{_ACTION_HEADER}: resume'")
        if actions.resume_dead_letter is None:
            return _refusal(409, "this process does not play the role SCORE")
        if not actions.resume_dead_letter():
            return _refusal(409, "nothing is paused")
        return web.json_response({"resumed": True})

    app = web.Application(middlewares=[_only_known_hosts(settings.host)])
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/livez", live)
    app.router.add_get("/readyz", ready)
    app.router.add_post("/dead-letter/resume", resume)
    if page is not None:
        if not page.asks_for_token and not _is_loopback(settings.host):
            log.warning(
                "the live page is open to whoever reaches %s; set http.token_file or http.token "
                "(NEWSURGE_HTTP__TOKEN), or turn it off with http.page",
                settings.host,
            )
        page.add_to(app)
    app.on_response_prepare.append(_secure)
    return app


def _only_known_hosts(configured: str) -> Middleware:
    """Refuse requests whose Host is a name that someone else could point at this address.

    A page in a browser on this machine could reach the server under a name of its own (DNS
    rebinding). Where the server is open to a network on purpose, scrapers may read it under
    any name that leads there, but actions keep the rule.
    """
    open_to_network = not _is_loopback(configured)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_harmless = request.method in ("GET", "HEAD") or request.path in FREE_PATHS
        may_use_any_name = open_to_network and is_harmless
        if may_use_any_name or _is_known_host(request.headers.get("Host", ""), configured):
            return await handler(request)
        return _refusal(403, "the Host header names neither an address nor the configured host")

    return check


def _is_known_host(header: str, configured: str) -> bool:
    host = header.lower()
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    # An address is what it says; only a name can be made to lead elsewhere.
    return host in ("localhost", configured.lower()) or _address(host) is not None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def _secure(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    # aiohttp would name its version and Python's.
    response.headers["Server"] = "newsurge"


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)


def _listen(settings: HttpSettings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise NewsurgeError(
                f"port {settings.port} on {settings.host} is taken, so that metrics and health "
                "can't be served; set http.port (NEWSURGE_HTTP__PORT) to a free one, 0 for any"
            ) from None
        raise NewsurgeError(
            f"can't listen on {settings.host} port {settings.port} ({error.strerror}); check "
            "http.host (NEWSURGE_HTTP__HOST) and http.port (NEWSURGE_HTTP__PORT)"
        ) from None
