"""A quiet series passes no boundary until it must, and nobody can tell that it did not."""

from collections.abc import Collection, Iterable
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.records import Mark, Scored, ScoredRecord, Series, encode
from monitor.surge.following import REFRESH_PANES, Following
from monitor.surge.partition import PartitionWatch
from monitor.surge.rounds import Rounds, restore
from monitor.surge.series_state import changed_parts, series_state
from monitor.surge.state import TrackName
from tests.surge.log import BANKING, NEGATIVE, NEUTRAL, feed, mark, plan, record, retraction, rule

OIL, GOLD = Series("topic", "oil"), Series("topic", "gold")
RULES = (
    rule("negative_count >= 2", alert="Count"),
    rule("negative_share >= 0.6", alert="Share", window="9m", for_="2m", keep_firing_for="3m"),
    rule("count >= 1", alert="Wire", match={"source": "wire"}, window="2m"),
    rule(type="surge", alert="Surge", window="1d", min_support=3, false_alarms="1 per 1h"),
    rule(
        type="surge",
        alert="Long",
        window="2d",
        false_alarms="1 per 1h",
        max_episode="90m",
        match={"key": "gold"},
    ),
)
PLAN = plan(*RULES, series=(BANKING, OIL, GOLD), horizon=45, lateness=3)


class Walked(PartitionWatch):
    """One whose series pass every boundary."""

    def _follow(self, series: Series, stored: Collection[TrackName] = ()) -> list[Following]:
        followings = super()._follow(series, stored)
        for following in followings:
            following._is_restless = True
        return followings


@st.composite
def logs(draw: st.DrawFn) -> list[Scored]:
    """Bursts of news on three topics, between silences of minutes to days."""
    chance = draw(st.randoms(use_true_random=False))
    log: list[Scored] = [mark(0)]
    at, number = 0.0, 0
    for _ in range(draw(st.integers(1, 6))):
        at += draw(st.sampled_from([1, 7, 30, 61, 240, 1500, 3000]))
        log += silence(log, at, chance)
        for _ in range(draw(st.integers(1, 12))):
            number += 1
            log.append(news(at, number, chance))
            at += chance.random()
        if chance.random() < 0.3:
            withdrawn = f"0/{chance.randrange(1, number + 1)}"
            # Some come by way of a partition that had stalled.
            when = max(0.0, at - chance.choice([0, 0, 40, 300]))
            log.append(retraction(withdrawn, origin=(1, number), at=when))
    return [*log, mark(at + 5), mark(at + chance.choice([20, 2000]))]


def silence(log: list[Scored], until: float, chance: Random) -> Iterable[Scored]:
    """Marks up to a moment: some at every minute, some far apart."""
    last = max(each.time for each in log if isinstance(each, Mark))
    begin = (last - mark(0).time) / 60_000
    steps = max(1, int((until - begin) / chance.choice([1, 5, 120])))
    return [mark(begin + (until - begin) * step / steps) for step in range(1, min(steps, 200) + 1)]


def news(at: float, number: int, chance: Random) -> ScoredRecord:
    one = record(
        max(0.0, at - chance.choice([0, 0, 1, 2.5, 8])),
        f"story {chance.randrange(40)}",
        chance.choice([NEGATIVE, NEGATIVE, NEUTRAL]),
        origin=(0, number),
        series=chance.choice([BANKING, OIL, GOLD]),
        source=chance.choice([None, "wire"]),
    )
    return msgspec.structs.replace(one, ingest_time=one.event_time)


def everything(watch: PartitionWatch) -> list[tuple[bytes, dict[str, bytes]]]:
    """All that the series hold, as a snapshot has it."""
    watch.catch_up()
    return [whole(following) for following in watch.followings()]


def whole(following: Following) -> tuple[bytes, dict[str, bytes]]:
    following.track.telling.touched = None
    parts = {name: content for name, content in changed_parts(following).items() if content}
    return encode(series_state(following, 0, 0, 0)), parts


