"""The laws of a split: whole clusters, no look ahead, by seed alone, whatever the order of rows."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from training.feeds import IGNORED, Row
from training.splits import split

DAY = 86_400_000
START = 1_772_000_000_000


@st.composite
def many_rows(draw: st.DrawFn) -> list[Row]:
    count = draw(st.integers(0, 60))
    chance = random.Random(draw(st.integers(0, 1000)))
    return [
        Row(
            f"Text {n}",
            f"text {n}",
            chance.choice(["wire", "desk"]),
            sentiment=chance.choice([IGNORED, 0, 1, 2]),
            topics=chance.choice([None, (), (0,), (1,), (0, 2)]),
            time=chance.choice([None, START + chance.randrange(5) * DAY]),
            group=f"group {chance.randrange(max(1, count))}",
        )
        for n in range(count)
    ]


SHARES = st.sampled_from([0.05, 0.1, 0.2, 0.4])
BYS = st.sampled_from(["time", "stratified"])


@settings(max_examples=200, deadline=None)
@given(many_rows(), SHARES, BYS, st.randoms(use_true_random=False))
def test_a_split_is_whole_and_keeps_clusters_together(
    rows: list[Row], share: float, by: str, chance: random.Random
) -> None:
    train, apart = split(rows, share, 3, by)  # type: ignore[arg-type]  # hypothesis knows no Literal
    assert Counter(train) + Counter(apart) == Counter(rows)
    assert not {row.group for row in train} & {row.group for row in apart}
    shuffled = chance.sample(rows, len(rows))
    again = split(shuffled, share, 3, by)  # type: ignore[arg-type]
    assert [set(part) for part in again] == [set(train), set(apart)]


@settings(max_examples=200, deadline=None)
@given(many_rows(), SHARES)
def test_nothing_newer_than_what_is_kept_apart_is_learned_from(
    rows: list[Row], share: float
) -> None:
    train, apart = split(rows, share, 3, "time")
    newest: dict[str, int] = {}
    for row in apart:
        if row.time is not None:
            newest[row.group] = max(row.time, newest.get(row.group, 0))
    if newest:
        assert all(row.time <= min(newest.values()) for row in train if row.time is not None)


def test_the_newest_rows_are_kept_apart() -> None:
    rows = [Row(f"T {n}", f"t {n}", "wire", topic=0, time=START + n * DAY) for n in range(50)]
    train, apart = split(rows, 0.1, 3)
    assert apart == rows[45:]
    assert train == rows[:45]
    assert split(rows, 0.1, 3, "stratified")[1] != apart


def test_rows_without_a_time_are_stratified() -> None:
    timed = [Row(f"T {n}", f"t {n}", "wire", topic=0, time=START + n) for n in range(20)]
    plain = [Row(f"P {n}", f"p {n}", "wire", topic=n % 2) for n in range(40)]
    _, apart = split([*plain, *timed], 0.1, 3)
    assert set(timed[18:]) <= set(apart)
    assert Counter(row.topic for row in apart if row.time is None) == {0: 2, 1: 2}


def test_a_text_of_several_topics_stands_for_the_rarest() -> None:
    common = [Row(f"C {n}", f"c {n}", "wire", topics=(0,)) for n in range(80)]
    both = [Row(f"B {n}", f"b {n}", "wire", topics=(0, 1)) for n in range(20)]
    _, apart = split([*common, *both], 0.1, 3)
    assert sum(row.topics == (0, 1) for row in apart) == 2


def test_more_rows_hardly_move_the_others() -> None:
    rows = [Row(f"T {n}", f"t {n}", "wire", topic=0) for n in range(200)]
    apart = {row.key for row in split(rows[:190], 0.2, 3)[1]}
    later = {row.key for row in split(rows, 0.2, 3)[1]}
    assert len(apart - later) <= 4


def test_a_cluster_too_large_for_its_share_is_learned_from() -> None:
    rows = [Row(f"T {n}", f"t {n}", "wire", topic=0, group="one") for n in range(50)]
    assert split(rows, 0.1, 3)[1] == []
