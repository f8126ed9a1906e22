"""Laws that hold for every log: hypothesis invents the logs.

An item is drawn as (event time, story, wording, mood, delay, news partition); it arrives within
the allowed lateness of its event time, so that no item is late.
"""

import copy
import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.records import AlertEvent, Mark, Scored, Sentiment, encode
from monitor.surge.panes import Tally
from monitor.surge.partition import PartitionWatch
from tests.surge.log import (
    BANKING,
    MINUTE,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    feed,
    mark,
    minute,
    plan,
    record,
    retraction,
    rule,
)

LENGTH, LATENESS = 12, 3
RULES = (
    rule("negative_count >= 3", alert="Short", window="2m"),
    rule("negative_share >= 0.5 and count >= 4", alert="Held", for_="2m", keep_firing_for="3m"),
    rule("count >= 5", alert="Raw", counting="raw", keep_firing_for="1m"),
    rule("count < 2", alert="Few", window="3m"),
    rule(type="absent", alert="Silent", window="3m"),
    rule(type="surge", alert="Surge", window="3m", min_support=2, false_alarms="1 per 1h"),
)


@dataclass(frozen=True)
class Item:
    at: float
    story: str
    wording: int
    mood: Sentiment
    delay: float
    partition: int
    item_id: str

    @property
    def arrives(self) -> float:
        return self.at + self.delay


@st.composite
def items(draw: st.DrawFn, partitions: int = 3) -> list[Item]:
    """Items with event times that all differ, so that no tie is broken by the origin."""
    quarters = draw(st.lists(st.integers(0, 4 * LENGTH), unique=True, max_size=40))
    return [
        Item(
            at=quarter / 4,
            story=draw(st.sampled_from("abcdefghij")),
            wording=draw(st.integers(0, 3)),
            mood=draw(st.sampled_from([NEGATIVE, NEGATIVE, NEUTRAL, POSITIVE])),
            delay=draw(st.integers(0, 4 * LATENESS)) / 4,
            partition=draw(st.integers(0, partitions - 1)),
            # A publisher sends a few of its items again under the same id.
            item_id=draw(st.sampled_from([f"id {quarter}", f"id {quarter}", "x", "y"])),
        )
        for quarter in quarters
    ]


def log_of(found: list[Item], partitions: int, shuffle: Random) -> list[Scored]:
    """One log of the items: in order within each news partition, interleaved by chance.

    Each partition marks every minute, after whatever arrived there until then.
    """
    streams: dict[int, list[Scored]] = {partition: [] for partition in range(partitions)}
    entries: list[tuple[float, float, Item | None]] = [
        (item.arrives, shuffle.random(), item) for item in found
    ]
    entries += [(at, 2.0, None) for at in range(LENGTH + LATENESS + 5)]
    for at, _, item in sorted(entries, key=lambda entry: entry[:2]):
        for partition, stream in streams.items():
            if item is None:
                stream.append(mark(at, partition))
            elif item.partition % partitions == partition:
                stream.append(
                    record(
                        item.at,
                        item.story,
                        item.mood,
                        origin=(partition, len(stream)),
                        item_id=item.item_id,
                        wording=item.wording,
                    )
                )
    log = []
    while left := [stream for stream in streams.values() if stream]:
        log.append(shuffle.choice(left).pop(0))
    return log