@settings(max_examples=60, deadline=None)
@given(logs())
def test_what_is_told_and_what_is_known_is_the_same(log: list[Scored]) -> None:
    lazy, walked = PartitionWatch(0, PLAN), Walked(0, PLAN)
    for offset, each in enumerate(log):
        told = [sorted(map(encode, watch.apply(offset, each))) for watch in (lazy, walked)]
        assert told[0] == told[1]
    assert everything(lazy) == everything(walked)


def test_a_quiet_series_is_not_walked() -> None:
    watch = PartitionWatch(0, plan(rule("count >= 1"), series=(BANKING,)))
    watch.apply(0, mark(0))
    watch.apply(1, record(0.5, "a story", origin=(0, 1)))
    for minute in range(1, 30):
        watch.apply(1 + minute, mark(minute))
    (following,) = watch.followings()
    assert following.is_quiet
    assert following.passed is not None
    passed = following.passed
    watch.apply(40, mark(31))
    assert following.passed == passed


def test_but_no_longer_than_a_day_so_that_what_expired_is_let_go() -> None:
    watch = PartitionWatch(0, plan(rule("count >= 1"), series=(BANKING,)))
    watch.apply(0, mark(0))
    watch.apply(1, record(0.5, "a story", origin=(0, 1)))
    for hour in range(1, 27):
        watch.apply(1 + hour, mark(hour * REFRESH_PANES))
    (following,) = watch.followings()
    assert following.track.panes == {}
    assert following.track.telling.index.panes() == []


def test_a_rule_that_silence_alone_may_meet_lets_nothing_rest() -> None:
    for restless in (rule(type="absent", window="9m"), rule("count <= 5", min_support=0)):
        watch = PartitionWatch(0, plan(restless, series=(BANKING,)))
        for minute in range(30):
            watch.apply(minute, mark(minute))
        (following,) = watch.followings()
        assert not following.is_quiet


def test_a_leap_of_decades_is_passed_at_once_and_leaves_the_same_however_it_is_divided() -> None:
    """A silence teaches for as long as anything of the past can be told; then all stays as is."""
    decades = 30 * 365 * 24 * 60
    log: list[Scored] = [
        mark(0),
        *(news(each, each, Random(each)) for each in range(1, 40)),
        mark(45),
    ]
    known = []
    for leaps in ([decades], [50, 1500, decades / 2 + 17, decades - 90, decades]):
        watch = PartitionWatch(0, PLAN)
        feed(watch, log)
        for number, leap in enumerate(leaps):
            watch.apply(100 + number, mark(leap))
            if len(leaps) > 1:
                watch.catch_up()
        watch.apply(200, news(decades + 2, 100, Random(1)))
        watch.apply(201, mark(decades + 90))
        known.append(everything(watch))
    assert known[0] == known[1]


def test_a_new_rule_on_a_quiet_track_counts_what_its_window_holds_and_no_more() -> None:
    """Its window holds something although the track had fallen quiet under the rules before."""
    brief, long = rule("count >= 99", window="5m"), rule("count >= 99", alert="Long", window="90m")
    keeps = rule(type="surge", alert="Keeps", window="90m")
    before = plan(brief, keeps, series=(BANKING,))
    log: list[Scored] = [
        mark(0),
        *(record(n + 0.5, f"{n}", origin=(0, n)) for n in range(1, 120)),
        mark(124),
    ]
    log += [mark(at) for at in range(125, 135)]
    watch = PartitionWatch(0, before)
    feed(watch, log)
    rounds = Rounds(watch)
    rounds.begin(len(log))
    stream = dict(rounds.step(len(log), 10))
    # The partition goes on, while what the series holds is not written again.
    feed(watch, [mark(at) for at in range(135, 146)], len(log))
    rounds.begin(len(log) + 11)
    stream |= rounds.step(len(log) + 11, 10)
    restored = restore(0, plan(brief, keeps, long, series=(BANKING,)), stream.items())
    assert restored is not None
    restored.watch.apply(len(log) + 11, mark(146))
    (following,) = restored.watch.followings()
    window = following.track.on_time[90]
    assert (window.head, window.tally.raw_count) == (146 + mark(0).time // 60_000, 64)
