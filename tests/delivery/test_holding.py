"""What silences keep back, and when it is told after all."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from monitor.delivery.grouping import Item
from monitor.delivery.holding import Holding, Sorted
from monitor.delivery.offsets import Unfinished
from monitor.desk.board import Board
from monitor.desk.records import Expiry, Silence
from monitor.records import AlertEvent, AlertPlace
from tests.desk.desk import fires, resolves, silence


def board(*silences: Silence) -> Board:
    found = Board()
    for each in silences:
        found.apply(each)
    return found


def ids(items: list[Item]) -> list[str]:
    return [each.alert.id.removeprefix("alert-") for each in items]


def sort(holding: Holding, *alerts: AlertEvent, now: int) -> Sorted:
    items = (Item(a, AlertPlace(0, int(a.id.removeprefix("alert-"))), 0) for a in alerts)
    return holding.sort(tuple(items), now)


def test_what_fires_is_kept_back_while_the_silence_lasts_and_then_told() -> None:
    holding = Holding(board(silence("s", 100, 200)))
    assert ids(sort(holding, fires(0), now=99).told) == ["0"]
    found = sort(holding, fires(1, key="a"), fires(2, key="b"), now=100)
    assert (ids(found.told), ids(found.kept_back), ids(found.dropped)) == ([], ["1", "2"], [])
    assert {each.silenced_by for each in found.kept_back} == {"s"}
    assert holding.release(199) == []
    assert holding.next_release() == 200
    assert ids(holding.release(200)) == ["1", "2"]
    assert holding.release(200) == []
    assert holding.next_release() is None


def test_a_silence_that_is_ended_early_releases_what_it_kept_back() -> None:
    one = silence("s", 0, 1000)
    desk = board(one)
    holding = Holding(desk)
    sort(holding, fires(0), now=10)
    assert holding.release(20) == []
    desk.apply(msgspec.structs.replace(one, expired=Expiry("bo", 30)))
    assert holding.release(29) == []
    assert holding.next_release() == 30
    assert ids(holding.release(30)) == ["0"]


def test_another_silence_may_take_over() -> None:
    holding = Holding(board(silence("s", 0, 100), silence("t", 50, 300)))
    sort(holding, fires(0), now=10)
    assert holding.release(100) == []
    assert ids(holding.release(300)) == ["0"]


def test_of_what_was_kept_back_the_end_is_not_told_either() -> None:
    holding = Holding(board(silence("s", 0, 100)))
    begins = fires(0)
    sort(holding, begins, now=10)
    found = sort(holding, resolves(1, begins), now=20)
    assert (ids(found.told), ids(found.kept_back)) == ([], [])
    assert ids(found.dropped) == ["1", "0"], "the end first, so that a crash can't lose it"
    assert holding.release(100) == []


def test_of_what_was_told_before_the_silence_the_end_is_told() -> None:
    holding = Holding(board(silence("s", 50, 100)))
    begins = fires(0)
    assert ids(sort(holding, begins, now=10).told) == ["0"]
    assert ids(sort(holding, resolves(1, begins), now=60).told) == ["1"]


def test_what_fires_and_ends_within_one_group_is_dropped() -> None:
    holding = Holding(board(silence("s", 0, 100)))
    begins = fires(0)
    found = sort(holding, begins, resolves(1, begins), fires(2, rule="other"), now=10)
    assert (ids(found.told), ids(found.dropped)) == (["2"], ["1", "0"])


def test_another_episode_of_a_changed_rule_takes_the_place_of_the_first() -> None:
    holding = Holding(board(silence("s", 0, 100)))
    sort(holding, fires(0), now=10)
    found = sort(holding, fires(1, rule_hash="new", started_at=5), now=20)
    assert (ids(found.kept_back), ids(found.dropped)) == (["1"], ["0"])
    assert ids(holding.release(100)) == ["1"]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=40))
def test_no_offset_is_committed_past_one_that_is_unfinished(
    steps: list[tuple[bool, int]],
) -> None:
    unfinished, open_, read = Unfinished(0), set[int](), 0
    for reads, which in steps:
        if reads:
            later = which > 0
            unfinished.read(read, ends_later=later)
            open_ |= {read} if later else set()
            read += 1
        elif open_:
            ended = sorted(open_)[which % len(open_)]
            unfinished.end(ended)
            open_.discard(ended)
        assert unfinished.done_to == min(open_, default=read)
