"""What the demo shows: numbers as observed, and nothing of a headline that steers a terminal."""

import io

import pytest
from rich.console import Console, RenderableType

from monitor.demo.accounts import judge
from monitor.demo.observed import BUCKETS, Observed, Row
from monitor.demo.view import Moment, alert_line, line, live, printable, sparkline, summary
from monitor.records import Mark
from tests.demo.seen import BANKS, EXPECTED, NOON, a_good_run, alert, delivery, scored

HOSTILE = "\x1b[2J\x1b[31mSell\x1b[0m [bold red]now[/] \u202egnol\u202c\x07\x9b31m\u200b!"
MOMENT = Moment(now=100.0, total=4, delivered=1)


def drawn(what: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, "Sell [bold red]now[/] gnol31m!"),
        ("two\nlines\tand  spaces", "two lines and spaces"),
        ("x" * 200, "x" * 159 + "…"),
        ("\ud800broken", "broken"),
    ],
)
def test_printable_leaves_no_control(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_hostile_headlines_and_keys_are_shown_as_plain_text() -> None:
    seen = a_good_run()
    seen.alerts[:] = [alert(title=HOSTILE)]
    seen.take_scored(0, 9, scored(9, 1, key="\x1b[31m[red]key"), now=100.0)
    shown = drawn(live(seen, MOMENT, height=40))
    assert "[bold red]now[/]" in shown
    assert "[red]key" in shown
    assert all(each.isprintable() or each == "\n" for each in shown)
    verdict = judge(EXPECTED, seen, [delivery(alert())], 0)
    assert "[bold red]now[/]" in drawn(summary(verdict))


def test_a_sparkline_has_a_bar_for_each_share_and_a_dot_for_nothing() -> None:
    """Buckets: nothing, one neutral item, one of two negative, one negative, four negative."""
    row = Row(buckets=[[0, 0], [1, 0], [2, 1], [1, 1], [4, 4]])
    drawn = sparkline(row)
    assert drawn.plain == "·▁▅██"
    assert [span.style for span in drawn.spans][1:] == ["green", "yellow", "yellow", "red"]


def test_a_row_counts_items_by_time() -> None:
    """32 minutes in 32 buckets: items at minutes 0, 10 and 12."""
    row = a_good_run().rows["Banks"]
    assert (row.count, row.negative) == (3, 2)
    assert [i for i, share in enumerate(row.shares) if share is not None] == [0, 10, 12]
    assert [row.shares[i] for i in (0, 10, 12)] == [0.0, 1.0, 1.0]


def test_what_is_outside_the_span_counts_at_its_edge() -> None:
    span = a_good_run().span
    assert span.bucket(NOON - 1) == 0
    assert span.bucket(span.last + 1) == BUCKETS - 1


def test_the_live_view_tells_numbers_topics_and_alerts() -> None:
    shown = drawn(live(a_good_run(), MOMENT, height=40))
    assert "12:00:00" in shown
    assert "lag 0" in shown
    assert "FIRING NegativeSurge" in shown
    assert "67%" in shown
    assert "Bank falls  (+1)  Northline News" in shown


def test_where_there_is_little_room_what_fires_is_shown_first() -> None:
    seen = a_good_run()
    for number in range(20):
        for offset in range(5):
            record = scored(100 + number * 10 + offset, 1, key=f"Topic {number:02}")
            seen.take_scored(1, number * 10 + offset, record, now=99.0)
    shown = drawn(live(seen, MOMENT, height=20))
    assert "Banks" in shown
    assert shown.count("Topic") == 4
    assert "everything" in shown


def test_a_resolved_alert_no_longer_fires() -> None:
    seen = a_good_run()
    assert seen.firing(BANKS) == ["NegativeSurge"]
    seen.alerts.append(alert("resolved", minute=20))
    assert seen.firing(BANKS) == []
    assert "resolved" in drawn(live(seen, MOMENT, height=40))


def test_the_plain_line_and_alert_line() -> None:
    assert line(a_good_run(), MOMENT) == (
        "12:00:00  published 4/4  scored 3  dead-lettered 1  lag 0  1 items/s  alerts 1  webhooks 1"
    )
    assert alert_line(alert()) == (
        "12:12:00  FIRING  NegativeSurge on topic=Banks  2 negative of 4 stories in 60 min"
    )


def test_the_clock_is_the_earliest_of_all_marks() -> None:
    seen = Observed(a_good_run().span, 0.5)
    assert seen.clock is None
    for partition, news_partition, time in ((0, 0, 50), (0, 1, 30), (1, 0, 40), (1, 1, 60)):
        mark = Mark(news_partition, 1, NOON + time, caught_up=True)
        seen.take_scored(partition, news_partition, mark, now=0.0)
    assert seen.clock == NOON + 30
