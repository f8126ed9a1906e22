"""A Prometheus beside the demo, where one is installed, and whether the dashboards' queries answer.

Owns its process, its configuration and its HTTP interface. It knows no metric.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from monitor.children import answers, free_port, last_line, spawn, stop
from monitor.demo.dashboards import FILES, Query, Span, filled_in, queries, read_dashboards

JOB = "newsurge-demo"
SCRAPE_SECONDS = 1
_RULES = FILES.parent.parent / "prometheus" / "newsurge.rules.yml"
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
_AT_ONCE = 4
_MOST_STEPS = 10_000
"""Prometheus gives 11,000 points of a series at most."""
_NO_CHECKOUT = "the dashboards are not in the package: run the demo from a checkout to see them"


@dataclass(frozen=True)
class Answer:
    """What Prometheus said to a query: how many series, or why it refused."""

    query: Query
    series: int
    error: str = ""


class Prometheus:
    """A Prometheus at work that scrapes one process each second.

    Args:
        url: of its pages and its interface.
        since: when it began, in seconds since 1970.
    """

    def __init__(self, url: str, since: float) -> None:
        self.url = url
        self._since = since

    def span(self) -> Span:
        """The time from its beginning until now."""
        now = time.time()
        step = max(SCRAPE_SECONDS, (now - self._since) / _MOST_STEPS)
        return Span(self._since, now, step, SCRAPE_SECONDS)

    async def ask(
        self, asked: Iterable[Query], chosen: Mapping[str, str] | None = None
    ) -> list[Answer]:
        """Ask queries over the whole time, as Grafana would; the answers in their order.

        Args:
            asked: the queries.
            chosen: by variable, what is chosen; else all of its values.
        """
        span, few = self.span(), asyncio.Semaphore(_AT_ONCE)

        async def one(query: Query) -> Answer:
            form = {
                "query": filled_in(query.expr, span, chosen),
                "start": f"{span.start:.3f}",
                "end": f"{span.end:.3f}",
                "step": f"{span.step:.3f}",
            }
            async with few, client.post(f"{self.url}/api/v1/query_range", data=form) as response:
                said = await response.json()
            if said["status"] != "success":
                return Answer(query, 0, said["error"])
            return Answer(query, sum(map(_has_value, said["data"]["result"])))

        async with aiohttp.ClientSession() as client:
            return await asyncio.gather(*map(one, asked))


@asynccontextmanager
async def prometheus(target: str, directory: Path) -> AsyncIterator[Prometheus | str]:
    """Run a Prometheus for the length of the block, or say in a sentence why there is none.

    Args:
        target: the host and port to scrape.
        directory: where its configuration, log and data go.
    """
    binary = shutil.which("prometheus")
    if binary is None:
        yield "none is installed"
        return
    port, log = free_port(), directory / "prometheus.log"
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump(_config(target)), encoding="utf-8")
    command = (
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )
    since = time.time()
    with log.open("wb") as output:
        process = await spawn(command, output)
        try:
            if await answers(process, port, _START_SECONDS):
                yield Prometheus(f"http://127.0.0.1:{port}", since)
            else:
                yield f"it does not start ({last_line(log.read_text(errors='replace'))})"
        finally:
            await stop(process, _STOP_SECONDS)


async def in_a_line(running: Prometheus | str) -> str:
    """Where Prometheus is and how many of the dashboards' queries answer, for people."""
    if isinstance(running, str):
        return running
    asked = [each for one in read_dashboards() for each in queries(one) if each.kind == "panel"]
    if not asked:
        return f"{running.url} ({_NO_CHECKOUT})"
    try:
        return f"{running.url}  {told(await running.ask(asked))}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{running.url} does not answer ({error})"


def told(given: Sequence[Answer]) -> str:
    """How many of the answers found something, and what is said where they did not."""
    found = sum(answer.series > 0 for answer in given)
    words = f"{found} of {len(given)} dashboard queries answer"
    silent = Counter(
        answer.error or answer.query.none or "nothing was found"
        for answer in given
        if not answer.series
    )
    return "; ".join([words, *(f"{count}: {why}" for why, count in silent.items())])


def _has_value(series: Mapping[str, Any]) -> bool:
    return any(value != "NaN" for _, value in series["values"])


def _config(target: str) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(_RULES)] if _RULES.is_file() else [],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}]}],
    }
