"""What alerts are worth: alarms, months, events told, and two rule files side by side."""

from pathlib import Path

import pytest

from monitor.backtest.events_file import load_events
from monitor.backtest.result import Alarm, Event, Outcome
from monitor.backtest.running import backtest_files
from monitor.backtest.weighing import compare, weigh
from monitor.errors import FeedError
from monitor.records import AlertEvent, By, Series, WindowStatistics
from monitor.rules.file import load_rules
from monitor.settings import Settings
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

HOUR = 60 * MINUTE
DAY = 24 * HOUR


def alerts(*spells: tuple[Series, int, int | None]) -> tuple[AlertEvent, ...]:
    """The events of alarms of the rule Many, each from one minute to another or on."""
    events = []
    for series, begin, end in spells:
        for at, state in ((begin, "firing"), (end, "resolved")):
            if at is not None:
                events.append(event(series, begin, at, state))
    return tuple(sorted(events, key=lambda one: one.resolved_at or one.fired_at))


def event(series: Series, begin: int, at: int, state: str) -> AlertEvent:
    window = WindowStatistics(600.0, START + at * MINUTE, 3, 3, 3, 3, 1.0, -0.9)
    return AlertEvent(
        id=f"{series}-{begin}-{state}", rule="Many", rule_hash="h", series=series,
        state="firing" if state == "firing" else "resolved", severity="warning",
        started_at=START + begin * MINUTE, fired_at=START + begin * MINUTE,
        resolved_at=START + at * MINUTE if state == "resolved" else None,
        window=window, stories=(), model="m1",
    )  # fmt: skip


def told(minute: int, length: int, series: Series = BANKING) -> Event:
    return Event("e", series, START + minute * MINUTE, START + (minute + length) * MINUTE)


def weighed(
    tmp_path: Path, events: tuple[Event, ...], *spells: tuple[Series, int, int | None]
) -> Outcome:
    dimensions: tuple[By, ...] = ("topic",)
    rules = load_rules(write_rules(tmp_path, MANY), 60, dimensions).rules
    return weigh("rules.yaml", rules, alerts(*spells), events, {})


def test_alarms_go_from_firing_to_resolution(tmp_path: Path) -> None:
    outcome = weighed(tmp_path, (), (BANKING, 0, 30), (ENERGY, 10, None), (BANKING, 60, 70))
    spans = [(alarm.series, alarm.fired_at, alarm.resolved_at) for alarm in outcome.alarms]
    assert spans == [
        (BANKING, START, START + 30 * MINUTE),
        (ENERGY, START + 10 * MINUTE, None),
        (BANKING, START + 60 * MINUTE, START + 70 * MINUTE),
    ]
    assert [(m.series, m.month, m.alarms) for m in outcome.monthly] == [
        (BANKING, "2025-10", 2), (ENERGY, "2025-10", 1),
    ]  # fmt: skip


def test_recall_delay_and_what_lies_outside(tmp_path: Path) -> None:
    #     0    10   20   30   40   50   60  minutes
    # Banking  [alarm]    event  [alarm]
    # events  [e]                          [missed]
    events = (told(5, 30), told(100, 10), told(12, 5, ENERGY))
    outcome = weighed(tmp_path, events, (BANKING, 10, 20), (BANKING, 50, 60), (ENERGY, 10, 14))
    [score] = outcome.scores
    assert (score.events, score.told) == (3, 2)
    assert score.recall == pytest.approx(2 / 3)
    assert (score.alarms, score.outside) == (3, 1)
    # 5 minutes on Banking; on Energy the alarm fired already.
    assert score.median_delay_seconds == 150
    assert [one.delay_seconds for one in outcome.tellings] == [300, None, 0]
    assert [alarm.events for alarm in outcome.alarms] == [(0,), (2,), ()]


def test_an_alarm_that_fires_on_tells_of_what_comes(tmp_path: Path) -> None:
    [score] = weighed(tmp_path, (told(500, 10),), (BANKING, 0, None)).scores
    assert (score.told, score.outside) == (1, 0)


def alarm(rule: str, minute: int, length: int = 10, series: Series = BANKING) -> Alarm:
    at = START + minute * MINUTE
    return Alarm(
        f"{rule}{minute}", rule, series, "warning", at, at, at + length * MINUTE, 3, None, None,
        None, "",
    )  # fmt: skip


def test_two_rule_files_side_by_side() -> None:
    pairs = compare(
        [alarm("Many", 0), alarm("Many", 100), alarm("Old", 200)],
        [alarm("Many", 5), alarm("Few", 203), alarm("Many", 300), alarm("Few", 103)],
    )
    assert [(p.first, p.second, p.later_seconds) for p in pairs] == [
        ("Many0", "Many5", 300),
        ("Many100", None, None),  # Few103 is another rule, and Many has its own in both files
        (None, "Few103", None),
        ("Old200", "Few203", 180),
        (None, "Many300", None),
    ]


def test_events_are_read_with_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "series,start,end,name\n"
        "topic=Energy,2025-10-09T00:00:00Z,2025-10-09T06:00:00Z,Pipeline leak\n"
        f"topic=Banking,{START},,\n"
    )
    banking, energy = load_events(path)
    assert banking == Event("topic=Banking", BANKING, START, START + DAY)
    assert (energy.name, energy.end - energy.start) == ("Pipeline leak", 6 * HOUR)


def test_every_fault_in_the_events_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "series,start,end\n"
        "Banking,2025-10-09T00:00:00Z,\n"
        "topic=Banking,yesterday,\n"
        "topic=Banking,2025-10-09T00:00:00Z,2025-10-08T00:00:00Z\n"
    )
    with pytest.raises(FeedError) as raised:
        load_events(path)
    lines = str(raised.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["line 2", "line 3", "line 4"]
    assert "topic=Financials" in lines[0]
    path.write_text("when\n1\n")
    with pytest.raises(FeedError, match="no column series, start"):
        load_events(path)


def test_variants_of_a_surge_rule(tmp_path: Path) -> None:
    """Two bursts, one of five stories within three hours and one of forty within one."""
    usual = [scored(i, 180 * i) for i in range(60)]
    small = [scored(1000 + i, 60 * 180 + 30 * i) for i in range(5)]
    large = [scored(2000 + i, 80 * 180 + i) for i in range(40)]
    calm = [scored(3000 + i, 90 * 180 + 180 * i) for i in range(20)]
    history = write_lines(tmp_path / "h.jsonl", [*usual, *small, *large, *calm])
    events = (told(80 * 180, 60),)
    wanted = options(tmp_path, write_rules(tmp_path, SURGE), events=events, with_curve=True)
    outcome = backtest_files([history], Settings(), wanted).outcomes[0]
    own = [point for point in outcome.curve if point.is_own]
    assert len(own) == 2
    assert {point.score.alarms for point in own} == {len(outcome.alarms)}
    assert outcome.scores[0].told == own[0].score.told == 1
    live, curve = outcome.scores[0].median_delay_seconds, own[0].score.median_delay_seconds
    assert live is not None
    assert curve is not None
    assert live <= curve <= live + 60
    tolerant = [point for point in outcome.curve if point.varied == "false_alarms"]
    counts = [point.score.alarms for point in tolerant]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
