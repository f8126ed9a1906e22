"""Behaviour tests against a model's judgements: rates, shifts, and what failed. Pure arithmetic.

The score of a text is its probability of positive less that of negative, from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from monitor.model.bundle import SENTIMENTS
from training.behaviour.templates import BehaviourTest, Claim, Group

MARGIN = 0.1  # by which a score must rise or fall to count as higher or lower, as in CheckList
SHOWN = 12  # failures of a test that are kept


class Judged(msgspec.Struct, frozen=True):
    """What the model says of a text: its class and its score."""

    sentiment: str
    score: float


class Failure(msgspec.Struct, frozen=True):
    """A text that was not judged as it should be, beside the one that it is held against."""

    text: str
    said: Judged
    expected: str
    against: str | None = None
    said_of_it: Judged | None = None


class Invariance(msgspec.Struct, frozen=True):
    """How much an exchange moves. Each template counts alike, whatever the number of its variants.

    `flip_rate` is the share of pairs of a template's variants that get different classes,
    `mean_shift` the mean absolute difference of their scores.
    """

    cases: int
    flip_rate: float
    mean_shift: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One test's result: `swapped` and its parts by what was swapped, or `pass_rate`."""

    test: str
    what: str
    kind: str
    cases: int
    swapped: Invariance | None = None
    by_swap: dict[str, Invariance] = {}
    pass_rate: float | None = None
    failed: int = 0
    failures: tuple[Failure, ...] = ()


def judged(probabilities: np.ndarray[Any, Any], texts: Iterable[str]) -> dict[str, Judged]:
    """Returns what is said of each text, of sentiment probabilities [texts, 3] as served."""
    return {
        text: Judged(SENTIMENTS[int(row.argmax())], round(float(row[2] - row[0]), 4))
        for text, row in zip(texts, probabilities, strict=True)
    }


def judge(test: BehaviourTest, said: Mapping[str, Judged]) -> Outcome:
    """Holds one test's texts against what was said of each."""
    return _invariance(test, said) if test.groups else _expectation(test, said)


def as_metrics(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Returns the numbers for `metrics.behaviour` of a bundle: test → number, by swap beneath."""
    found: dict[str, Any] = {}
    for outcome in outcomes:
        if outcome.swapped is not None:
            parts = {} if len(outcome.by_swap) < 2 else outcome.by_swap
            found[outcome.test] = msgspec.to_builtins(outcome.swapped) | msgspec.to_builtins(parts)
        elif outcome.pass_rate is not None:
            found[outcome.test] = {
                "cases": outcome.cases,
                "pass_rate": outcome.pass_rate,
                "fail_rate": round(1 - outcome.pass_rate, 4),
            }
    return found


def _invariance(test: BehaviourTest, said: Mapping[str, Judged]) -> Outcome:
    kinds = dict.fromkeys(group.swap for group in test.groups)
    worst = sorted(test.groups, key=lambda group: -_moved(group, said)[1])
    flipped = [group for group in worst if _moved(group, said)[0] > 0]
    return Outcome(
        test=test.name,
        what=test.what,
        kind="invariance",
        cases=sum(len(group.variants) for group in test.groups),
        swapped=_mean(test.groups, said),
        by_swap={
            kind: _mean([group for group in test.groups if group.swap == kind], said)
            for kind in kinds
        },
        failed=len(flipped),
        failures=tuple(_widest(group, said) for group in flipped[:SHOWN]),
    )


def _moved(group: Group, said: Mapping[str, Judged]) -> tuple[float, float]:
    """The share of pairs of variants that flip, and the mean shift of a pair."""
    pairs = list(combinations([said[text] for text in group.variants], 2))
    if not pairs:
        return 0.0, 0.0
    flips = np.mean([one.sentiment != two.sentiment for one, two in pairs])
    return float(flips), float(np.mean([abs(one.score - two.score) for one, two in pairs]))


def _mean(groups: Iterable[Group], said: Mapping[str, Judged]) -> Invariance:
    listed = list(groups)
    flips, shifts = zip(*(_moved(group, said) for group in listed), strict=True)
    cases = sum(len(group.variants) for group in listed)
    return Invariance(cases, round(float(np.mean(flips)), 4), round(float(np.mean(shifts)), 4))


def _widest(group: Group, said: Mapping[str, Judged]) -> Failure:
    """The pair of variants that is furthest apart, of those that flip."""
    pairs = [
        (one, two)
        for one, two in combinations(group.variants, 2)
        if said[one].sentiment != said[two].sentiment
    ]
    one, two = max(pairs, key=lambda pair: abs(said[pair[0]].score - said[pair[1]].score))
    return Failure(two, said[two], "alike", one, said[one])


def _expectation(test: BehaviourTest, said: Mapping[str, Judged]) -> Outcome:
    failed = [claim for claim in test.claims if not _holds(claim, said)]
    failed.sort(key=lambda claim: -abs(said[claim.text].score))
    return Outcome(
        test=test.name,
        what=test.what,
        kind="expectation",
        cases=len(test.claims),
        pass_rate=round(1 - len(failed) / len(test.claims), 4),
        failed=len(failed),
        failures=tuple(
            Failure(
                claim.text,
                said[claim.text],
                claim.expected,
                claim.base,
                None if claim.base is None else said[claim.base],
            )
            for claim in failed[:SHOWN]
        ),
    )


def _holds(claim: Claim, said: Mapping[str, Judged]) -> bool:
    mine = said[claim.text]
    if claim.base is None:
        name = claim.expected.removeprefix("not ")
        return (mine.sentiment == name) is (name == claim.expected)
    rise = mine.score - said[claim.base].score
    return rise >= MARGIN if claim.expected == "higher" else rise <= -MARGIN
