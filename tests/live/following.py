"""A page without a browser: it reads server-sent events, and keeps what they say as a page does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from monitor.live.messages import ALERTS, HEADLINES, Change, Snapshot

_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    "snapshot": msgspec.json.Decoder(Snapshot),
    "change": msgspec.json.Decoder(Change),
}
EMPTY = Snapshot(0, "", (), (), (), ())


def after(before: Snapshot, message: Snapshot | Change) -> Snapshot:
    """What a page knows once it has taken a message."""
    if isinstance(message, Snapshot):
        return message
    series = {str(each.series): each for each in (*before.series, *message.series)}
    processes = {each.id: each for each in (*before.processes, *message.processes)}
    headlines = {each.id: each for each in (*before.headlines, *message.headlines)}
    alerts = {each.event.id: each for each in (*before.alerts, *message.alerts)}
    there = [one for key, one in alerts.items() if key not in message.gone_alerts]
    return Snapshot(
        now=message.now,
        version=before.version,
        series=tuple(one for key, one in series.items() if key not in message.gone_series),
        processes=tuple(one for key, one in processes.items() if key not in message.gone_processes),
        headlines=tuple(headlines.values())[-HEADLINES:],
        alerts=tuple(there[-ALERTS:]),
        skipped=before.skipped if message.skipped is None else message.skipped,
    )


class Events:
    """Takes server-sent events apart as the HTML standard says, as far as it is used here."""

    def __init__(self) -> None:
        self._rest = b""
        self.comments: list[str] = []
        self.retry_ms: int | None = None

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        """The events that are whole now: their names and data."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        found = []
        for block in blocks:
            name, lines = "message", []
            for line in block.decode().split("\n"):
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if field == "":
                    self.comments.append(value)
                elif field == "event":
                    name = value
                elif field == "data":
                    lines.append(value)
                elif field == "retry":
                    self.retry_ms = int(value)
            if lines:
                found.append((name, "\n".join(lines)))
        return found


def decoded(name: str, data: str) -> Snapshot | Change:
    """The message in an event."""
    message: Snapshot | Change = _decoders[name].decode(data)
    return message


class LivePage:
    """What the page shows now."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.shows = EMPTY
        self.told: list[str] = []
        self.events = Events()
        self._response = response

    async def until(self, condition: Callable[[Snapshot], bool], seconds: float = 40) -> Snapshot:
        """Read events until the page shows what is waited for."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self.shows):
                    for name, data in self.events.feed(await self._response.content.readany()):
                        self.told.append(name)
                        self.shows = after(self.shows, decoded(name, data))
                    assert not self._response.content.at_eof(), "the events ended"
        except TimeoutError:
            raise AssertionError(f"the page shows only {self.shows}") from None
        return self.shows


@asynccontextmanager
async def live_page(url: str) -> AsyncIterator[LivePage]:
    """Look at the live page of a process."""
    patience = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=patience) as session,
        session.get(f"{url}/events") as response,
    ):
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield LivePage(response)
