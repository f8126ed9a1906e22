"""The laws of panes and windows, and of what counts as told once.

In the pictures a pane is written `(3,4]`: minutes after the start, its end belongs to it.
"""

import pytest

from monitor.records import Origin, Series
from monitor.surge.panes import Pane, Tally, Window, pane_of
from monitor.surge.scales import WHOLE
from tests.surge.log import MINUTE, NEGATIVE, NEUTRAL, POSITIVE, Desk, mark, minute, minutes, rule


def pane_end(at: float) -> float:
    return minutes(pane_of(minute(at), MINUTE) * MINUTE)


def closed_tally(desk: Desk, end: float) -> Tally:
    track = desk.track()
    number = minute(end) // MINUTE
    assert number <= track.closed, "the pane is still open"
    tally: Tally = track.panes[number].tally
    return tally


def open_tally(desk: Desk, end: float) -> Tally:
    track = desk.track()
    number = minute(end) // MINUTE
    assert track.closed is None or number > track.closed, "the pane is closed"
    tally: Tally = track.panes[number].tally
    return tally


def test_the_end_belongs_to_the_pane() -> None:
    assert pane_end(3.001) == 4
    assert pane_end(4) == 4
    assert pane_end(4.001) == 5


def test_a_pane_closes_when_the_clock_has_passed_its_end_by_the_allowed_lateness() -> None:
    # lateness 2     pane (0,1]      clock 1    2    3
    #                                open  open open closed
    desk = Desk(rule(), lateness=2)
    desk.mark(0)
    desk.news(0.5, "a")
    for at in (1, 2, 2.99):
        desk.mark(at)
        assert open_tally(desk, 1).novel_count == 1
    desk.mark(3)
    assert closed_tally(desk, 1).novel_count == 1


def test_what_comes_within_lateness_is_counted_and_what_comes_later_is_late() -> None:
    desk = Desk(rule(), lateness=2)
    desk.mark(0)
    desk.mark(2.99)
    desk.news(0.5, "just in time")
    desk.mark(3)
    desk.news(0.5, "too late")
    assert desk.watch.outcomes == {"counted": 1, "late": 1}
    assert closed_tally(desk, 1).raw_count == 1


def test_scores_are_summed_whole_so_that_order_does_not_matter() -> None:
    desk = Desk(rule())
    for at, sentiment in [(1, NEGATIVE), (1, NEUTRAL), (1, POSITIVE)]:
        desk.news(at, f"{sentiment}", sentiment)
    assert open_tally(desk, 1) == Tally(3, 1, -10_000, 3, 1, -10_000, WHOLE)


def test_a_window_sums_its_panes_head_included() -> None:
    # panes     1:1  2:1  3:1  4:1     length 3
    # head 3    [──────────]           3
    # head 4         [──────────]      3
    # head 6                   [─      1
    panes = {number: Pane(Tally(raw_count=1)) for number in (1, 2, 3, 4)}
    window = Window(3)
    sums = []
    for head in (3, 4, 6, 9):
        window.roll(head, panes)
        sums.append(window.tally.raw_count)
    assert sums == [3, 3, 1, 0]


def test_a_window_does_not_roll_back() -> None:
    panes = {1: Pane(Tally(raw_count=1))}
    window = Window(1)
    window.roll(2, panes)
    window.roll(1, panes)
    assert (window.head, window.tally.raw_count) == (2, 0)


@pytest.mark.parametrize("lateness", [0, 1, 2.5])
def test_a_window_forgets_what_left_it(lateness: float) -> None:
    # items        1  2  3  4  5  6  .  .  .  .
    # last three   1  2  3  3  3  3  2  1  0  0
    desk = Desk(rule(window="3m"), lateness=lateness)
    desk.mark(0)
    counts = []
    for at in range(1, 11):
        if at <= 6:
            desk.news(at - 0.5, f"story {at}")
        desk.mark(at)
        counts.append(desk.track().on_time[3].tally.raw_count)
    assert counts == [1, 2, 3, 3, 3, 3, 2, 1, 0, 0]


