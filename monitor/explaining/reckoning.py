"""How an alert's rule stands to what its window held, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monitor.explaining.document import RuleThen
from monitor.explaining.trace import rule_now, rule_then
from monitor.records import AlertEvent
from monitor.surge.panes import Tally
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import AbsentRule, Rule, SurgeRule, Term, ThresholdRule, quantity
from monitor.surge.scales import WHOLE

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))
_DURATIONS = frozenset({"window", "for", "keep_firing_for", "max_episode", "false_alarms"})
_NOT_SAID = frozenset({"alert", "type", "by", "severity", "labels", "annotations", "receivers"})


def rule_of(event: AlertEvent, plan: WatchPlan, file: str) -> RuleThen:
    """How the alert's rule stands now; what it said then is known only where its hash is the same.

    Args:
        event: the alert.
        plan: what is watched now.
        file: the rules file, for the reader.
    """
    if (same := rule_then(event, plan)) is not None:
        return RuleThen("unchanged", file, event.rule_hash, event.rule_hash, says(same))
    namesake = rule_now(event, plan)
    if namesake is None:
        return RuleThen("gone", file, event.rule_hash)
    return RuleThen("changed", file, event.rule_hash, plan.hash_of(namesake), says(namesake))


def reckoning(event: AlertEvent, rule: Rule | None, plan: WatchPlan, tally: Tally) -> Iterator[str]:
    """How the rule stands to the window, in plain words.

    Args:
        event: the alert.
        rule: its rule, where it still means the same.
        plan: what is watched.
        tally: what the records of the window add up to.
    """
    if isinstance(rule, ThresholdRule):
        yield from _threshold(rule, tally)
    elif isinstance(rule, AbsentRule):
        yield f"{tally.raw_count} items arrived within {duration(rule.window)}"
    if event.baseline is not None:
        yield from _surge(event, rule, plan, tally)
    if event.without_duplicates is not None:
        yield (
            "without near-duplicates the condition would have held too"
            if event.without_duplicates
            else "without near-duplicates the condition would not have held"
        )


def says(rule: Rule) -> str:
    """What a rule says, in the words of the rules file; what is left at its default is left out."""
    fields = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    fields["window"] = rule.window
    if isinstance(rule, SurgeRule):
        fields |= {"factor": rule.factor, "false_alarms": rule.false_alarms}
        fields |= {"min_factor": rule.least_factor, "min_support": rule.min_support, "on": rule.on}
    if "when" in fields:
        fields["when"] = " and ".join(f"{term[0]} {term[1]} {term[2]:g}" for term in fields["when"])
    match = fields.pop("match", {})
    fields |= {f"match.{name}": ", ".join(words) for name, words in match.items() if words}
    told = (f"{name} {_said(name, fields[name])}" for name in fields if name not in _NOT_SAID)
    return f"{rule.type} by {rule.by}: {', '.join(told)}"


def duration(milliseconds: int) -> str:
    """A duration as rules write it, such as `30d` or `90m`: in the largest unit that is whole."""
    unit, letter = next(one for one in _UNITS if milliseconds % one[0] == 0)
    return f"{milliseconds // unit}{letter}" if milliseconds else "0"


def _said(name: str, value: Any) -> str:
    if name in _DURATIONS and isinstance(value, int):
        return f"1 per {duration(value)}" if name == "false_alarms" else duration(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _threshold(rule: ThresholdRule, tally: Tally) -> Iterator[str]:
    novel = rule.counting == "novel"
    things = "stories" if novel else "items"
    count = tally.novel_count if novel else tally.raw_count
    negative = tally.novel_negative if novel else tally.raw_negative
    for term in rule.when:
        value = quantity(term.quantity, tally, novel)
        of = f" ({negative} of {count} {things})" if term.quantity == "negative_share" else ""
        yield f"{_term(term)}: {value:.4g}{of}, so it {_holds(term.holds(tally, novel))}"
    if rule.min_support > 1:
        yield (
            f"min_support {rule.min_support}: {count} {things}, so it "
            f"{_holds(count >= rule.min_support)}"
        )


def _surge(event: AlertEvent, rule: Rule | None, plan: WatchPlan, tally: Tally) -> Iterator[str]:
    baseline = event.baseline
    if baseline is None:
        return
    minutes = event.window.length_seconds / 60
    yield (
        f"expected {baseline.expected_negative:.3g} negative stories in these {minutes:g} min, by "
        f"a baseline that is {baseline.state} after {baseline.observed_seconds / 86_400:.1f} days; "
        f"{event.window.novel_negative} came"
    )
    if event.factor is not None:
        weighed = tally.novel_weight / WHOLE
        by_scale = (
            f" ({weighed:.3g} as the log's first model would count them)"
            if tally.novel_weight != tally.novel_negative * WHOLE
            else ""
        )
        yield f"that is {event.factor:.3g} times the expected{by_scale}" + _gate(rule, event)
    if baseline.negative_share is not None:
        yield (
            f"the usual share of negative stories is {baseline.negative_share:.1%}; here it was "
            f"{event.window.negative_share:.1%}"
        )
    if event.strength is not None:
        tolerates = (
            f", and the rule tolerates one in {plan.tolerated(rule) / 86_400_000:.3g} days"
            if isinstance(rule, SurgeRule)
            else ""
        )
        yield f"chance alone brings as much once in {event.strength:.3g} days{tolerates}"


def _gate(rule: Rule | None, event: AlertEvent) -> str:
    if event.state == "resolved" or not isinstance(rule, SurgeRule):
        return ""
    return (
        f"; the rule wants a rise of {rule.factor:g} told soonest, and none below "
        f"{rule.least_factor:g} told"
    )


def _holds(met: bool) -> str:
    return "holds" if met else "does not hold"


def _term(term: Term) -> str:
    return f"{term.quantity} {term.operator} {term.value:g}"
