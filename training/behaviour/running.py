"""Runs behaviour tests on a bundle, as served on a CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from training.behaviour.judging import Outcome, judge, judged
from training.served import served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.model.bundle import Bundle
    from training.behaviour.templates import BehaviourTest


def run(bundle: Bundle, tests: Sequence[BehaviourTest]) -> tuple[Outcome, ...]:
    """Judges every text once and returns each test's outcome.

    Tests in a language that the bundle is not made for are left out; those of one name in several
    of its languages are one test.
    """
    named: dict[str, BehaviourTest] = {}
    for test in tests:
        if test.language in bundle.meta.languages:
            known = named.get(test.name)
            named[test.name] = test if known is None else _joined(known, test)
    about = list(named.values())
    texts = list(dict.fromkeys(text for test in about for text in test.texts))
    if not texts:
        return ()
    said = judged(served(bundle, texts)[1], texts)
    return tuple(judge(test, said) for test in about)


def _joined(one: BehaviourTest, other: BehaviourTest) -> BehaviourTest:
    return replace(one, groups=one.groups + other.groups, claims=one.claims + other.claims)
