"""The demo's verdict: kept only when every promise is, and a broken one is named."""

from collections.abc import Callable, Sequence

import pytest

from monitor.demo.accounts import Verdict, distinct, is_settled, judge
from monitor.demo.observed import Observed
from monitor.publish import Sent
from monitor.receiver import Delivery
from monitor.records import AlertEvent, Series
from monitor.streams.dead_letters import DeadLetter
from tests.demo.seen import EXPECTED, MINUTE, NOON, a_good_run, alert, delivery, origin, scored

GOOD = (delivery(alert()),)


def verdict_of(
    change: Callable[[Observed], object] = lambda _: None,
    deliveries: Sequence[Delivery] = GOOD,
    bad_signatures: int = 0,
) -> Verdict:
    seen = a_good_run()
    change(seen)
    return judge(EXPECTED, seen, deliveries, bad_signatures)


def broken_promises(verdict: Verdict) -> str:
    return " / ".join(check.says for check in verdict.checks if not check.kept)


def test_a_good_run_keeps_every_promise() -> None:
    verdict = verdict_of()
    assert broken_promises(verdict) == ""
    assert verdict.kept
    assert verdict.alert == alert()
    said = " / ".join(check.says for check in verdict.checks)
    assert "3 scored + 1 dead-lettered" in said
    assert "after 2 negative stories (2 items), 2 min 00 s of event time after the onset" in said
    assert "news in to webhook out: 250 ms (line 4)" in said


def swap_reason(seen: Observed) -> None:
    seen.take_dead_letter(DeadLetter("news", 0, 2, "empty_title", "", NOON, b"", 0))


def dead_letter_a_scored_one(seen: Observed) -> None:
    seen.take_dead_letter(DeadLetter("news", 1, 3, "wrong_type", "", NOON, b"", 0))


def leave_unjudged(seen: Observed) -> None:
    seen.unjudged[origin(3)] = "language"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda seen: seen.sent.pop(origin(1)), "3 of 4 items published"),
        (lambda seen: seen.scored.discard(origin(1)), r"in neither: line 1 (1 in all)"),
        (lambda seen: seen.dead.clear(), "in neither: line 2"),
        (dead_letter_a_scored_one, "in both: line 3"),
        (swap_reason, "line 2: empty_title, but should be malformed_json"),
        (leave_unjudged, "line 3: language, but should be None"),
        (lambda seen: seen.alerts.clear(), "no alert fired on topic=Banks"),
        (lambda seen: seen.origins.clear(), "can't be found by its offsets"),
    ],
)
def test_a_broken_promise_is_named(change: Callable[[Observed], object], says: str) -> None:
    verdict = verdict_of(change)
    assert not verdict.kept
    assert says in broken_promises(verdict)


def test_an_alert_that_did_not_arrive_is_named() -> None:
    verdict = verdict_of(deliveries=(delivery(alert("resolved")),))
    assert "did not reach the webhook receiver" in broken_promises(verdict)


def test_every_other_alert_has_to_arrive_too() -> None:
    def change(seen: Observed) -> None:
        seen.alerts.append(alert("resolved", minute=20))

    assert "1 of 2 alert events received" in broken_promises(verdict_of(change))
    assert verdict_of(change, (*GOOD, delivery(alert("resolved")))).kept
    seen = a_good_run()
    change(seen)
    assert not is_settled(EXPECTED, seen, GOOD)


def test_an_unverified_signature_is_named() -> None:
    assert "1 refused" in broken_promises(verdict_of(bad_signatures=1))


@pytest.mark.parametrize(
    "other",
    [
        alert(series=Series("topic", "Oil")),
        alert("resolved"),
        alert(minute=9),  # a minute before the onset
    ],
)
def test_only_an_alert_on_the_surge_counts(other: AlertEvent) -> None:
    def change(seen: Observed) -> None:
        seen.alerts[:] = [other]

    assert "no alert fired" in broken_promises(verdict_of(change))


def test_near_duplicates_count_as_one_story() -> None:
    def change(seen: Observed) -> None:
        copy = scored(5, 12, negative=0.9, story="story 3")
        seen.sent[origin(5)] = Sent(5, origin(5), 0.0)
        seen.take_scored(0, 3, copy, now=0.0)
        assert distinct(seen.negatives[alert().series]) == 2

    said = " / ".join(check.says for check in verdict_of(change).checks)
    assert "after 2 negative stories (3 items)" in said


def test_what_comes_after_the_alert_did_not_fire_it() -> None:
    def change(seen: Observed) -> None:
        seen.take_scored(0, 9, scored(7, 14, negative=0.9), now=101.0)

    said = " / ".join(check.says for check in verdict_of(change).checks)
    assert "(2 items), 2 min 00 s" in said


def test_it_is_settled_only_when_nothing_is_outstanding() -> None:
    assert is_settled(EXPECTED, a_good_run(), GOOD)
    assert not is_settled(EXPECTED, a_good_run(), ())
    unfinished = a_good_run()
    unfinished.scored.discard(origin(4))
    assert not is_settled(EXPECTED, unfinished, GOOD)
    assert alert().fired_at == NOON + 12 * MINUTE
