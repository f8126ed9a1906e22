"""Grafana's dashboards on the running demo: a real Prometheus answers every query of theirs."""

import json
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.demo.dashboards import Query, filled_in, queries, read_dashboards
from monitor.demo.prometheus import JOB, Answer, Prometheus, told
from monitor.model.bundle import META, STARTER
from tests.demo.test_command import started, until_it_says
from tests.deploy.promql import METRICS

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not (STARTER / META).is_file(), reason="there is no starter bundle"),
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="prometheus is not installed: make test-tools"
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="processes tell of their CPU on Linux only"),
    pytest.mark.timeout(300),
]
QUERIES = [each for dashboard in read_dashboards() for each in queries(dashboard)]
PANELS = [query for query in QUERIES if query.kind == "panel"]


def challenger(directory: Path) -> Path:
    """The starter bundle under another version, to run beside it."""
    copy = shutil.copytree(STARTER, directory / "challenger")
    meta = json.loads((copy / META).read_text(encoding="utf-8"))
    (copy / META).write_text(json.dumps({**meta, "version": "challenger"}), encoding="utf-8")
    return copy


@dataclass
class Kept:
    """A demo that has played its day and goes on, and what it printed until then."""

    said: str
    prometheus: Prometheus
    client: aiohttp.ClientSession

    async def get(self, path: str, **parameters: str) -> Any:
        url = f"{self.prometheus.url}/api/v1/{path}"
        async with self.client.get(url, params=parameters) as response:
            said = await response.json()
        assert said["status"] == "success", said
        return said["data"]


@asynccontextmanager
async def kept_demo() -> AsyncIterator[Kept]:
    since = time.time()
    process = await started("--keep")
    try:
        said = await until_it_says(process, "newsurge tail scored")
        url = re.search(r"Prometheus  (http://\S+)", said)
        assert url, said
        async with aiohttp.ClientSession() as client:
            yield Kept(said, Prometheus(url[1], since), client)
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()


async def test_every_query_of_both_dashboards_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSURGE_MODEL__SHADOW", str(challenger(tmp_path)))
    monkeypatch.setenv("NEWSURGE_MODEL__SHADOW_SHARE", "1")
    async with kept_demo() as demo:
        given = await demo.prometheus.ask(QUERIES)
        assert [answer for answer in given if answer.error] == []
        assert [answer.query for answer in given if not answer.series and is_panel(answer)] == []
        assert f"{len(PANELS)} of {len(PANELS)} dashboard queries answer" in demo.said

        # What is chosen at the top is put into the queries.
        one = {"job": JOB, "key": "Financials", "rule": "NegativeSurge", "instance": ".*"}
        of_one = await demo.prometheus.ask(PANELS, one)
        assert [answer for answer in of_one if answer.error or not answer.series] == []
        share = next(place for place, query in enumerate(PANELS) if "Negative share" in query.where)
        assert of_one[share].series == 1
        none = await demo.prometheus.ask(PANELS, {"job": "another"})
        assert sum(answer.series > 0 for answer in none) == 1  # `or vector(0)`

        await prometheus_saw_the_surge(demo)
        await variables_offer_what_there_is(demo)
        await what_is_not_there_is_told(demo)


def is_panel(answer: Answer) -> bool:
    return answer.query.kind == "panel"


async def prometheus_saw_the_surge(demo: Kept) -> None:
    most = 'max_over_time(newsurge_alerts_firing{rule="NegativeSurge"}[1h])'
    (found,) = (await demo.get("query", query=most))["result"]
    assert float(found["value"][1]) >= 1
    # The state timeline gives 4 for firing and 2 for warming, which is what the colours stand for.
    (state,) = (query.expr for query in PANELS if query.where == "State of each series")
    expr = filled_in(state, demo.prometheus.span(), {"key": "Financials"})
    (found,) = (await demo.get("query", query=f"max_over_time(({expr})[1h:1s])"))["result"]
    assert float(found["value"][1]) == 4
    assert found["metric"] == {"by": "topic", "key": "Financials"}
    rules = [rule for group in (await demo.get("rules"))["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} >= {"NewsurgeDown", "NewsurgeLagGrows"}
    assert all(rule["health"] == "ok" for rule in rules)
    exposed = set(await demo.get("label/__name__/values"))
    plain = {name for name, metric in METRICS.items() if metric.type != "histogram"}
    assert exposed >= plain


async def variables_offer_what_there_is(demo: Kept) -> None:
    offered = {}
    for query in QUERIES:
        if query.kind == "variable":
            selector = filled_in(query.expr, demo.prometheus.span())
            offered[query.where] = await demo.get(
                f"label/{query.where}/values", **{"match[]": selector}
            )
    assert offered["job"] == [JOB]
    assert "Financials" in offered["key"]
    assert "NegativeSurge" in offered["rule"]
    assert len(offered["instance"]) == 1


async def what_is_not_there_is_told(demo: Kept) -> None:
    """The check itself can fail."""
    asked = [
        Query("Invented", "panel", "no such metric", "newsurge_invented", "why"),
        Query("Invented", "panel", "no PromQL", "sum by (", "why"),
    ]
    missing, broken = await demo.prometheus.ask(asked)
    assert (missing.series, missing.error) == (0, "")
    assert "parse error" in broken.error
    assert told([missing, broken]).startswith("0 of 2 dashboard queries answer; 1: why; 1: ")


async def test_without_a_challenger_it_is_said_what_does_not_answer() -> None:
    async with kept_demo() as demo:
        silent = [query for query in PANELS if "shadow" in query.expr]
        assert f"{len(PANELS) - len(silent)} of {len(PANELS)} dashboard queries" in demo.said
        assert f"{len(silent)}: {silent[0].none}" in demo.said
        page = re.search(r"page +(http://\S+)", demo.said)
        assert page
        assert f"It can be watched at {page[1]}" in demo.said
        async with demo.client.get(f"{page[1]}metrics") as response:
            assert response.status == 200
