"""Whether a rule's condition holds on a window, and how strongly.

Pure: a window's tally and a baseline in, a verdict out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitor.records import BaselineStatistics
from monitor.surge.baseline import Baseline
from monitor.surge.panes import Tally
from monitor.surge.rules import AbsentRule, SurgeRule, ThresholdRule
from monitor.surge.track import Track

EXIT_SHARE = 0.5
"""A surge that fires goes on until its strength falls below this share of the enter level."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one evaluation; the numbers are None where a rule has no such thing."""

    met: bool
    factor: float | None = None
    strength: float | None = None
    baseline: BaselineStatistics | None = None
    without_duplicates: bool | None = None


UNMET = Verdict(met=False)


def judge(
    rule: ThresholdRule | SurgeRule | AbsentRule,
    tally: Tally,
    track: Track,
    firing: bool,
    now: int,
) -> Verdict:
    """Evaluate a rule, at the time `now`, on a window of the track that holds `tally`."""
    match rule:
        case ThresholdRule():
            return _threshold(rule, tally)
        case SurgeRule():
            return _surge(rule, tally, track.baseline, track.slide, firing)
        case AbsentRule():
            return Verdict(met=tally.raw_count == 0 and track.followed_for(now) >= rule.window)


def _threshold(rule: ThresholdRule, tally: Tally) -> Verdict:
    novel = rule.counting == "novel"
    met = _holds(rule, tally, novel)
    if not met:
        return UNMET
    return Verdict(met, without_duplicates=None if novel else _holds(rule, tally, novel=True))


def _holds(rule: ThresholdRule, tally: Tally, novel: bool) -> bool:
    support = tally.novel_count if novel else tally.raw_count
    return support >= rule.min_support and all(term.holds(tally, novel) for term in rule.when)


def _surge(rule: SurgeRule, tally: Tally, baseline: Baseline, slide: int, firing: bool) -> Verdict:
    """The negative stories in the window against the baseline's predictive distribution.

    The strength is -log10 of the probability of as many or more. The enter level allows one
    false alarm in `false_alarms` if each pane's window were a fresh chance: a probability of
    slide / false_alarms for each. Overlapping windows are not fresh chances, so this errs on
    the quiet side; a wandering rate, which the distribution does not know of, on the loud one.
    """
    count, panes = tally.novel_negative, rule.window // slide
    if not firing and count < rule.min_support:
        return UNMET
    expected = baseline.expected(panes)
    factor = count / expected
    if not firing and factor < rule.min_factor:
        return UNMET
    enough = 1 + (rule.min_factor - 1) * (EXIT_SHARE if firing else 1.0)
    strength = -math.log10(max(baseline.tail(panes, count), 1e-300))
    level = -math.log10(slide / rule.false_alarms) * (EXIT_SHARE if firing else 1.0)
    statistics = BaselineStatistics(
        state="trusted" if baseline.trusted else "warming",
        expected_negative=expected,
        observed_seconds=baseline.observed_panes * slide / 1000,
    )
    return Verdict(factor >= enough and strength >= level, factor, strength, statistics)
