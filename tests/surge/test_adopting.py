"""New rules on a living partition: the same as a restart with them, and nobody is left hanging."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.records import AlertEvent, Scored, Series, encode
from monitor.surge.adopting import adopt
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rounds import Rounds, restore
from monitor.surge.rules import Rule
from tests.surge.log import BANKING, feed, mark, minute, plan, record, rule
from tests.surge.test_snapshots import PLAN, Stream, dense, emitted, logs, write_round

FIRST, SECOND, *REST = PLAN.rules
TOLD = rule("count >= 1", alert="Told", window="2m", labels={"desk": "rates"})
OTHERS: dict[str, Sequence[Rule]] = {
    "one removed": PLAN.rules[1:],
    "one changed": (rule("count >= 2", alert=FIRST.alert, window="3m"), SECOND, *REST),
    "one added": (*PLAN.rules, TOLD),
    "of the newest tracks only": (
        rule("count >= 1", alert="Wire", match={"source": "wire"}, window="9m"),
        rule(type="surge", alert="Tokyo", timezone="Asia/Tokyo", false_alarms="1 per 3m"),
    ),
    "all changed, and shorter": (TOLD,),
    "the same": PLAN.rules,
}


def under(rules: Sequence[Rule]) -> WatchPlan:
    return replace(PLAN, rules=tuple(rules))


@pytest.mark.parametrize("rules", OTHERS.values(), ids=list(OTHERS))
@pytest.mark.parametrize("seed", range(2))
def test_a_living_partition_goes_on_as_one_that_was_restarted(
    rules: Sequence[Rule], seed: int
) -> None:
    log = dense(seed)
    for cut in range(0, len(log), 9):
        check_cut(log, cut, under(rules), Random(cut))


@settings(max_examples=25)
@given(logs(), st.sampled_from(list(OTHERS)), st.randoms(use_true_random=False))
def test_so_does_any_log(log: list[Scored], name: str, chance: Random) -> None:
    check_cut(log, chance.randrange(len(log)), under(OTHERS[name]), chance)


def check_cut(log: list[Scored], cut: int, other: WatchPlan, chance: Random) -> None:
    """(fed, reloaded, fed on) and (fed, stored, restarted with the rules, fed on) tell the same."""
    watch = PartitionWatch(0, PLAN)
    rounds, stream = Rounds(watch), Stream()
    for offset in range(cut):
        if chance.random() < 0.1:
            rounds.begin(offset)
        if chance.random() < 0.5:
            stream.update(rounds.step(offset, 1))  # the last may be under way at the cut
        watch.apply(offset, log[offset])
    restarting, aside = PartitionWatch(0, PLAN), Stream()
    feed(restarting, log[:cut])
    write_round(Rounds(restarting), cut, aside)
    restarted = restore(0, other, aside.items())
    assert restarted is not None

    living = adopt(watch, rounds, other, cut)
    assert ends(living.withdrawn) == ends(restarted.withdrawn)
    write_round(living.rounds, cut, stream)
    rest = emitted(living.watch, log, cut)
    assert rest == emitted(restarted.watch, log, cut)

    # And what it then stored in its own stream is what it was.
    again = restore(0, other, stream.items())
    assert again is not None
    assert again.withdrawn == []
    assert emitted(again.watch, log, cut) == rest
    assert again.watch.since == living.watch.since


def ends(events: Sequence[AlertEvent]) -> list[bytes]:
    return sorted(map(encode, events))


class TestAnAlertThatNothingStandsForAnyMore:
    MANY = rule("negative_count >= 2", alert="Many", window="30m", receivers=["desk"])

    def fired(
        self, *series: Series, of: Rule = MANY
    ) -> tuple[PartitionWatch, dict[str, AlertEvent]]:
        watch = PartitionWatch(0, plan(of, series=series))
        items = [
            record(0.1 + n / 100, f"{one} {n}", origin=(0, 10 * n + place), series=one)
            for n in range(2)
            for place, one in enumerate(series)
        ]
        events = feed(watch, [mark(0), *items, mark(5)])
        assert [event.state for event in events] == ["firing"] * len(series)
        return watch, {event.series.key: event for event in events}

    def reload(self, watch: PartitionWatch, of: WatchPlan) -> list[AlertEvent]:
        return adopt(watch, Rounds(watch), of, 10).withdrawn

    @pytest.mark.parametrize(
        "rules",
        [
            [],
            [rule("negative_count >= 3", alert="Many", window="30m")],
            [rule("negative_count >= 2", alert="Many", window="30m", match={"key": "oil"})],
            [rule("negative_count >= 2", alert="Renamed", window="30m")],
        ],
        ids=["removed", "changed", "of another series", "renamed"],
    )
    def test_is_resolved_with_the_evidence_of_its_firing(self, rules: list[Rule]) -> None:
        watch, fired = self.fired(BANKING)
        (end,) = self.reload(watch, plan(*rules))
        assert (end.state, end.withdrawn) == ("resolved", True)
        assert end.resolved_at == minute(5)
        begun = fired["banking"]
        assert end.id != begun.id
        assert (end.rule, end.series, end.receivers) == ("Many", BANKING, ("desk",))
        assert end.stories == begun.stories

    def test_would_have_been_resolved_under_the_same_id_by_calm(self) -> None:
        watch, _ = self.fired(BANKING)
        (end,) = self.reload(watch, plan())
        (calm,) = feed(self.fired(BANKING)[0], [mark(60)], 10)
        assert calm.id == end.id
        assert not calm.withdrawn

    def test_is_not_one_whose_rule_only_tells_others_or_in_other_words(self) -> None:
        watch, _ = self.fired(BANKING)
        told = self.MANY.model_copy(update={"receivers": ("board",), "severity": "critical"})
        adopted = adopt(watch, Rounds(watch), plan(told), 10)
        assert adopted.withdrawn == []
        (calm,) = feed(adopted.watch, [mark(60)], 10)
        assert (calm.receivers, calm.severity) == (("board",), "critical")

    def test_is_that_of_an_entity_off_the_watchlist(self) -> None:
        kept, dropped = Series("entity", "HLDN"), Series("entity", "OKE")
        by_entity = self.MANY.model_copy(update={"by": "entity"})
        watch, _ = self.fired(kept, dropped, of=by_entity)
        (end,) = self.reload(watch, plan(by_entity, series=[kept]))
        assert end.series == dropped


def test_a_rule_is_in_force_since_it_came() -> None:
    one, other = rule("count >= 1", alert="One"), rule("count >= 2", alert="Other")
    watch = PartitionWatch(0, plan(one))
    later = adopt(watch, Rounds(watch), plan(one, other), 7)
    of = plan(one, other)
    assert later.watch.since == {of.hash_of(one): 0, of.hash_of(other): 7}
    last = adopt(later.watch, later.rounds, plan(other), 9)
    assert last.watch.since == {of.hash_of(other): 7}


def test_a_track_that_comes_back_after_it_was_dropped_begins_anew() -> None:
    wire = rule("count >= 2", alert="Wire", match={"source": "wire"}, window="9m")
    both, one = plan(TOLD, wire), plan(TOLD)
    watch, stream = PartitionWatch(0, both), Stream()
    log: list[Scored] = [
        mark(0),
        *(record(n, f"story {n}", origin=(0, n), source="wire") for n in range(1, 4)),
        mark(4),
    ]
    feed(watch, log)
    rounds = Rounds(watch)
    write_round(rounds, len(log), stream)
    dropped = adopt(watch, rounds, one, len(log))
    back = adopt(dropped.watch, dropped.rounds, both, len(log))
    write_round(back.rounds, len(log), stream)
    restored = restore(0, both, stream.items())
    assert restored is not None
    tracks = [each for each in restored.watch.followings() if each.match.source]
    assert [each.track.panes for each in tracks] == [{}]
