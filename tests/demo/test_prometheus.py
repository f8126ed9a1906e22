"""A Prometheus beside the demo is a gift: the demo goes on without one, and says why."""

from pathlib import Path

import pytest

from monitor.demo import prometheus as module
from monitor.demo.dashboards import Query
from monitor.demo.prometheus import Answer, Prometheus, in_a_line, prometheus, told


async def test_where_none_is_installed_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with prometheus("127.0.0.1:9464", tmp_path) as running:
        assert isinstance(running, str)
        assert await in_a_line(running) == "none is installed"


async def test_one_that_does_not_start_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = tmp_path / "prometheus"
    binary.write_text("#!/bin/sh\necho no room for data >&2\nexit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with prometheus("127.0.0.1:9464", tmp_path) as running:
        assert running == "it does not start (no room for data)"


async def test_one_that_has_gone_does_not_end_the_demo() -> None:
    line = await in_a_line(Prometheus("http://127.0.0.1:9", since=0))
    assert line.startswith("http://127.0.0.1:9 does not answer")


async def test_an_installed_demo_says_that_it_has_no_dashboards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "read_dashboards", list)
    line = await in_a_line(Prometheus("http://127.0.0.1:9", since=0))
    assert line == (
        "http://127.0.0.1:9 (the dashboards are not in the package: run the demo from a checkout "
        "to see them)"
    )


def test_what_does_not_answer_is_told_with_its_reason() -> None:
    def answer(series: int, error: str = "", none: str = "nobody is told") -> Answer:
        return Answer(Query("Pipeline", "panel", "a panel", "up", none), series, error)

    given = [answer(1), answer(0), answer(0), answer(0, "parse error"), answer(0, none="")]
    assert told(given) == (
        "1 of 5 dashboard queries answer; 2: nobody is told; 1: parse error; 1: nothing was found"
    )
