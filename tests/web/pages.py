"""A server with a live page, whose files and news a test makes up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from monitor.health import Health
from monitor.live.board import Board
from monitor.live.viewing import Viewing
from monitor.settings import HttpSettings, Settings
from monitor.web.access import token_of
from monitor.web.page import Page
from monitor.web.server import Actions, build_app

TOKEN = "a token of the desk's own"
HERE = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a request that the page itself makes."""


class Streams:
    """Stands for the streams: keeps a board as a test wishes, and remembers that it did."""

    def __init__(self, *boards: Callable[[Board], None]) -> None:
        self.fill = list(boards)
        self.board: Board | None = None
        self.times_read = 0

    async def keep(self, _: Settings, board: Board, loaded: Callable[[], None]) -> None:
        """Read for ever."""
        self.times_read += 1
        for fill in self.fill:
            fill(board)
        self.board = board
        loaded()
        try:
            await asyncio.Event().wait()
        finally:
            self.board = None


def files(directory: Path) -> Path:
    """The files of a page, in a directory of their own."""
    made = directory / "static"
    made.mkdir(exist_ok=True)
    (made / "index.html").write_text("<!doctype html><title>the page</title>")
    (made / "login.html").write_text("<!doctype html><title>the login</title>")
    (made / "live.js").write_text("// the script")
    (made / "notes.txt").write_text("not for browsers")
    return made


@contextlib.asynccontextmanager
async def a_page(
    directory: Path, streams: Streams | None = None, **http: Any
) -> AsyncIterator[TestClient[Request, Application]]:
    """A client of a server with a page."""
    settings = HttpSettings(**http)
    viewing = Viewing(Settings(), (streams or Streams()).keep)
    page = Page(viewing, token_of(settings), files(directory))
    app = build_app(settings, Health(), Actions(), page)
    async with TestClient(TestServer(app)) as client:
        yield client
