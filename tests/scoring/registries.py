"""A process that follows a registry of tiny bundles, without its streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from monitor.model.bundle import ONNX, digests, load_bundle, write_meta
from monitor.model.judge import load_judge
from monitor.model.registry import serving_bundle
from monitor.records import NewsItem
from monitor.scoring.serving import Serving
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings

Swaps = Callable[[str], float]
NEGATIVE = [
    NewsItem(id=str(i), title=f"Halden bank collapse, part {i}", entities=("HLDN",))
    for i in range(100)
]


def breaks(directory: Path) -> None:
    """A bundle whose digests are right, with a network that nothing can run."""
    meta = load_bundle(directory).meta
    (directory / ONNX).write_bytes(b"this is no network")
    write_meta(directory, msgspec.structs.replace(meta, files=digests(directory)))


def serving(registry: Path, *topics: str) -> Serving:
    settings = Settings(model={"registry": registry})
    judge = load_judge(serving_bundle(settings.model), settings)
    return Serving(settings, judge, Watchlist({"hldn": "HLDN"}), frozenset(topics))


@asynccontextmanager
async def followed(one: Serving) -> AsyncIterator[None]:
    with ThreadPoolExecutor(1) as preparing, ThreadPoolExecutor(1) as inferring:
        task = asyncio.create_task(one.follow(preparing, inferring))
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)