def settled(found: list[Item]) -> dict[int, Tally]:
    """What each closed pane must hold, reckoned from the items alone."""
    tallies: dict[int, Tally] = defaultdict(Tally)
    ids, stories = set(), set()
    for item in sorted(found, key=lambda item: item.at):
        if item.item_id not in ids:
            score = round(item.mood.score * 1_000_000)
            pane = -(-minute(item.at) // MINUTE)
            tallies[pane].count(item.mood is NEGATIVE, score, item.story not in stories)
        ids.add(item.item_id)
        stories.add(item.story)
    return tallies


@settings(max_examples=150)
@given(items(), st.sampled_from([1, 3]), st.randoms(use_true_random=False))
def test_closed_panes_hold_what_the_items_say_in_whatever_order_they_came(
    found: list[Item], partitions: int, shuffle: Random
) -> None:
    never = rule("count >= 999", window="60m")
    watch = PartitionWatch(0, plan(never, lateness=LATENESS, news_partitions=partitions))
    feed(watch, log_of(found, partitions, shuffle))
    watch.catch_up()
    track = watch._followings[BANKING][0].track
    panes = {number: pane.tally for number, pane in track.panes.items() if pane.tally != Tally()}
    assert track.closed is not None
    assert track.closed >= minute(LENGTH) // MINUTE
    assert panes == settled_without_repeats(found)
    assert watch.outcomes["late"] == 0


def settled_without_repeats(found: list[Item]) -> dict[int, Tally]:
    """`settled`, where an item whose id was told before tells no story either."""
    first: dict[str, Item] = {}
    for item in sorted(found, key=lambda item: item.at):
        first.setdefault(item.item_id, item)
    return settled(list(first.values()))


@settings(max_examples=150)
@given(
    items(),
    st.sampled_from([0, 1, 2.5]),
    st.sampled_from([1, 3]),
    st.lists(st.integers(0, 200), max_size=3),
    st.randoms(use_true_random=False),
)
def test_windows_equal_the_sum_of_their_panes(
    found: list[Item], lateness: float, partitions: int, retract_at: list[int], shuffle: Random
) -> None:
    """Early and on time, after every entry; the reckoning never forgets a pane."""
    log = log_of(found, partitions, shuffle)
    for number, place in enumerate(retract_at):
        log.insert(place % len(log), retraction("xyz"[number], origin=(9, number)))
    watch = PartitionWatch(0, plan(*RULES, lateness=lateness, news_partitions=partitions))
    watch.catch_up()
    track = watch._followings[BANKING][0].track
    panes: dict[int, Tally] = {}
    for offset, entry in enumerate(log):
        watch.apply(offset, entry)
        panes |= {number: copy.copy(pane.tally) for number, pane in track.panes.items()}
        for window in (*track.on_time.values(), *track.early.values()):
            expected = Tally()
            for number, tally in panes.items():
                if window.head is not None and window.head - window.length < number <= window.head:
                    expected.add(tally)
            assert window.tally == expected


@settings(max_examples=100)
@given(items(), st.integers(0, 100), st.randoms(use_true_random=False))
def test_the_same_log_gives_the_same_alerts(found: list[Item], cut: int, shuffle: Random) -> None:
    log = log_of(found, 3, shuffle)
    cut %= len(log)
    one, other = (PartitionWatch(0, plan(*RULES, news_partitions=3)) for _ in range(2))
    alerts = [encode(event) for event in feed(one, log)]
    first = [encode(event) for event in feed(other, log[:cut])]
    resumed = copy.deepcopy(other)
    for watch in (other, resumed):
        rest = [encode(event) for event in feed(watch, log[cut:], cut)]
        assert first + rest == alerts
        assert [encode(event) for event in watch.firing()] == [encode(e) for e in one.firing()]


@settings(max_examples=150)
@given(items(), st.sampled_from([1, 3]), st.randoms(use_true_random=False))
def test_every_episode_is_sound(found: list[Item], partitions: int, shuffle: Random) -> None:
    log = log_of(found, partitions, shuffle)
    watch = PartitionWatch(0, plan(*RULES, news_partitions=partitions))
    events = feed(watch, log)
    assert len({event.id for event in events}) == len(events)
    firing: dict[str, AlertEvent] = {}
    for event in events:
        assert event.started_at <= event.fired_at
        if event.state == "firing":
            assert event.rule not in firing
            assert event.resolved_at is None
            firing[event.rule] = event
        else:
            began = firing.pop(event.rule)
            assert event.fired_at == began.fired_at
            assert event.started_at == began.started_at
            assert event.resolved_at is not None
            assert event.resolved_at > event.fired_at
        if event.offsets is not None:
            assert 0 <= event.offsets.first <= event.offsets.last < len(log)
    assert {event.rule for event in watch.firing()} == set(firing)


@settings(max_examples=100)
@given(items(), st.sampled_from([1, 3]), st.randoms(use_true_random=False))
def test_time_passes_only_forward(found: list[Item], partitions: int, shuffle: Random) -> None:
    watch = PartitionWatch(0, plan(*RULES, news_partitions=partitions))
    before = None
    for offset, entry in enumerate(log_of(found, partitions, shuffle)):
        watch.apply(offset, entry)
        now = watch.clock.time
        assert isinstance(entry, Mark) or now == before, "only marks move it"
        assert before is None or (now is not None and now >= before)
        before = now


def busy_log() -> list[Scored]:
    """A fixed log with plenty of alerts."""
    chance = Random(3)
    found = [
        Item(
            at=quarter / 40,
            story=chance.choice("abcdefghijklmnopqrstuvwxyz"),
            wording=chance.randrange(4),
            mood=chance.choice([NEGATIVE, NEUTRAL, POSITIVE]),
            delay=chance.randrange(12) / 4,
            partition=chance.randrange(3),
            item_id=chance.choice([f"id {quarter}", "x"]),
        )
        for quarter in range(40 * LENGTH)
    ]
    return log_of(found, 3, chance)


def digest() -> str:
    """What the busy log's alerts come to."""
    events = feed(PartitionWatch(0, plan(*RULES, news_partitions=3)), busy_log())
    assert len(events) > 5
    return hashlib.sha256(b"\n".join(map(encode, events))).hexdigest()


def test_alerts_do_not_depend_on_the_seed_of_hashing() -> None:
    root = str(Path(__file__).parents[2])
    program = "from tests.surge.test_properties import digest; print(digest())"
    here = digest()
    for seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": root}
        other = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        assert other.stdout.strip() == here