class TestToldOnce:
    def test_near_duplicates_count_once_while_raw_shows_reach(self) -> None:
        desk = Desk(rule())
        for wording in range(5):
            desk.news(1, "Northgate halts withdrawals", wording=wording)
        tally = open_tally(desk, 1)
        assert (tally.raw_count, tally.raw_negative) == (5, 5)
        assert (tally.novel_count, tally.novel_negative) == (1, 1)

    def test_a_story_of_a_closed_pane_is_no_story_again(self) -> None:
        desk = Desk(rule())
        desk.mark(0)
        desk.news(1, "a")
        desk.mark(5)
        desk.news(5.5, "a", wording=1)
        assert closed_tally(desk, 1).novel_count == 1
        assert open_tally(desk, 6).raw_count == 1
        assert open_tally(desk, 6).novel_count == 0

    def test_distinct_stories_count_each(self) -> None:
        desk = Desk(rule())
        for story in "abcde":
            desk.news(1, story)
        assert open_tally(desk, 1).novel_count == 5

    def test_within_the_horizon_only(self) -> None:
        # horizon 10      a ──── told again at 9: no story ──── and at 21: a story again
        desk = Desk(rule(window="30m"), horizon=10)
        desk.mark(0)
        for at in (1, 9, 21):
            desk.mark(at)
            desk.news(at, "a")
        desk.mark(30)
        assert [closed_tally(desk, at).novel_count for at in (1, 9, 21)] == [1, 0, 1]

    def test_a_closed_pane_gives_the_novelty_to_the_earliest(self) -> None:
        # arrival   b at 1.8, then a at 1.2 (the same story)
        # open      1.8 is the story         closed   1.2 is the story
        desk = Desk(rule())
        desk.mark(0)
        desk.news(1.8, "a", NEUTRAL)
        desk.news(1.2, "a", NEGATIVE)
        assert open_tally(desk, 2).novel_negative == 0
        desk.mark(4)
        assert closed_tally(desk, 2).novel_negative == 1

    def test_of_equally_early_tellings_the_one_with_the_lower_origin_is_the_story(self) -> None:
        desk = Desk(rule(), news_partitions=2)
        desk.apply(mark(0, 0))
        desk.apply(mark(0, 1))
        desk.news(1, "a", NEUTRAL, origin=(1, 7))
        desk.news(1, "a", NEGATIVE, origin=(0, 9))
        desk.apply(mark(3, 0))
        desk.apply(mark(3, 1))
        assert closed_tally(desk, 1).novel_negative == 1

    def test_an_id_counts_once_within_the_horizon(self) -> None:
        desk = Desk(rule(window="30m"), horizon=10)
        desk.mark(0)
        for at, story in [(1, "a"), (1, "b"), (9, "c"), (21, "d")]:
            desk.mark(at)
            desk.news(at, story, item_id="x")
        desk.mark(30)
        assert desk.watch.outcomes == {"counted": 2, "repeated_id": 2}
        assert [closed_tally(desk, at).raw_count for at in (1, 9, 21)] == [1, 0, 1]

    def test_a_repeated_id_settles_on_its_earliest_telling(self) -> None:
        desk = Desk(rule())
        desk.mark(0)
        desk.news(2, "a", NEUTRAL, item_id="x")
        desk.news(1, "b", NEGATIVE, item_id="x")
        desk.mark(4)
        assert closed_tally(desk, 1) == Tally(1, 1, -860_000, 1, 1, -860_000, WHOLE)
        assert closed_tally(desk, 2) == Tally()

    def test_what_settles_as_a_repeated_id_is_no_story_that_others_repeat(self) -> None:
        # x tells b at 2 and then, earlier, a at 1: a is what x told. y tells b for the first time.
        desk = Desk(rule())
        desk.mark(0)
        desk.news(2, "b", item_id="x")
        desk.news(1, "a", item_id="x")
        desk.mark(4)
        desk.news(4.5, "b", item_id="y")
        assert open_tally(desk, 5).novel_count == 1

    def test_an_origin_is_applied_once(self) -> None:
        desk = Desk(rule())
        for offset in (5, 5, 4, 6):
            desk.news(1, f"a {offset}", origin=(0, offset))
        assert desk.watch.outcomes == {"counted": 2, "repeated_origin": 2}

    def test_an_origin_is_applied_once_in_each_of_its_series(self) -> None:
        # SCORE died after two of the three records of one item, and wrote all three again.
        desk = Desk(rule())
        for key in ("banking", "oil", "banking", "oil", "gas"):
            desk.news(1, "a", origin=(0, 5), series=Series("topic", key))
        assert desk.watch.outcomes == {"counted": 3, "repeated_origin": 2}

    def test_news_partitions_have_origins_of_their_own(self) -> None:
        desk = Desk(rule())
        desk.news(1, "a", origin=(0, 5))
        desk.news(1, "b", origin=(1, 3))
        assert desk.watch.outcomes == {"counted": 2}


