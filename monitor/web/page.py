"""The live page over HTTP: its files, its events, and the way in where there is a token.

Owns routes, cookie and the page's own security headers. What is sent is `monitor.live`'s.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from monitor.live.viewing import MOST_VIEWERS, Viewing
from monitor.web.access import LASTS_SECONDS, Guesses, Token

STATIC = Path(__file__).parent / "static"
COOKIE = "newsurge"
FREE_PATHS = ("/login", "/logout")
"""Paths that any name may lead to where the server is open to a network: a token guards them."""
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    # With none at all a form would say that it comes from nowhere.
    "Referrer-Policy": "same-origin",
}
_SLOW_SECONDS = 20.0
_WRONG_SECONDS = 0.5
_LONGEST_FORM = 4_096


class Page:
    """The live page of one process.

    Args:
        viewing: gives the events.
        token: what is asked for; nothing where it is None.
        directory: the page's files. They are read once.
    """

    def __init__(self, viewing: Viewing, token: Token | None, directory: Path = STATIC) -> None:
        self._viewing = viewing
        self._token = token
        self._guesses = Guesses()
        self._files = {
            file.name: (file.read_bytes(), _TYPES[file.suffix])
            for file in sorted(directory.iterdir() if directory.is_dir() else ())
            if file.suffix in _TYPES
        }

    @property
    def asks_for_token(self) -> bool:
        """Whether one must give a token to see it."""
        return self._token is not None

    def add_to(self, app: web.Application) -> None:
        """Give the page its routes."""
        app.router.add_get("/", self._show)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/events", self._events, allow_head=False)
        app.router.add_get("/login", self._ask)
        app.router.add_post("/login", self._let_in)
        app.router.add_post("/logout", self._let_out)
        app.on_shutdown.append(self._close)

    async def _close(self, _: web.Application) -> None:
        await self._viewing.close()

    async def _show(self, request: web.Request) -> web.Response:
        return self._file("index.html") if self._is_in(request) else _go_to("login")

    async def _ask(self, request: web.Request) -> web.Response:
        return _go_to("./") if self._is_in(request) else self._file("login.html")

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        # Which page is shown is decided above.
        return _nothing() if name.endswith(".html") else self._file(name)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if not self._is_in(request):
            return _refusal(401, "give the token first, at /login")
        if self._viewing.is_full:
            why = f"{MOST_VIEWERS} live pages are open, which is as many as one process serves"
            answer = _refusal(503, why)
            answer.headers["Retry-After"] = "30"
            return answer
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        # Else a proxy would keep events until there are many.
        response.headers["X-Accel-Buffering"] = "no"
        async with self._viewing.viewer() as events:
            try:
                await response.prepare(request)
                async for event in events:
                    async with asyncio.timeout(_SLOW_SECONDS):
                        await response.write(event)
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
            except ConnectionResetError:
                pass  # The viewer has left.
        return response

    async def _let_in(self, request: web.Request) -> web.Response:
        if self._token is None:
            return _go_to("./")
        if not _comes_from_here(request):
            return _refusal(403, "a token is taken from this server's own login page only")
        peer, clock = request.remote or "", time.monotonic
        if self._guesses.must_wait(peer, clock()):
            answer = _refusal(429, "too many wrong tokens; try again in a minute")
            answer.headers["Retry-After"] = "60"
            return answer
        if not self._token.is_it(await _token_in(request)):
            self._guesses.note_wrong(peer, clock())
            await asyncio.sleep(_WRONG_SECONDS)
            return _go_to("login?wrong")
        answer = _go_to("./")
        answer.set_cookie(
            COOKIE,
            self._token.cookie(time.time()),
            max_age=LASTS_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=_is_https(request),
        )
        return answer

    async def _let_out(self, request: web.Request) -> web.Response:
        if not _comes_from_here(request):
            return _refusal(403, "only this server's own pages may ask for it")
        answer = _go_to("login" if self._token else "./")
        answer.del_cookie(COOKIE, httponly=True, samesite="Strict", secure=_is_https(request))
        return answer

    def _is_in(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        return self._token.admits(request.cookies.get(COOKIE, ""), time.time())

    def _file(self, name: str) -> web.Response:
        if name not in self._files:
            return _nothing()
        content, kind = self._files[name]
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=_PAGE_HEADERS)


async def _token_in(request: web.Request) -> str:
    """The token of the form; nothing where it is no form, or too long to be one."""
    is_form = request.content_type == "application/x-www-form-urlencoded"
    if not is_form or (request.content_length or 0) > _LONGEST_FORM:
        return ""
    token = (await request.post()).get("token", "")
    return token if isinstance(token, str) else ""


def _comes_from_here(request: web.Request) -> bool:
    """Whether a browser says that a page of this server sent the request.

    Behind a proxy that changes the Host only `Sec-Fetch-Site` can tell. It is there on HTTPS and
    on loopback, and no page can make it up.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("Origin", ""))
    return bool(origin.netloc) and origin.netloc.lower() == request.headers.get("Host", "").lower()


def _is_https(request: web.Request) -> bool:
    """Whether the browser came by HTTPS, as far as a proxy tells.

    One that lies only makes its own cookie useless, or one that plain HTTP may carry.
    """
    return request.headers.get("X-Forwarded-Proto", request.scheme).lower() == "https"


def _go_to(place: str) -> web.Response:
    # Relative, for a proxy that serves it under a path.
    return web.Response(status=303, headers={"Location": place})


def _nothing() -> web.Response:
    return _refusal(404, "there is no such page")


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
