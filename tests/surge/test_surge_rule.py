"""The surge rule, end to end: a usual day, then something unusual."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from monitor.records import Mark, Origin, ScoredRecord
from monitor.surge.partition import PartitionWatch
from monitor.surge.prior import Prior, SeriesPrior
from monitor.surge.rules import SurgeRule
from tests.surge.log import NEGATIVE, NEUTRAL, feed, mark, plan, record, rule, told


def day_of_news(per_hour: float, hours: float) -> list[ScoredRecord | Mark]:
    """Ordinary news: so many negative stories an hour, as many neutral, marks every minute."""
    log: list[ScoredRecord | Mark] = []
    step = 60 / per_hour
    for number in range(round(per_hour * hours)):
        at = (number + 0.5) * step
        log += [
            record(at, f"usual {number}", origin=(0, 2 * number)),
            record(at, f"calm {number}", NEUTRAL, origin=(0, 2 * number + 1)),
        ]
    log += [mark(at) for at in range(round(hours * 60) + 1)]
    return sorted(log, key=lambda one: one.time if isinstance(one, Mark) else one.event_time)


HOUR = 60
DAYS = 24 * HOUR
WARM: dict[str, Any] = {"lateness": 5, "horizon": 48 * 60}


def watching(**fields: Any) -> PartitionWatch:
    """A partition watched by one surge rule, at a factor of 2 unless said otherwise."""
    statistics = {name: fields.pop(name) for name in ("prior", "learning") if name in fields}
    given: dict[str, Any] = {
        "type": "surge",
        "window": "1d",
        "min_support": 5,
        "min_factor": 2,
    } | fields
    return PartitionWatch(0, plan(rule(**given), **WARM, **statistics))


def more(first: float, count: int, every: float) -> list[ScoredRecord]:
    """So many new negative stories from a minute on, one every so many minutes."""
    return [
        record(first + number * every, f"new {first} {number}", origin=(0, 10_000 + number))
        for number in range(count)
    ]


def in_order(*logs: Sequence[ScoredRecord | Mark]) -> list[ScoredRecord | Mark]:
    """Logs as one, by time; a mark after the records of its minute."""
    together = [one for log in logs for one in log]
    return sorted(
        together,
        key=lambda one: (one.time, 1) if isinstance(one, Mark) else (one.event_time, 0),
    )


class TestSurge:
    def surge_of(self, *stories: str) -> list[tuple[str, float]]:
        """Fifty items within a minute, after a usual day; what was told."""
        log = day_of_news(per_hour=2, hours=24)
        minute_of = 24 * 60 + 0.5
        log += [
            record(minute_of, story, wording=n, origin=(0, 10_000 + n))
            for n, story in enumerate(stories)
        ]
        log += [mark(24 * 60 + at) for at in range(1, 301)]
        return told(feed(watching(), log))

    def test_distinct_stories_raise_one_and_calm_ends_it(self) -> None:
        (_, fired), (state, resolved) = self.surge_of(*(f"new {n}" for n in range(50)))
        assert fired == 24 * 60 + 0.5
        # Without any news calm is ten times likelier than twice the usual after ln 10 = 2.3
        # expected stories, which are an hour and a quarter at 1.9 an hour or so.
        assert state == "resolved"
        assert 60 < resolved - fired < 100

    def test_one_story_syndicated_fifty_times_raises_none(self) -> None:
        assert self.surge_of(*["the same"] * 50) == []

    def test_the_usual_day_raises_none(self) -> None:
        assert self.surge_of() == []

    def test_says_since_when_and_what_was_expected(self) -> None:
        log = in_order(
            day_of_news(per_hour=2, hours=48),
            more(2 * DAYS + 0.5, 20, every=0.5),
            [mark(2 * DAYS + at) for at in range(1, 300)],
        )
        fired, resolved = feed(watching(), log)
        assert fired.state == "firing"
        began = fired.window.end - fired.window.length_seconds * 1000
        inside = [
            one
            for one in log
            if isinstance(one, ScoredRecord) and began < one.event_time <= fired.fired_at
        ]
        bad = [one for one in inside if one.sentiment.negative > 0.5]
        assert (fired.window.novel_count, fired.window.novel_negative) == (len(inside), len(bad))
        assert fired.offsets is not None
        assert fired.offsets.last == log.index(bad[-1])
        for event in (fired, resolved):
            assert event.baseline is not None
            assert event.baseline.state == "trusted"
            assert event.baseline.negative_share == pytest.approx(0.5, rel=0.1)
            assert event.factor == pytest.approx(
                event.window.novel_negative / event.baseline.expected_negative
            )
        assert fired.strength is not None
        assert fired.strength >= 30
        assert resolved.strength is None

    def test_that_outlasts_its_window_shows_as_much_as_is_kept(self) -> None:
        log = in_order(
            day_of_news(per_hour=2, hours=48),
            more(2 * DAYS + 0.5, 200, every=1),
            [mark(2 * DAYS + at) for at in range(1, 600)],
        )
        *_, resolved = feed(watching(window="30m"), log)
        assert resolved.state == "resolved"
        assert resolved.window.length_seconds == 30 * 60
        assert resolved.baseline is not None
        assert resolved.baseline.expected_negative == pytest.approx(1, rel=0.5)
        assert resolved.factor == pytest.approx(
            resolved.window.novel_negative / resolved.baseline.expected_negative
        )


class TestColdStart:
    def test_the_first_hour_is_silent(self) -> None:
        log = in_order(more(10, 40, every=1), [mark(at) for at in range(120)])
        assert feed(watching(), log) == []

    def test_then_a_series_is_warming_and_may_fire(self) -> None:
        log = in_order(
            day_of_news(per_hour=6, hours=4),
            more(4 * HOUR + 0.5, 40, every=0.25),
            [mark(4 * HOUR + at) for at in range(1, 60)],
        )
        fired = feed(watching(), log)[0]
        assert fired.baseline is not None
        assert fired.baseline.state == "warming"

    def test_with_a_fitted_prior_it_is_trusted_at_once(self) -> None:
        prior = Prior("a test", SeriesPrior(2.0, 14 * 24.0, 0.5, 100.0))
        log = in_order(more(10, 40, every=0.5), [mark(at) for at in range(60)])
        fired = feed(watching(prior=prior), log)[0]
        assert fired.baseline is not None
        assert fired.baseline.state == "trusted"

    def test_a_series_that_is_busy_from_its_first_minute_is_not_surging(self) -> None:
        log = in_order(more(0.5, 2 * DAYS, every=1), [mark(at) for at in range(2 * DAYS)])
        assert feed(watching(factor=3, min_factor=3), log) == []


class TestEpisode:
    #   usual        risen, and it stays
    # ─────────────┬────────────────────────────────────────────▶
    #  2 an hour   │ 20 an hour
    #              fires    max_episode: the new normal  resolves

    def risen(self, days: float, **fields: Any) -> list[tuple[str, float]]:
        log = in_order(
            day_of_news(per_hour=2, hours=48),
            more(2 * DAYS + 1.5, round(days * 480), every=3),
            [mark(2 * DAYS + at) for at in range(1, round(days * DAYS))],
        )
        return told(feed(watching(max_episode="6h", **fields), log))

    def test_that_lasts_fires_once_and_becomes_the_normal(self) -> None:
        (first, fired), (second, resolved) = self.risen(days=6)
        assert (first, second) == ("firing", "resolved")
        assert 2 * DAYS < fired < 2 * DAYS + HOUR
        assert 6 * HOUR <= resolved - fired < 24 * HOUR

    def test_waits_while_it_is_pending(self) -> None:
        log = in_order(
            day_of_news(per_hour=2, hours=48),
            more(2 * DAYS + 1.5, 80, every=1),
            [mark(2 * DAYS + at) for at in range(1, 200)],
        )
        at_once = told(feed(watching(), log))[0]
        later = told(feed(watching(for_="20m"), log))[0]
        assert later[0] == "firing"
        assert later[1] == pytest.approx(at_once[1] + 20, abs=1.01)

    def test_that_is_over_before_it_was_long_enough_is_not_told(self) -> None:
        log = in_order(
            day_of_news(per_hour=2, hours=48),
            more(2 * DAYS + 1.5, 9, every=0.5),
            [mark(2 * DAYS + at) for at in range(1, 24 * HOUR)],
        )
        assert [state for state, _ in told(feed(watching(), log))] == ["firing", "resolved"]
        assert feed(watching(for_="12h"), log) == []


class TestChannel:
    #            negative stories an hour   all stories an hour
    # usual               2                       4
    # worse               2                       2
    # more               20                      40
    # both               20                      20

    def fires(self, on: str, negative: int, calm: int) -> bool:
        def risen(per_hour: int, what: str, origin: int) -> list[ScoredRecord]:
            sentiment = NEGATIVE if what == "bad" else NEUTRAL
            return [
                record(2 * DAYS + (n + 0.5) * HOUR / per_hour, f"{what} {n}", sentiment,
                       origin=(0, origin + n))
                for n in range(per_hour * 12)
            ]  # fmt: skip

        log = in_order(
            day_of_news(per_hour=2, hours=48),
            risen(negative, "bad", 10_000),
            risen(calm, "good", 20_000) if calm else [],
            [mark(2 * DAYS + at) for at in range(1, 12 * HOUR)],
        )
        one = watching(on=on, factor=3, false_alarms="1 per 7d")
        return bool(feed(one, sorted_by_origin(log)))

    @pytest.mark.parametrize(
        ("on", "worse", "more", "both"),
        [
            ("volume", False, True, True),
            ("share", True, False, True),
            ("either", True, True, True),
            ("both", False, False, True),
        ],
    )
    def test_tells_more_news_from_worse_news(
        self, on: str, worse: bool, more: bool, both: bool
    ) -> None:
        assert self.fires(on, negative=2, calm=0) == worse
        assert self.fires(on, negative=20, calm=20) == more
        assert self.fires(on, negative=20, calm=0) == both


def sorted_by_origin(log: Sequence[ScoredRecord | Mark]) -> list[ScoredRecord | Mark]:
    """The same log with origins that rise, as SCORE writes them."""
    return [
        msgspec.structs.replace(one, origin=Origin(0, number))
        if isinstance(one, ScoredRecord)
        else one
        for number, one in enumerate(log)
    ]


def test_a_rule_that_tolerates_alarms_as_a_whole_shares_them_out() -> None:
    own = rule(type="surge", false_alarms="1 per 30d")
    shared = rule(type="surge", false_alarms="1 per 30d", false_alarms_for="rule")
    assert isinstance(own, SurgeRule)
    assert isinstance(shared, SurgeRule)
    assert own.tolerated(20) == own.false_alarms
    assert shared.tolerated(20) == 20 * shared.false_alarms
    one, other = plan(shared), plan(shared)
    wide = replace(other, concerned={"Rule": 20})
    assert wide.tolerated(shared) == 20 * one.tolerated(shared)
    assert wide.hash_of(shared) != one.hash_of(shared)