class TestRetraction:
    def test_takes_an_item_out_of_open_panes_only(self) -> None:
        # item x in pane (0,1], item y in pane (3,4]; lateness 2; both withdrawn at clock 4
        desk = Desk(rule(window="10m"))
        desk.mark(0)
        desk.news(1, "a", item_id="x")
        desk.news(4, "b", item_id="y")
        desk.mark(4)
        desk.retract("x")
        desk.retract("y")
        assert closed_tally(desk, 1).raw_count == 1
        assert open_tally(desk, 4) == Tally()
        assert desk.track().on_time[10].tally.raw_count == 1

    def test_keeps_out_what_is_told_after_it(self) -> None:
        desk = Desk(rule())
        desk.mark(0)
        desk.retract("x")
        desk.news(1, "a", item_id="x")
        assert open_tally(desk, 1) == Tally()
        desk.mark(3)
        assert closed_tally(desk, 1) == Tally()

    def test_takes_an_item_out_for_good_before_the_first_mark_too(self) -> None:
        desk = Desk(rule())
        desk.news(1, "a", item_id="x")
        desk.retract("x")
        for at in range(6):
            desk.mark(at)
        assert closed_tally(desk, 1) == Tally()

    def test_lets_the_next_telling_be_the_story(self) -> None:
        desk = Desk(rule())
        desk.mark(0)
        desk.news(1, "a", NEUTRAL, item_id="x")
        desk.news(1.5, "a", NEGATIVE, item_id="y")
        desk.retract("x")
        assert open_tally(desk, 1) == Tally()
        assert open_tally(desk, 2).novel_negative == 1

    def test_lets_no_other_item_go(self) -> None:
        desk = Desk(rule())
        desk.mark(0)
        for item_id in "xyz":
            desk.news(1, item_id, item_id=item_id)
        desk.retract("y")
        assert open_tally(desk, 1).novel_count == 2

    def test_is_applied_once_by_its_origin(self) -> None:
        desk = Desk(rule())
        desk.mark(0)
        desk.news(1, "a", item_id="x", origin=(0, 9))
        desk.retract("x")  # from an origin below the one applied: an old one, read again
        assert open_tally(desk, 1).raw_count == 1


def test_entries_and_stories_do_not_pile_up() -> None:
    desk = Desk(rule(window="5m"), horizon=10, max_stories=3)
    sizes = []
    for at in range(1, 200):
        for n in range(8):
            desk.news(at, f"story {at} {n}")
        desk.retract(f"unknown {at}")
        desk.mark(at)
        track = desk.track()
        kept = [
            track.panes,
            track.telling.index._by_band[0],
            track.telling.index._by_pane,
            track.telling.ids,
        ]
        kept += [track.telling.open_ids, track.telling.retracted, track.telling.expiry]
        sizes.append([len(one) for one in kept])
    assert all(len(pane.stories) <= 3 for pane in track.panes.values())
    assert sizes[100] == pytest.approx(sizes[-1], rel=0.05)


def test_origins_order_by_partition_then_offset() -> None:
    assert Origin(0, 9) < Origin(1, 1) < Origin(1, 2)
