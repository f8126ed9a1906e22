"""Whether a rule's condition holds on a window, and how strongly.

Pure: a window's tally and a baseline in, a verdict out.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.records import BaselineStatistics
from monitor.surge.panes import Tally
from monitor.surge.rules import AbsentRule, DeadManRule, Rule, SurgeRule, ThresholdRule
from monitor.surge.track import Track


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one evaluation; the numbers are None where a rule has no such thing.

    `onset` is the pane in which what the verdict rests on began, where the rule tells one.
    """

    met: bool
    factor: float | None = None
    strength: float | None = None
    baseline: BaselineStatistics | None = None
    without_duplicates: bool | None = None
    onset: int | None = None


ALWAYS = Verdict(met=True)
UNMET = Verdict(met=False)


def judge(
    rule: ThresholdRule | AbsentRule | DeadManRule, tally: Tally, track: Track, now: int
) -> Verdict:
    """Evaluate a rule, at the time `now`, on a window of the track that holds `tally`."""
    if isinstance(rule, ThresholdRule):
        return threshold_verdict(rule, tally)
    if isinstance(rule, DeadManRule):
        return ALWAYS
    return Verdict(met=tally.raw_count == 0 and track.followed_for(now) >= rule.window)


def is_met_by_nothing(rule: Rule) -> bool:
    """Whether a rule may begin to hold where there is no news at all."""
    if isinstance(rule, ThresholdRule):
        return threshold_verdict(rule, Tally()).met
    return not isinstance(rule, SurgeRule)


def surge_verdict(met: bool, onset: int, head: int, track: Track, hours: float | None) -> Verdict:
    """The verdict on a surge, with what the panes from `onset` to `head` hold.

    Args:
        met: whether the rule is met.
        onset: the first pane that counts.
        head: the last pane that counts.
        track: the statistics of the series.
        hours: its return period in hours of the mean week, where it has one.
    """
    baseline = track.baseline
    expected = baseline.expected(onset, head)
    count = sum(track.counts(number).negative for number in track.held(onset, head))
    return Verdict(
        met,
        factor=count / expected,
        strength=None if hours is None else hours / 24,
        baseline=BaselineStatistics(
            state="trusted" if baseline.trusted else "warming",
            expected_negative=expected,
            negative_share=baseline.share,
            observed_seconds=baseline.observed / 1000,
        ),
        onset=onset,
    )


def threshold_verdict(rule: ThresholdRule, tally: Tally) -> Verdict:
    """Evaluate a threshold rule on a window that holds `tally`."""
    novel = rule.counting == "novel"
    if not _holds(rule, tally, novel):
        return UNMET
    return Verdict(met=True, without_duplicates=None if novel else _holds(rule, tally, novel=True))


def _holds(rule: ThresholdRule, tally: Tally, novel: bool) -> bool:
    support = tally.novel_count if novel else tally.raw_count
    return support >= rule.min_support and all(term.holds(tally, novel) for term in rule.when)
