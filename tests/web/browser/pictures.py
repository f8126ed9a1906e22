"""Pictures of the live page for README and docs, anew: the demo's surge, at desk and phone width.

    python -m tests.web.browser.pictures docs/images

plays the afternoon of the demo's feed through a daemon and an embedded broker, ninety times as
fast as real, and takes its pictures when a topic fires. It looks best with Debian's `fonts-inter`.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from PIL import Image

from monitor.app import Daemon
from monitor.delivery.webhook import new_secret
from monitor.demo.life import guarded
from monitor.embedded import embedded_broker, embedded_settings
from monitor.publish import publish
from monitor.publish_plan import replay_settings
from monitor.receiver import receiving
from monitor.rules.file import default_rules
from monitor.settings import Settings, load_settings
from monitor.web.server import Address
from tests.web.browser.chromium import Tab, chromium

SPEED = 90.0
BEGIN = b'"published_at": "2025-10-08T15'
READ_ON_SECONDS = 14.0
"""From the first alert on, until there is something to see: twenty minutes of the log."""
LOOKS = {"desk": (1440, 900), "phone": (390, 844)}


async def take(directory: Path, tab: Tab) -> None:
    """Play the surge and write the pictures into the directory."""
    async with _playing() as url:
        await tab.look(*LOOKS["desk"])
        await tab.go(f"{url}/")
        await tab.until("document.querySelector('.episode[data-firing]')", seconds=300)
        await tab.until("document.querySelector('.badges')?.textContent.includes('told')")
        await asyncio.sleep(READ_ON_SECONDS)
        for name, (width, height) in LOOKS.items():
            is_phone = name == "phone"
            opens = "document.querySelectorAll('.episode[data-firing] > summary')[0].click()"
            if not is_phone:
                await tab.run(opens)
            for scheme in ("light", "dark"):
                await tab.look(width, height, scheme, is_phone=is_phone)
                await asyncio.sleep(0.5)
                _write(directory / f"live-{name}-{scheme}.png", await tab.picture())


def _write(file: Path, picture: bytes) -> None:
    """Write a picture with 256 colours, which are all it needs, in a third of the bytes."""
    with Image.open(io.BytesIO(picture)) as whole:
        # The method that keeps colours which are rare, as the mark of a state is.
        few = whole.convert("RGB").quantize(
            256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        few.save(file, optimize=True)


@asynccontextmanager
async def _playing() -> AsyncIterator[str]:
    """The address of a daemon that is played the feed for the length of the block."""
    with tempfile.TemporaryDirectory() as scratch:
        feed = Path(scratch) / "feed.jsonl"
        whole = (resources.files("monitor.demo") / "feed.jsonl").read_bytes()
        feed.write_bytes(whole[whole.rindex(b"\n", 0, whole.index(BEGIN)) + 1 :])
        async with embedded_broker() as broker, receiving(new_secret()) as receiver:
            settings = replay_settings(_settings(broker), SPEED)
            stop, ready = asyncio.Event(), asyncio.Event()
            addresses: list[Address] = []

            def is_ready(address: Address) -> None:
                addresses.append(address)
                ready.set()

            daemon = Daemon(settings, is_ready, [receiver.target("desk")])
            life = asyncio.create_task(daemon.run(stop))
            await guarded(ready.wait(), [life])
            playing = asyncio.create_task(publish(settings, feed, speed=SPEED))
            try:
                yield addresses[0].url
            finally:
                stop.set()
                playing.cancel()
                await asyncio.gather(playing, life, return_exceptions=True)


def _settings(broker: str) -> Settings:
    given = {
        "kafka": embedded_settings(broker),
        "http": {"host": "127.0.0.1", "port": 0},
        "score": {"mark_interval_seconds": 0.1},
        "rules": default_rules(),
    }
    return load_settings(None, given)


def main() -> None:
    """Take the pictures that the command line asks for."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    with chromium() as driver:
        asyncio.run(take(directory, Tab(driver)))


if __name__ == "__main__":
    main()
