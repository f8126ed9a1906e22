"""Showing the demo while it runs: a live picture in a terminal, plain lines elsewhere.

Owns when something is shown, and the saved picture. What is shown is in `monitor.demo.view`.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live

from monitor.demo.observed import Observed
from monitor.demo.view import Moment, alert_line, line, live
from monitor.errors import NewsurgeError

_FRAME_SECONDS = 0.2
_LINE_SECONDS = 5.0
# The picture is taken a while after the first alert (milliseconds of the log's time), when its
# surge can be seen.
_PICTURE_AFTER = 25 * 60_000
_PICTURE_COLUMNS = 120
_WEB_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
_PICTURE_LINES = 40


class Screen:
    """The demo's output while something is observed.

    Args:
        console: where to show it.
        seen: what is observed.
        moment: gives what is shown beside it, as of now.
        picture: where to save the view at the first alert as SVG, if anywhere.
    """

    def __init__(
        self,
        console: Console,
        seen: Observed,
        moment: Callable[[], Moment],
        picture: Path | None,
    ) -> None:
        self._console = console
        self._seen = seen
        self._moment = moment
        self._picture = picture
        self._alerts_told = 0

    @asynccontextmanager
    async def showing(self) -> AsyncIterator[None]:
        """Show it for the length of the block."""
        is_screen = self._console.is_terminal and not self._console.is_dumb_terminal
        task = asyncio.create_task(self._live() if is_screen else self._lines())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._take_picture(last_chance=True)
        if not task.cancelled():
            task.result()

    async def _live(self) -> None:
        # No refreshing thread: what it would draw changes in this one.
        with Live(console=self._console, auto_refresh=False, transient=False) as shown:
            try:
                while True:
                    self._draw(shown)
                    self._take_picture()
                    await asyncio.sleep(_FRAME_SECONDS)
            finally:
                self._draw(shown)

    def _draw(self, shown: Live) -> None:
        shown.update(live(self._seen, self._moment(), self._console.height), refresh=True)

    async def _lines(self) -> None:
        next_line, told = 0.0, (-1, -1)
        try:
            while True:
                self._tell_alerts()
                moment, now_seen = self._moment(), self._seen.progress
                if moment.now >= next_line and now_seen != told:
                    self._print(line(self._seen, moment))
                    next_line, told = moment.now + _LINE_SECONDS, now_seen
                self._take_picture()
                await asyncio.sleep(_FRAME_SECONDS)
        finally:
            self._tell_alerts()
            self._print(line(self._seen, self._moment()))

    def _tell_alerts(self) -> None:
        for event in self._seen.alerts[self._alerts_told :]:
            self._print(alert_line(event))
        self._alerts_told = len(self._seen.alerts)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _take_picture(self, *, last_chance: bool = False) -> None:
        if self._picture is None or not self._seen.alerts:
            return
        is_time = (self._seen.clock or 0) >= self._seen.alerts[0].fired_at + _PICTURE_AFTER
        if is_time or last_chance:
            save_picture(self._picture, self._seen, self._moment())
            self._picture = None


def save_picture(path: Path, seen: Observed, moment: Moment) -> None:
    """Save the live view as it is as an SVG file.

    Raises:
        NewsurgeError: when it can't be written.
    """
    canvas = Console(record=True, width=_PICTURE_COLUMNS, file=io.StringIO(), force_terminal=True)
    canvas.print(live(seen, moment, _PICTURE_LINES))
    # Without the web fonts that rich names, the picture fetches nothing from elsewhere.
    svg = _WEB_FONT.sub("", canvas.export_svg(title="newsurge demo"))
    try:
        path.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise NewsurgeError(
            f"picture {path} can't be written ({error.strerror}); give another path with --picture"
        ) from error
