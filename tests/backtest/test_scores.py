"""Raw news: scored once by the daemon's judge, and played as if it came when it was published."""

import csv
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.backtest import running
from monitor.backtest.result import Backtest
from monitor.backtest.running import backtest_files
from monitor.errors import FeedError
from monitor.settings import Settings
from tests.backtest.history import MINUTE, START, options, write_rules

ALL = """\
rules:
  - {alert: Many, type: threshold, by: all, window: 10m, when: negative_count >= 3}
"""
STORIES = [
    "Harbourline Bank collapse feared as depositors queue",
    "Run on Calder Savings: branches shut at noon",
    "Fraud inquiry opened into Dunmore Trust accounts",
    "Default looms for Eastmarch Lending after failed sale",
]


def news(minutes: float | None, title: str, **fields: Any) -> bytes:
    time = None if minutes is None else START + round(minutes * MINUTE)
    return msgspec.json.encode({"title": title, "published_at": time, **fields})


def play(tmp_path: Path, bundle: Path, lines: list[bytes], **wanted: Any) -> Backtest:
    history = tmp_path / "news.jsonl"
    history.write_bytes(b"\n".join(lines))
    rules = write_rules(tmp_path, ALL)
    settings = Settings(model={"bundle": bundle})
    return backtest_files([history], settings, options(tmp_path, rules, **wanted))


def test_raw_news_is_scored_once(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [news(i, title) for i, title in enumerate(STORIES)]
    first = play(tmp_path, bundle, lines)
    assert [alarm.fired_at for alarm in first.outcomes[0].alarms] == [START + 2 * MINUTE]
    assert first.outcomes[0].alarms[0].headline in STORIES[:3]

    def judge(*_: object) -> None:
        raise AssertionError("the scores were not kept")

    monkeypatch.setattr(running, "load_judge", judge)
    assert play(tmp_path, bundle, lines) == first
    with pytest.raises(AssertionError, match="not kept"):
        play(tmp_path, bundle, [*lines, news(5, STORIES[0])])


def test_order_of_publication_is_the_order_of_arrival(tmp_path: Path, bundle: Path) -> None:
    lines = [news(i, title, id=f"n{i}") for i, title in enumerate(STORIES)]
    there = play(tmp_path, bundle, lines).outcomes[0].alarms
    back = play(tmp_path, bundle, lines[::-1]).outcomes[0].alarms
    assert [(a.id, a.fired_at) for a in there] == [(a.id, a.fired_at) for a in back]


def test_an_item_without_a_time_takes_that_of_the_one_before(tmp_path: Path, bundle: Path) -> None:
    times = (None, 0, None, 7)
    lines = [news(at, title) for at, title in zip(times, STORIES, strict=True)]
    assert [a.fired_at for a in play(tmp_path, bundle, lines).outcomes[0].alarms] == [START]


def test_a_correction_takes_its_item_out(tmp_path: Path, bundle: Path) -> None:
    lines = [news(i, title, id=f"n{i}") for i, title in enumerate(STORIES[:3])]
    assert play(tmp_path, bundle, lines).outcomes[0].alarms
    fix = news(1.5, "Calder Savings meets analysts on Tuesday", id="fix", retracts="n1")
    assert not play(tmp_path, bundle, [*lines, fix]).outcomes[0].alarms


def test_bad_rows_are_counted_by_the_daemons_reasons(tmp_path: Path, bundle: Path) -> None:
    lines = [news(0, STORIES[0]), b"{", news(0, "  "), news(525_600 * 60, STORIES[1])]
    history = play(tmp_path, bundle, lines).history
    assert {one.reason: one.count for one in history.refused} == {
        "malformed_json": 1, "empty_title": 1, "impossible_time": 1,
    }  # fmt: skip
    assert history.refused[0].first[0].startswith("news.jsonl: line 2: ")


def test_csv_and_parquet_of_raw_news_give_the_same(tmp_path: Path, bundle: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {
        "title": STORIES,
        "published_at": [START + i * MINUTE for i in range(len(STORIES))],
        "id": [f"n{i}" for i in range(len(STORIES))],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "news.parquet")
    with (tmp_path / "news.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))
    settings, wanted = Settings(model={"bundle": bundle}), write_rules(tmp_path, ALL)
    found = [
        backtest_files([tmp_path / name], settings, options(tmp_path, wanted)).outcomes[0].alarms
        for name in ("news.csv", "news.parquet")
    ]
    assert found[0]
    assert found[0] == found[1]


def test_a_cache_that_can_not_be_written_is_said(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FeedError, match="--cache"):
        play(tmp_path, bundle, [news(0, STORIES[0])], cache=tmp_path / "taken")
