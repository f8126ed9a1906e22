"""What a page shows: after any records, and that changes lead to what a snapshot says."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.delivery.webhook import notification_id
from monitor.live import shelf
from monitor.live.board import Board
from monitor.live.messages import ALERTS, HEADLINES, Change, DeliveryView, Said, Snapshot
from monitor.live.records import STALE_SECONDS
from monitor.live.shelf import Shelf
from monitor.records import Outcome, Queued
from tests.desk.desk import FOR_EVER, HOUR_MS, ack, fires, resolves, silence
from tests.live.following import after
from tests.live.views import NOW, process_view, scored_record, series_view

STALE_MS = round(STALE_SECONDS * 1000)


@pytest.fixture
def board() -> Board:
    found = Board()
    found.pass_time(NOW)
    return found


def test_an_item_is_one_headline_however_many_series_it_feeds(board: Board) -> None:
    assert board.read(scored_record(1, "banking"))
    assert board.read(scored_record(2, "all", "all"))
    assert not board.read(scored_record(1, "Aster", "entity"))
    assert not board.read(scored_record(1, "Aster", "entity"))
    first, second = board.snapshot().headlines
    assert (first.id, first.title, first.series) == (
        "0/1", "Headline 1", ("topic=banking", "entity=Aster"),
    )  # fmt: skip
    assert (second.id, second.series) == ("0/2", ("all=all",))


def test_the_newest_headlines_are_kept_and_none_comes_again(board: Board) -> None:
    for offset in range(HEADLINES + 5):
        board.read(scored_record(offset))
    board.read(scored_record(0, "late"))
    ids = [each.id for each in board.snapshot().headlines]
    assert ids == [f"0/{offset}" for offset in range(5, HEADLINES + 5)]


def test_who_is_not_heard_of_is_gone(board: Board) -> None:
    board.hear(series_view("old"))
    board.hear(process_view("old"))
    board.hear(series_view("new", at=NOW + 1_000))
    board.hear(process_view("new", at=NOW + 1_000))
    version = board.version
    board.pass_time(NOW + STALE_MS)
    assert len(board.snapshot().series) == 2
    board.pass_time(NOW + STALE_MS + 1)
    assert [each.key for each in board.snapshot().series] == ["new"]
    assert [each.id for each in board.snapshot().processes] == ["new"]
    change = board.since(version)
    assert isinstance(change, Change)
    assert (change.gone_series, change.gone_processes) == (("topic=old",), ("old",))


def test_a_process_that_says_that_it_is_gone_is_gone(board: Board) -> None:
    board.hear(process_view())
    board.hear(process_view(at=NOW + 1, is_gone=True))
    assert board.snapshot().processes == ()


def test_an_older_word_of_a_process_is_not_heeded(board: Board) -> None:
    board.hear(process_view(at=NOW + 1, dead_letters=2))
    board.hear(process_view(at=NOW, dead_letters=1))
    assert board.snapshot().processes[0].dead_letters == 2


def test_an_alert_by_the_clock_of_a_replay_is_not_stale(board: Board) -> None:
    board.see(fires(fired_at=1, started_at=1))
    board.pass_time(NOW + 10 * STALE_MS)
    assert len(board.snapshot().alerts) == 1


def test_what_the_desk_says_begins_and_ends_by_itself(board: Board) -> None:
    alert = fires()
    board.see(alert)
    board.say(silence(starts_at=NOW + 10, ends_at=NOW + HOUR_MS))
    board.say(ack(alert, until=NOW + 20))

    def shown() -> tuple[Said | None, Said | None]:
        (view,) = board.snapshot().alerts
        return view.silenced, view.acknowledged

    silenced, acknowledged = (
        Said("ada", "known outage", NOW + HOUR_MS), Said("ada", "", NOW + 20),
    )  # fmt: skip
    board.pass_time(NOW + 9)
    assert shown() == (None, acknowledged)
    board.pass_time(NOW + 10)
    assert shown() == (silenced, acknowledged)
    board.pass_time(NOW + 20)
    assert shown() == (silenced, None)
    board.pass_time(NOW + HOUR_MS)
    assert shown() == (None, None)


def test_a_silence_holds_back_no_episode_that_is_over(board: Board) -> None:
    alert = fires()
    board.say(silence(starts_at=NOW, ends_at=NOW + HOUR_MS))
    board.say(ack(alert, until=FOR_EVER))
    board.see(alert)
    board.see(resolves(1, alert))
    first, last = board.snapshot().alerts
    assert first.episode == last.episode
    assert (first.silenced, last.silenced) == (None, None)
    assert first.acknowledged is not None


def test_a_sign_of_life_takes_the_place_of_the_one_before(board: Board) -> None:
    alert = fires(0, key="a")
    board.see(alert)
    for number in range(1, ALERTS + 1):
        board.see(fires(number, rule="alive", started_at=number))
    version = board.version
    board.see(fires(ALERTS + 1, rule="alive", started_at=ALERTS + 1))
    assert [each.event.id for each in board.snapshot().alerts] == ["alert-0", f"alert-{ALERTS + 1}"]
    change = board.since(version)
    assert isinstance(change, Change)
    assert change.gone_alerts == (f"alert-{ALERTS}",)
    # What was resolved stays when it fires again.
    board.see(resolves(900, alert))
    board.see(fires(901, key="a", started_at=901))
    assert [each.event.id for each in board.snapshot().alerts][-2:] == ["alert-900", "alert-901"]


def test_nothing_new_is_no_message(board: Board) -> None:
    board.hear(series_view())
    version = board.version
    board.hear(series_view())
    board.pass_time(NOW + 1)
    assert board.since(version) is None


def _deliveries(board: Board, *records: Queued | Outcome) -> tuple[DeliveryView, ...]:
    for record in records:
        board.notify(record)
    return board.snapshot().alerts[-1].deliveries


def test_a_delivery_from_the_queue_to_its_end(board: Board) -> None:
    board.see(fires(1))
    identity = notification_id("desk", ["alert-1"])
    queued = Queued(identity, "desk", ("alert-1",), NOW)
    assert _deliveries(board, queued) == (DeliveryView("desk", "queued", NOW),)
    ended = Outcome(identity, "desk", False, 3, NOW + 9, "gone: 410")
    assert _deliveries(board, ended) == (DeliveryView("desk", "given_up", NOW + 9, 3, "gone: 410"),)


def test_a_group_tells_of_each_of_its_alerts_even_before_they_are_read(board: Board) -> None:
    board.notify(Queued("ntf_group", "pager", ("alert-1", "alert-2"), NOW))
    board.notify(Outcome("ntf_group", "pager", True, 1, NOW + 5))
    board.see(fires(1))
    board.see(fires(2))
    delivered = (DeliveryView("pager", "delivered", NOW + 5, 1),)
    assert [each.deliveries for each in board.snapshot().alerts] == [delivered, delivered]


@pytest.mark.parametrize("is_read_first", [True, False])
def test_what_is_silenced_is_told_when_the_silence_is_over(
    board: Board, is_read_first: bool
) -> None:
    identity = notification_id("desk", ["alert-1"])
    held = Outcome(identity, "desk", False, 0, NOW, "silenced: s-1", silence="s-1")
    if is_read_first:
        board.see(fires(1))
        board.notify(held)
    else:
        board.notify(held)
        board.see(fires(1))
    assert _deliveries(board) == (DeliveryView("desk", "silenced", NOW, 0, "silenced: s-1"),)
    queued = Queued(identity, "desk", ("alert-1",), NOW + 1)
    assert _deliveries(board, queued) == (DeliveryView("desk", "queued", NOW + 1),)
    told = Outcome(identity, "desk", True, 1, NOW + 2)
    assert _deliveries(board, told) == (DeliveryView("desk", "delivered", NOW + 2, 1),)


def test_each_receiver_has_a_delivery_of_its_own(board: Board) -> None:
    board.see(fires(1))
    for receiver in ("pager", "desk"):
        identity = notification_id(receiver, ["alert-1"])
        board.notify(Queued(identity, receiver, ("alert-1",), NOW))
    assert [each.receiver for each in _deliveries(board)] == ["desk", "pager"]


def _alike(shown: Snapshot) -> Snapshot:
    """Series and processes have no order that means something."""
    return msgspec.structs.replace(
        shown,
        series=tuple(sorted(shown.series, key=lambda each: each.key)),
        processes=tuple(sorted(shown.processes, key=lambda each: each.id)),
    )


_few = st.integers(0, 3)
_times = st.integers(0, 3 * STALE_MS).map(lambda after: NOW + after)
_steps: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "hear series": st.tuples(_few, _times),
    "hear process": st.tuples(_few, _times, st.booleans()),
    "read": st.tuples(st.integers(0, 150), st.sampled_from(["a", "b"])),
    "read many": st.tuples(st.integers(0, 150)),
    "see": st.tuples(_few),
    "resolve": st.tuples(_few),
    "beat": st.tuples(st.integers(0, 20)),
    "see many": st.tuples(st.integers(0, 300)),
    "notify": st.tuples(_few, st.booleans()),
    "say": st.tuples(_times),
    "ack": st.tuples(_few, _times),
    "skip": st.tuples(_few),
    "time": st.tuples(_times),
    "look": st.tuples(),
}


def _see_many(board: Board, first: int) -> None:
    for number in range(first, first + ALERTS // 2):
        board.see(fires(number))


def _apply(board: Board, step: str, *given: Any) -> None:
    doing: dict[str, Callable[..., Any]] = {
        "hear series": lambda key, at: board.hear(series_view(str(key), at=at)),
        "hear process": lambda key, at, is_gone: board.hear(
            process_view(str(key), at=at, is_gone=is_gone)
        ),
        "read": lambda offset, key: board.read(scored_record(offset, key)),
        "read many": lambda first: [board.read(scored_record(first + n)) for n in range(40)],
        "see": lambda number: board.see(fires(number)),
        "resolve": lambda number: board.see(resolves(number + 10, fires(number))),
        "beat": lambda number: board.see(fires(number + 500, rule="alive", started_at=number)),
        "see many": lambda first: _see_many(board, first),
        "notify": lambda number, is_delivered: board.notify(
            Outcome(f"q{number}", "desk", is_delivered, 1, NOW)
            if is_delivered
            else Queued(f"q{number}", "desk", (f"alert-{number}",), NOW)
        ),
        "say": lambda ends_at: board.say(silence(ends_at=ends_at)),
        "ack": lambda number, until: board.say(ack(fires(number), until)),
        "skip": board.skip,
        "time": board.pass_time,
    }
    doing[step](*given)


@given(
    st.lists(
        st.sampled_from(sorted(_steps)).flatmap(
            lambda step: st.tuples(st.just(step), _steps[step])
        ),
        max_size=30,
    )
)
def test_changes_lead_to_what_a_snapshot_says(steps: list[tuple[str, tuple[Any, ...]]]) -> None:
    board = Board()
    board.pass_time(NOW)
    every = seldom = once = board.snapshot()
    version_every = version_seldom = board.version

    def told(page: Snapshot, version: int) -> Snapshot:
        message = board.since(version)
        return page if message is None else after(page, message)

    for step, given_ in steps:
        if step == "look":
            seldom, version_seldom = told(seldom, version_seldom), board.version
        else:
            _apply(board, step, *given_)
        every, version_every = told(every, version_every), board.version
    seldom, once = told(seldom, version_seldom), told(once, 0)
    for page in (every, seldom, once):
        # The time is told with the next change only.
        assert _alike(msgspec.structs.replace(page, now=0)) == _alike(
            msgspec.structs.replace(board.snapshot(), now=0)
        )


def test_who_is_too_far_behind_is_sent_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_REMEMBERED", 2)
    board = Board()
    for offset in range(HEADLINES + 2):
        board.read(scored_record(offset))
    version = board.version
    board.read(scored_record(1_000))
    assert isinstance(board.since(version), Change)
    assert isinstance(board.since(1), Snapshot)


def test_a_shelf_forgets_in_the_end_and_says_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_REMEMBERED", 1)
    kept: Shelf[int] = Shelf(1)
    assert [kept.put(key, 0, version) for version, key in enumerate("abc", 1)] == [True] * 3
    assert kept.floor == 2
    assert not kept.put("b", 0, 4), "it is remembered that it was let go of"
    assert kept.items() == (0,)
