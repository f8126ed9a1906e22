"""What each rule of a deployment will do, in plain words: `newsurge check --explain`.

Owns the words. Every number is asked of the live core: a surge's of `monitor.surge.trials`, a
threshold's of the condition itself; none is reckoned here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.delivery.receivers import Receiver
from monitor.records import By, Series
from monitor.surge.conditions import threshold_verdict
from monitor.surge.panes import SCORE_UNIT, Tally
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import AbsentRule, DeadManRule, Rule, SurgeRule, Term, ThresholdRule
from monitor.surge.trials import MOST, Trial
from monitor.surge.week import HOUR

SPANS = (1, 4, 24)
"""Hours within which stories come, in the examples of surge rules."""
_USUAL_HOUR = datetime(2024, 3, 6, 10)  # noqa: DTZ001  # a Wednesday, in the rule's own time zone
_WIDTH = 96
_UNITS = ((7 * 24 * HOUR, "week"), (24 * HOUR, "day"), (HOUR, "hour"), (60_000, "minute"),
          (1000, "second"))  # fmt: skip
_EACH: dict[By, str] = {"topic": "topic", "entity": "name of the watchlist", "all": "series"}
_LEAST = {">=": "at least {}", ">": "more than {}", "<=": "at most {}", "<": "less than {}"}


def explain(plan: WatchPlan, receivers: Sequence[Receiver]) -> str:
    """What each rule will do.

    Args:
        plan: the deployment.
        receivers: all receivers of the file.
    """
    paragraphs = ["\n".join(_rule(plan, rule, receivers)) for rule in plan.rules]
    return "\n\n".join(paragraphs)


def fewest_stories(rule: ThresholdRule) -> int | None:
    """The fewest stories in a window on which the rule can hold; None where `MOST` are too few.

    They are tried as all negative, half of them, and none.
    """
    for count in range(MOST + 1):
        for negative in {count, count // 2, 0}:
            score = (count - 2 * negative) * SCORE_UNIT
            half = Tally(count, negative, score, count, negative, score, 0)
            if threshold_verdict(rule, half).met:
                return count
    return None


def duration(milliseconds: int) -> str:
    """A duration in words, such as `2 hours` or `1 hour 30 minutes`."""
    parts = []
    for unit, name in _UNITS:
        if name == "week" and milliseconds % unit:
            continue
        count, milliseconds = divmod(milliseconds, unit)
        if count:
            parts.append(f"{count} {name}{'s' * (count > 1)}")
    return " ".join(parts) or "no time"


def _rule(plan: WatchPlan, rule: Rule, receivers: Sequence[Receiver]) -> Iterator[str]:
    concerned = [each for each in plan.series if rule.concerns(each)]
    yield f"{rule.alert} ({rule.type}, {rule.severity}), on {_whom(rule, concerned)}."
    about = *_what(plan, rule, concerned), *_life(rule), *_maintenance(plan, rule)
    for line in (*about, _told(rule, receivers)):
        yield textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _whom(rule: Rule, concerned: Sequence[Series]) -> str:
    named = ", ".join(rule.match.key)
    if rule.by == "all":
        whom = "all news together"
    elif named:
        whom = f"each {_EACH[rule.by]} of {named}"
    else:
        whom = f"each {_EACH[rule.by]} ({len(concerned)} known)"
    source, language = (" or ".join(each) for each in (rule.match.source, rule.match.language))
    return whom + f", from {source} only" * bool(source) + f", in {language} only" * bool(language)


def _what(plan: WatchPlan, rule: Rule, concerned: Sequence[Series]) -> Iterator[str]:
    match rule:
        case SurgeRule():
            yield from _surge(plan, rule, concerned)
        case ThresholdRule():
            yield from _threshold(rule)
        case AbsentRule():
            yield f"Fires when nothing at all has arrived for {duration(rule.window)}."
        case DeadManRule():
            yield (
                f"Always fires, and is told again every {duration(rule.every)}: who no longer "
                "hears it knows that newsurge is in need."
            )


def _life(rule: Rule) -> Iterator[str]:
    if rule.for_:
        yield f"It must hold for {duration(rule.for_)} before it fires."
    if rule.keep_firing_for:
        yield f"It resolves after {duration(rule.keep_firing_for)} in which it did not hold."


def _maintenance(plan: WatchPlan, rule: Rule) -> Iterator[str]:
    windows = plan.maintenance_of(rule)
    if windows:
        names = ", ".join(window.name for window in windows)
        yield f"Does not begin to fire in the maintenance {names}."


def _told(rule: Rule, receivers: Sequence[Receiver]) -> str:
    told = [
        each.name
        for each in receivers
        if (not rule.receivers or each.name in rule.receivers)
        and (not each.severities or rule.severity in each.severities)
    ]
    if not told:
        return "Tells no receiver, as none is named for it: see the alerts stream."
    return f"Tells {', '.join(told)}."


def _threshold(rule: ThresholdRule) -> Iterator[str]:
    told = {"novel": "stories, however many wires tell each", "raw": "items, repeats too"}
    terms = " and ".join(map(_term, rule.when))
    yield f"Fires when, over {duration(rule.window)}, {terms}. It counts {told[rule.counting]}."
    fewest = fewest_stories(rule)
    if fewest is None:
        yield f"Not even {MOST:,} stories can make it fire: no news can meet all of its terms."
    elif fewest:
        yield f"Fewer than {_stories(fewest)} in {duration(rule.window)} can't make it fire."
    else:
        yield "It can hold where there is no news at all."


def _term(term: Term) -> str:
    amount = _LEAST[term.operator]
    match term.quantity:
        case "negative_share":
            return f"{amount.format(f'{term.value:.0%}')} of the stories are negative"
        case "negative_count":
            return f"{amount.format(f'{term.value:g}')} are negative"
        case "count":
            return f"there are {amount.format(f'{term.value:g}')}"
        case "mean_score":
            return f"their mean score (from -1 to 1) is {amount.format(f'{term.value:g}')}"
    return f"{term.quantity} is {amount.format(f'{term.value:g}')}"


def _surge(plan: WatchPlan, rule: SurgeRule, concerned: Sequence[Series]) -> Iterator[str]:
    volume, share = "come faster", "are a greater share of all"
    rises = {"volume": volume, "share": share, "either": f"{volume} or {share}",
             "both": f"{volume} and {share}"}  # fmt: skip
    hours = rule.timezone + (f", holidays of {rule.calendar} as Sundays" if rule.calendar else "")
    yield (
        f"Fires when negative stories {rises[rule.on]} than is usual for the {_EACH[rule.by]} at "
        f"this hour of the week ({hours}), over any time up to {duration(rule.window)}."
    )
    yield (
        f"A rise to {rule.factor:g} times the usual is told soonest; none below "
        f"{rule.least_factor:g} times, and none on fewer than {rule.min_support} negative stories."
    )
    yield from _examples(plan, rule, concerned)
    whose = "all of them together" if rule.false_alarms_for == "rule" else "each of them"
    yield (
        f"Expect no more than about one false alarm in {duration(rule.false_alarms)} on {whose}, "
        "from news that comes in waves as the prior's does."
    )


def _examples(plan: WatchPlan, rule: SurgeRule, concerned: Sequence[Series]) -> Iterator[str]:
    """The most active, the middle and the least active of the series, as the prior has them."""
    prior = plan.statistics.prior
    ranked = sorted(concerned, key=lambda one: (-prior.of(str(one)).rate, one.key))
    if not ranked:
        yield "No series of it is known beforehand, so there is no example."
        return
    yield "On a Wednesday from 10:00 on, after weeks as the prior has them, for example:"
    roles = {0: "the most active", len(ranked) // 2: "in the middle", len(ranked) - 1: "the least"}
    for place in sorted(roles):
        series = ranked[place]
        role = f", {roles[place]} of them" if len(ranked) > 1 else ""
        unknown = "" if str(series) in prior.series else ", of which the prior knows nothing"
        yield f"- {series.key}{role}{unknown}: {_example(plan, rule, series)}"


def _example(plan: WatchPlan, rule: SurgeRule, series: Series) -> str:
    start = round(_USUAL_HOUR.replace(tzinfo=ZoneInfo(rule.timezone)).timestamp() * 1000)
    trial = Trial(plan, rule, series, start)
    daily = trial.daily
    usual = f"{daily:,.0f}" if daily >= 10 else f"{daily:.2g}"
    fewest = [(trial.fewest(hours * HOUR), duration(hours * HOUR)) for hours in SPANS]
    fire = ", or ".join(
        f"{f'more than {MOST:,}' if count is None else f'{count:,}'} within {span}"
        for count, span in fewest
    )
    return f"at its usual {usual} negative stories a day, {fire} fire."


def _stories(count: int) -> str:
    return "1 story" if count == 1 else f"{count:,} stories"
