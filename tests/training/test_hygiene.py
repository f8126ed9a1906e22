"""Leaks, duplicates, contradictions, and the split: the policy, row by row."""

from collections import Counter

from monitor.model.text import normalise
from training.feeds import IGNORED, FeedReport, HeldOut, Row
from training.hygiene import HoldoutReport, tidy
from training.recipe_data import Hygiene
from training.splits import split


def row(key: str, *, topic: int = IGNORED, sentiment: int = IGNORED, feed: str = "a") -> Row:
    return Row(key.title(), key, feed, topic, sentiment)


def tidied(rows: list[Row], held_out: set[str]) -> tuple[list[Row], dict[str, FeedReport]]:
    reports = {name: FeedReport(name) for name in dict.fromkeys(r.feed for r in rows)}
    for each in rows:
        reports[each.feed].read += 1
    texts = HeldOut("valid", {key: key.title() for key in held_out})
    kept, _ = tidy(rows, [texts], list(reports.values()))
    for report in reports.values():
        assert report.read == report.kept + sum(report.dropped.values())
    return kept, reports


def test_a_text_that_is_held_out_leaves_train() -> None:
    kept, reports = tidied([row("oake", topic=0), row("tarn", topic=1)], {"tarn"})
    assert [r.key for r in kept] == ["oake"]
    assert reports["a"].dropped == {"also held out": 1}


def test_duplicates_become_one() -> None:
    kept, reports = tidied([row("oake", topic=0)] * 3, set())
    assert len(kept) == 1
    assert reports["a"].dropped == {"duplicate": 2}


def test_contradictions_leave_altogether() -> None:
    kept, reports = tidied(
        [row("oake", topic=0), row("oake", topic=1), row("tarn", topic=1)], set()
    )
    assert [r.key for r in kept] == ["tarn"]
    assert reports["a"].dropped == {"conflicting labels": 2}


def test_labels_of_two_feeds_are_joined() -> None:
    kept, reports = tidied([row("oake", topic=1), row("oake", sentiment=2, feed="b")], set())
    assert [(r.feed, r.topic, r.sentiment) for r in kept] == [("a", 1, 2)]
    assert reports["b"].dropped == {"duplicate": 1}


def test_a_contradiction_on_one_head_spares_the_other() -> None:
    rows = [row("oake", topic=1, sentiment=0), row("oake", topic=1, sentiment=2)]
    kept, _ = tidied(rows, set())
    assert [(r.topic, r.sentiment) for r in kept] == [(1, IGNORED)]


def test_the_split_is_stratified_whole_and_repeatable() -> None:
    rows = [row(f"text {n}", topic=n % 3) for n in range(300)]
    train, dev = split(rows, 0.1, seed=5)
    assert Counter(r.topic for r in dev) == {0: 10, 1: 10, 2: 10}
    assert sorted(r.key for r in train + dev) == sorted(r.key for r in rows)
    assert split(rows, 0.1, seed=5) == (train, dev)
    assert split(rows, 0.1, seed=6) != (train, dev)


def test_a_class_too_small_to_split_stays_in_train() -> None:
    rows = [row(f"text {n}", topic=0) for n in range(50)] + [row("rare", topic=1)]
    train, _ = split(rows, 0.1, seed=5)
    assert "rare" in {r.key for r in train}


LONG = "Tarnhill warns that its loss for the third quarter will be larger than it had expected"


def long_row(text: str, **labels: int) -> Row:
    return Row(text, normalise(text), "a", **labels)  # type: ignore[arg-type]


def near_leaks(policy: Hygiene) -> tuple[list[str], Counter[str], HoldoutReport]:
    rows = [long_row(LONG, topic=0), long_row(f"{LONG} today", topic=0), row("oake", topic=1)]
    report = FeedReport("a", read=3)
    held_out = HeldOut("valid", {normalise(LONG): LONG})
    kept, (met,) = tidy(rows, [held_out], [report], policy)
    assert report.read == report.kept + sum(report.dropped.values())
    return [each.key for each in kept], report.dropped + report.noted, met


def test_near_duplicates_of_a_held_out_text_leave_train() -> None:
    kept, counts, met = near_leaks(Hygiene())
    assert kept == ["oake"]
    assert counts == {"also held out": 1, "near-duplicate of a held-out text": 1}
    assert (met.texts, met.exact, met.near) == (1, 1, 1)


def test_leaks_that_are_kept_are_told_all_the_same() -> None:
    exact, _, met = near_leaks(Hygiene(across="exact"))
    assert exact == ["oake", f"{normalise(LONG)} today"]
    everything, counts, again = near_leaks(Hygiene(across="keep"))
    assert len(everything) == 3
    assert counts["also held out"] == counts["near-duplicate of a held-out text"] == 1
    assert (met.exact, met.near) == (again.exact, again.near) == (1, 1)


def test_near_duplicates_within_train_stay_unless_thinned() -> None:
    rows = [
        long_row(LONG, topic=0),
        long_row(f"{LONG} today", topic=0),
        long_row(f"{LONG} again", topic=1),
    ]
    report = FeedReport("a", read=3)
    kept, _ = tidy(rows, [], [report])
    assert len(kept) == 3
    assert len({each.group for each in kept}) == 1
    assert report.noted == {"near-duplicate": 2, "near-duplicate with another label": 3}
    report = FeedReport("a", read=3)
    thinned, _ = tidy(rows, [], [report], Hygiene(within="thin"))
    assert [each.topic for each in thinned] == [0, 1]
    assert report.dropped == {"near-duplicate": 1}


def test_a_majority_may_settle_a_contradiction() -> None:
    rows = [row("oake", topic=0), row("oake", topic=0), row("oake", topic=1)]
    report = FeedReport("a", read=3)
    kept, _ = tidy(rows, [], [report], Hygiene(conflicts="majority"))
    assert [each.topic for each in kept] == [0]
    tie, _ = tidy(rows[1:], [], [FeedReport("a", read=2)], Hygiene(conflicts="majority"))
    assert tie == []
