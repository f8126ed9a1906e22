"""The laws of the clock. Times in the pictures are minutes; `·` is a partition without a mark."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.surge.clock import MISSED_MARKS, Clock
from tests.surge.log import BANKING, Desk, minute, minutes, record, rule

IDLE = 5


def clock(news_partitions: int) -> Clock:
    return Clock(news_partitions, idle_timeout=IDLE * 60_000)


def mark(clock: Clock, partition: int, at: float, caught_up: bool = True) -> float | None:
    clock.mark(partition, minute(at), caught_up)
    return now(clock)


# Asked by functions, because what one look found is no promise about the next.


def now(clock: Clock) -> float | None:
    return None if clock.time is None else minutes(clock.time)


def stalled(clock: Clock) -> tuple[int, ...]:
    return clock.stalled


def caught_up(clock: Clock) -> bool:
    return clock.caught_up


def fall_silent(clock: Clock, first: float, last: float, *speaking: int) -> None:
    """Let all but one partition mark, often enough and long enough for it to count as stalled."""
    rounds = MISSED_MARKS * (len(speaking) + 1)
    for step in range(rounds + 1):
        for partition in speaking:
            mark(clock, partition, first + (last - first) * step / rounds)


def test_is_the_smallest_of_the_latest_marks() -> None:
    # partition 0   1 ──────── 4 ─────────── 6
    # partition 1   ·    2 ──────── 3
    # clock              1     2    3        3
    it = clock(2)
    assert mark(it, 0, 1) is None
    assert mark(it, 1, 2) == 1
    assert mark(it, 0, 4) == 2
    assert mark(it, 1, 3) == 3
    assert mark(it, 0, 6) == 3


def test_waits_for_every_partition() -> None:
    it = clock(3)
    assert mark(it, 0, 1) is None
    assert mark(it, 2, 1) is None
    assert mark(it, 1, 1) == 1


def test_tells_whether_it_moved() -> None:
    it = clock(1)
    assert it.mark(0, minute(1), caught_up=True)
    assert not it.mark(0, minute(1), caught_up=True)
    assert it.mark(0, minute(2), caught_up=True)


def test_never_regresses_when_a_mark_goes_back() -> None:
    it = clock(1)
    mark(it, 0, 5)
    assert mark(it, 0, 3) == 5
    assert mark(it, 0, 6) == 6


def test_a_partition_whose_mark_goes_back_holds_no_other_back() -> None:
    # partition 0   5 ── 3          what was 5 stays 5
    # partition 1        2 ── 4
    # clock              2    4
    it = clock(2)
    mark(it, 0, 5)
    assert mark(it, 1, 2) == 2
    mark(it, 0, 3)
    assert mark(it, 1, 4) == 4


def test_a_backlog_holds_time() -> None:
    # Partition 1 works through a backlog: it marks as often, but its time is far behind.
    it = clock(2)
    for step in range(10 * MISSED_MARKS):
        mark(it, 0, 100 + step)
        assert mark(it, 1, step / 10) == step / 10
    assert stalled(it) == ()


def test_a_partition_that_stopped_lets_go() -> None:
    # partition 0   0 ── 1 ── 2 ── 3 ── 4 ── 5      marks all along
    # partition 1   0                               none any more
    # clock         0    0    0    0    0    5
    it = clock(2)
    mark(it, 1, 0)
    fall_silent(it, 0, 4.9, 0)
    assert (now(it), stalled(it)) == (0, ())
    assert mark(it, 0, 5) == 5
    assert stalled(it) == (1,)


def test_a_leap_of_log_time_alone_stalls_nobody() -> None:
    # A backlog may carry a partition's time over hours between two marks of a healthy other.
    it = clock(2)
    mark(it, 1, 0)
    for step in range(MISSED_MARKS):
        assert mark(it, 0, 600 + step) == 0
    assert stalled(it) == ()


def test_a_leap_after_a_long_and_healthy_life_stalls_nobody() -> None:
    it = clock(2)
    for step in range(10 * MISSED_MARKS):
        mark(it, 1, step / 10)
        mark(it, 0, step / 10)
    mark(it, 0, 600)
    assert stalled(it) == ()


def test_many_marks_alone_stall_nobody() -> None:
    it = clock(2)
    mark(it, 1, 0)
    for step in range(100 * MISSED_MARKS):
        mark(it, 0, step / 1000)
    assert stalled(it) == ()


def test_a_partition_that_never_marked_lets_go_too() -> None:
    it = clock(2)
    fall_silent(it, 0, 6, 0)
    assert stalled(it) == (1,)
    assert now(it) == 6


def test_a_stalled_partition_holds_again_once_it_marks() -> None:
    # partition 0   0 … 10 ───────── 12 ─ 13
    # partition 1   0      stalled 7 ──────── 11
    # clock         0 … 10        10 10   10  11      held at 10: it never regresses
    it = clock(2)
    mark(it, 1, 0)
    fall_silent(it, 0, 10, 0)
    assert stalled(it) == (1,)
    assert mark(it, 1, 7) == 10
    assert stalled(it) == ()
    assert mark(it, 0, 12) == 10
    assert mark(it, 0, 13) == 10
    assert mark(it, 1, 11) == 11


def test_is_caught_up_when_every_live_partition_is() -> None:
    it = clock(2)
    assert not caught_up(it)
    mark(it, 0, 1, caught_up=True)
    mark(it, 1, 1, caught_up=False)
    assert not caught_up(it)
    fall_silent(it, 1, 10, 0)
    assert caught_up(it), "a stalled partition has no say"
    mark(it, 1, 10, caught_up=False)
    assert not caught_up(it)


def test_only_marks_move_it_so_that_a_bad_stamp_cannot() -> None:
    desk = Desk(rule(), series=[BANKING])
    desk.mark(1)
    desk.apply(record(10_000_000, origin=(0, 1)))
    desk.apply(record(-10_000_000, origin=(0, 2)))
    assert now(desk.watch.clock) == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), max_size=300),
    st.integers(1, 4),
)
def test_never_regresses_whatever_marks_come(
    marks: list[tuple[int, int]], news_partitions: int
) -> None:
    it = clock(news_partitions)
    before = None
    for partition, at in marks:
        came = mark(it, partition, at)
        assert before is None or (came is not None and came >= before)
        assert len(it.stalled) < len(it._sources)
        before = came
