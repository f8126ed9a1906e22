"""Files of history, of each kind: what is read of them, and how they are made into a log."""

import csv
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from benchmarks.watch_log import scored_log
from monitor.backtest import processes
from monitor.backtest.running import backtest_files
from monitor.errors import FeedError
from monitor.records import (
    AlertEvent,
    Mark,
    ModelChange,
    Origin,
    Retraction,
    ScoredRecord,
    Series,
    decode_scored,
)  # fmt: skip
from monitor.rules.file import default_rules
from monitor.settings import Settings
from monitor.surge.partition import PartitionWatch
from monitor.watch_plan import deployed_plan
from tests.backtest.history import (
    BANKING,
    ENERGY,
    MANY,
    MINUTE,
    START,
    SURGE,
    options,
    scored,
    write_lines,
    write_rules,
)  # fmt: skip

SETTINGS = Settings(score={"mark_interval_seconds": 0.5})


def fired(tmp_path: Path, records: list[msgspec.Struct | bytes]) -> list[AlertEvent]:
    history = write_lines(tmp_path / "scored.jsonl", records)
    found = backtest_files([history], SETTINGS, options(tmp_path))
    return [event for event in found.outcomes[0].alerts if event.state == "firing"]


def test_a_file_is_played_as_the_log_that_the_docs_describe(tmp_path: Path) -> None:
    """Each record at its arrival, after the last mark that SCORE would have written before it."""
    log = [decode_scored(value) for value in scored_log(22_000, per_second=0.5)]
    records = [one for one in log if isinstance(one, ScoredRecord)]
    shuffled = sorted(records, key=lambda one: one.origin.offset * 7919 % 1000)
    history = write_lines(tmp_path / "scored.jsonl", shuffled)
    wanted = options(tmp_path, default_rules())
    found = backtest_files([history], SETTINGS, wanted).outcomes[0].alerts

    settings = SETTINGS.model_copy(update={"rules": default_rules()})
    watch = PartitionWatch(0, replace(deployed_plan(settings), news_partitions=1))
    events: list[AlertEvent] = []
    newest: dict[int, int] = {}
    arrivals = []
    for record in sorted(records, key=lambda one: one.origin):
        partition = record.origin.partition
        newest[partition] = max(newest.get(partition, 0), record.ingest_time)
        arrivals.append((newest[partition], record))
    slide = 60_000
    first = min(time for time, _ in arrivals)
    events += watch.apply(0, Mark(0, 0, (first - 1) // slide * slide, caught_up=True))
    for offset, (time, record) in enumerate(sorted(arrivals, key=lambda one: one[0])):
        at = max((time - 1) // 500 * 500, (time - 1) // slide * slide)
        events += watch.apply(0, Mark(0, 0, at, caught_up=True))
        events += watch.apply(offset, record)
    last = max(time for time, _ in arrivals)
    events += watch.apply(0, Mark(0, 0, -(-last // slide) * slide, caught_up=True))
    assert len(events) > 3
    assert sorted(found, key=lambda one: one.id) == sorted(events, key=lambda one: one.id)


@pytest.mark.timeout(180)
def test_several_processes_find_what_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "WORTH_A_PROCESS", 50)
    series = (BANKING, ENERGY, Series("entity", "KSTR"), Series("all", "all"))
    usual = [scored(i, 16 * i, series[i % 4], negative=0.7 * (i % 3 > 0)) for i in range(300)]
    bursts = [scored(1000 + i, 5000 + i / 2, series[i % 4]) for i in range(100)]
    again = Retraction("n1007", Origin(1, 0), START + 5007 * MINUTE)
    history = write_lines(tmp_path / "scored.jsonl", [*usual, *bursts, again])
    rules = write_rules(tmp_path, name="many.yaml"), write_rules(tmp_path, SURGE)
    one, three = (
        backtest_files([history], SETTINGS, options(tmp_path, *rules, processes=n, with_curve=True))
        for n in (1, 3)
    )
    assert {event.rule for outcome in one.outcomes for event in outcome.alerts} == {"Many", "Surge"}
    assert one == three


def test_order_of_lines_says_nothing_and_marks_are_passed_over(tmp_path: Path) -> None:
    records: list[msgspec.Struct | bytes] = [scored(i, i) for i in range(4)]
    alerts = fired(tmp_path, records)
    assert [event.rule for event in alerts] == ["Many"]
    assert alerts[0].fired_at == START + 2 * MINUTE - 500 + 500
    shuffled = [Mark(0, 9, START + 90 * MINUTE, caught_up=True), *reversed(records)]
    assert fired(tmp_path, shuffled) == alerts


def test_a_retraction_takes_its_item_out(tmp_path: Path) -> None:
    records = [scored(i, i) for i in range(3)]
    taken = Retraction("n1", Origin(0, 2), START + 2 * MINUTE - 1)
    assert fired(tmp_path, [*records[:2], scored(3, 2), records[0], taken]) == []


def test_a_better_model_rings_no_bell(tmp_path: Path) -> None:
    write_rules(tmp_path, SURGE)
    change = ModelChange("m1", "m2", {"Banking": 4.0}, 4.0, 4.0, 500)
    usual = [scored(i, 60 * i) for i in range(48)]
    more = [scored(100 + i, 48 * 60 + 15 * i, model="m2") for i in range(48)]
    history = write_lines(tmp_path / "h.jsonl", [*usual, *more])
    wanted = options(tmp_path, tmp_path / "rules.yaml")
    assert backtest_files([history], SETTINGS, wanted).outcomes[0].alerts
    history = write_lines(tmp_path / "h.jsonl", [*usual, *more, change])
    assert not backtest_files([history], SETTINGS, wanted).outcomes[0].alerts


def test_what_can_not_be_used_is_counted_by_reason_and_named(tmp_path: Path) -> None:
    future = scored(8, 60 * 24 * 365 * 80)
    short = msgspec.json.encode({**msgspec.to_builtins(scored(9, 1)), "signature": "AA=="})
    broken = [b"{", b'{"kind": "scored"}', b'{"kind": "gossip"}', short]
    history = write_lines(tmp_path / "h.jsonl", [scored(1, 0), future, *broken])
    found = backtest_files([history], SETTINGS, options(tmp_path)).history
    assert {one.reason: one.count for one in found.refused} == {
        "not_scored": 4, "impossible_time": 1,
    }  # fmt: skip
    told = [words for one in found.refused for words in one.first]
    assert any(words.startswith("h.jsonl: line 2: time ") for words in told)
    assert any(words.startswith("h.jsonl: line 6: ") and "64" in words for words in told)
    assert found.outcomes == {"counted": 1}


def test_a_table_of_scored_headlines(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["event_time", "topic", "negative", "title"])
        for i in (2, 0, 1, 3):  # out of order
            rows.writerow([START + i * MINUTE, "Banking", 0.9, scored(i, 0).item.title])
        rows.writerow([START, "Banking", "much", "x"])
    found = backtest_files([table], SETTINGS, options(tmp_path))
    assert [(alarm.rule, alarm.series) for alarm in found.outcomes[0].alarms] == [("Many", BANKING)]
    assert [one.reason for one in found.history.refused] == ["bad_row"]
    assert "table.csv: line 6" in found.history.refused[0].first[0]


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {
        "event_time": [START + i * MINUTE for i in range(4)],
        "topic": ["Energy"] * 4,
        "negative": [0.9] * 4,
        "title": [scored(i, 0).item.title for i in range(4)],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "table.parquet")
    found = backtest_files([tmp_path / "table.parquet"], SETTINGS, options(tmp_path))
    assert [alarm.series for alarm in found.outcomes[0].alarms] == [ENERGY]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("h.txt", b"", "ends in .jsonl"),
        ("h.jsonl", b"no\njson\n", "none of its first"),
        ("h.csv", b"when,what\n1,2\n", "no column title"),
        ("h.jsonl", b'{"kind": "mark"}\n', "nothing in the history can be used"),
        ("h.jsonl", b'{"title": "Kestrel Mutual halts withdrawals"}\n', "no item has a time"),
    ],
)
def test_a_file_that_is_no_history_is_said(
    tmp_path: Path, bundle: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    settings = Settings(model={"bundle": bundle})
    with pytest.raises(FeedError, match=message):
        backtest_files([tmp_path / name], settings, options(tmp_path))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="no such file"):
        backtest_files([tmp_path / "none.jsonl"], SETTINGS, options(tmp_path))


def test_news_that_comes_late_counts_as_late(tmp_path: Path) -> None:
    late = scored(5, 30, event_time=START)
    history = write_lines(tmp_path / "h.jsonl", [scored(1, 0), scored(2, 29), late])
    found = backtest_files([history], SETTINGS, options(tmp_path))
    assert found.history.outcomes == {"counted": 2, "late": 1}
    assert any("1 records came after" in doubt for doubt in found.doubts)


def test_a_dead_man_says_nothing_of_a_file_and_maintenance_keeps_alerts_back(
    tmp_path: Path,
) -> None:
    history = write_lines(tmp_path / "h.jsonl", [scored(i, i) for i in range(9)])
    beats = write_rules(tmp_path, f"{MANY}  - {{alert: Alive, type: dead_man}}\n")
    found = backtest_files([history], SETTINGS, options(tmp_path, beats)).outcomes[0]
    assert {event.rule for event in found.alerts} == {"Many"}
    assert {score.rule for score in found.scores} == {"Many"}
    window = "{name: move, from: '2025-10-08T00:00:00Z', to: '2025-10-09T00:00:00Z'}"
    quiet = write_rules(tmp_path, f"{MANY}maintenance: [{window}]\n")
    assert not backtest_files([history], SETTINGS, options(tmp_path, quiet)).outcomes[0].alerts
