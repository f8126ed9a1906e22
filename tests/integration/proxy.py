"""A TCP proxy on loopback that does to connections what bad networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass
class Proxy:
    """Passes connections from `port` to `target_port`, as well as it is told to.

    Attributes:
        delay_seconds: how long every piece of data is held back, in each direction.
        bytes_per_second: how much a connection carries in each direction; unlimited when None.
        passing: while it is not set, nothing passes, and nobody is told.
        accepted: how many connections there have been.
    """

    port: int
    target_port: int
    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    accepted: int = 0
    passing: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _links: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self) -> None:
        """Take connections, and pass what they carry."""
        self.passing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def refuse(self) -> None:
        """Take no new connection; those that are there stay."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def freeze(self) -> None:
        """Hold back everything from now on, until `accept`, without a word."""
        self.passing.clear()

    async def cut(self) -> None:
        """End every connection that there is."""
        links = [*self._links]
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = asyncio.create_task(self._link(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        try:
            # The end of either direction ends both.
            ways = [
                asyncio.create_task(self._carry(reader, far_writer)),
                asyncio.create_task(self._carry(far_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            writer.transport.abort()
            far_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK if self.bytes_per_second is None else 1024):
                await self.passing.wait()
                pause = self.delay_seconds
                if self.bytes_per_second is not None:
                    pause += len(data) / self.bytes_per_second
                if pause:
                    await asyncio.sleep(pause)
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def proxying(port: int, target_port: int) -> AsyncIterator[Proxy]:
    """A proxy for the length of the block, which takes connections at once."""
    proxy = Proxy(port, target_port)
    await proxy.accept()
    try:
        yield proxy
    finally:
        await proxy.refuse()
        await proxy.cut()
