"""What rules are said to do, held against what the core does."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.cli import cli
from monitor.delivery.receivers import Receiver
from monitor.records import Series
from monitor.rules.explained import duration, explain, fewest_stories
from monitor.rules.file import default_rules
from monitor.settings import Settings
from monitor.surge.maintenance import Maintenance
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.prior import Prior, SeriesPrior
from monitor.surge.rules import SurgeRule, ThresholdRule
from monitor.surge.trials import Trial
from monitor.surge.week import HOUR
from monitor.watch_plan import deployed_plan
from tests.surge.log import BANKING, MINUTE, NEGATIVE, NEUTRAL, feed, mark, plan, record, rule

GUIDE = Path(__file__).parents[2] / "docs" / "EXPLAIN.md"
WEDNESDAY = 1_709_719_200_000  # 2024-03-06 10:00 UTC
PRIOR = Prior(
    fitted_on="nothing: invented",
    unknown=SeriesPrior(0.2, 2.0, 0.2, 10.0),
    series={"topic=banking": SeriesPrior(0.5, 2.0, 0.2, 10.0)},
)


@cache
def shipped() -> WatchPlan:
    return deployed_plan(Settings(rules=default_rules()))


@cache
def shipped_words() -> str:
    return explain(shipped(), [])


def words(*rules: Any, receivers: tuple[Receiver, ...] = (), **fields: Any) -> str:
    return " ".join(explain(plan(*rules, prior=PRIOR, **fields), receivers).split())


def receiver(name: str, *severities: str) -> Receiver:
    webhook = {"url": "http://127.0.0.1:9/", "secret_env": "SECRET"}
    return Receiver.model_validate(
        {"name": name, "webhook": webhook, "severities": list(severities)}
    )


def test_the_guide_shows_what_is_said_of_the_shipped_rules() -> None:
    (shown,) = re.findall(r"```\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown == shipped_words() + "\n", "put the new text into docs/EXPLAIN.md"


def test_the_numbers_shown_fire_and_one_fewer_does_not() -> None:
    text = " ".join(shipped_words().split())
    example = r"- ([^,:]+), .*?(\d+) within 1 hour, or (\d+) .*?or (\d+) within 1 day"
    found = re.findall(example, text)
    assert len(found) == 3
    (surge,) = (each for each in shipped().rules if isinstance(each, SurgeRule))
    ten_in_new_york = WEDNESDAY + 5 * HOUR
    for key, *numbers in found:
        trial = Trial(shipped(), surge, Series("topic", key), ten_in_new_york)
        for number, hours in zip(map(int, numbers), (1, 4, 24), strict=True):
            assert trial.fires(number, hours * HOUR), (key, number, hours)
            assert not trial.fires(number - 1, hours * HOUR), (key, number, hours)


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(["volume", "share", "either", "both"]),
    st.sampled_from([1.5, 2.0, 4.0]),
    st.integers(1, 8),
    st.sampled_from(["1 per 1d", "1 per 30d", "1 per 52w"]),
    st.sampled_from([1, 4]),
)
def test_any_surge_rule_fires_on_the_fewest_and_on_no_fewer(
    on: str, factor: float, support: int, tolerance: str, hours: int
) -> None:
    one = rule(
        type="surge",
        window="7d",
        on=on,
        factor=factor,
        min_support=support,
        false_alarms=tolerance,
    )
    assert isinstance(one, SurgeRule)
    trial = Trial(plan(one, prior=PRIOR), one, BANKING, WEDNESDAY)
    fewest = trial.fewest(hours * HOUR)
    assert fewest is not None
    assert fewest >= support
    assert trial.fires(fewest, hours * HOUR)
    assert not trial.fires(fewest - 1, hours * HOUR)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([">=", ">"]),
    st.integers(0, 9),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.integers(1, 9),
)
def test_any_threshold_can_hold_on_the_fewest_and_not_on_fewer(
    sign: str, negative: int, share: float, support: int
) -> None:
    text = f"negative_count {sign} {negative} and negative_share >= {share}"
    one = rule(text, window="30m", min_support=support)
    assert isinstance(one, ThresholdRule)
    fewest = fewest_stories(one)
    assert fewest is not None
    assert any(fires(one, fewest, bad) for bad in range(fewest + 1))
    assert not any(fires(one, fewest - 1, bad) for bad in range(fewest))


def fires(one: ThresholdRule, count: int, negative: int) -> bool:
    """Whether it fires on so many stories within a minute, as the core has it."""
    log = [
        record(1 + n / 100, f"{n}", NEGATIVE if n < negative else NEUTRAL, origin=(0, n))
        for n in range(count)
    ]
    return bool(feed(PartitionWatch(0, plan(one)), [mark(0), *log]))


def test_a_threshold_in_words() -> None:
    said = words(
        rule(
            "negative_share >= 0.7 and count > 4",
            window="90m",
            for_="10m",
            counting="raw",
            receivers=["desk"],
            match={"source": "Wire"},
        ),
        receivers=(receiver("desk"), receiver("board")),
    )
    assert "on each topic (1 known), from Wire only." in said
    assert "over 1 hour 30 minutes, at least 70% of the stories are negative" in said
    assert "there are more than 4. It counts items, repeats too." in said
    assert "Fewer than 5 stories in 1 hour 30 minutes can't make it fire." in said
    assert "It must hold for 10 minutes before it fires." in said
    assert "Tells desk." in said


def test_what_can_never_hold_or_needs_no_news_is_said() -> None:
    assert "Not even 5,000 stories" in words(rule("negative_count >= 2 and count < 1"))
    assert "It can hold where there is no news at all." in words(rule("count < 3", min_support=0))


def test_who_is_told() -> None:
    one = rule(type="absent", window="2h")
    assert "Fires when nothing at all has arrived for 2 hours." in words(one)
    assert "Tells no receiver" in words(one)
    told = receiver("desk"), receiver("board", "warning"), receiver("risk", "critical")
    assert "Tells desk, board." in words(one, receivers=told)


def test_a_dead_man_and_maintenance() -> None:
    dead_man = rule(type="dead_man", alert="Alive", by="all", every="10m")
    assert "told again every 10 minutes" in words(dead_man)
    weekend = Maintenance.model_validate(
        {"name": "weekend", "days": ["sat"], "start": "00:00", "end": "24:00"}
    )
    of = replace(plan(rule("count >= 1")), maintenance=(weekend,))
    assert "Does not begin to fire in the maintenance weekend." in explain(of, ())


def test_a_series_that_the_prior_does_not_know_is_said_to_be_one() -> None:
    oil = Series("topic", "oil")
    said = words(rule(type="surge", window="7d"), series=(BANKING, oil))
    assert "- banking, the most active of them: at its usual 12 negative stories a day" in said
    assert "- oil, the least of them, of which the prior knows nothing: at its usual 4.8" in said


def test_a_dimension_without_known_series_has_no_example() -> None:
    assert "no example" in words(rule(type="surge", by="entity"))


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (90_000, "1 minute 30 seconds"),
        (36 * HOUR, "1 day 12 hours"),
        (14 * 24 * HOUR, "2 weeks"),
        (8 * 24 * HOUR, "8 days"),
        (MINUTE, "1 minute"),
        (0, "no time"),
    ],
)
def test_a_duration_in_words(milliseconds: int, said: str) -> None:
    assert duration(milliseconds) == said


def test_the_command_says_it() -> None:
    done = CliRunner().invoke(cli, ["check", str(default_rules()), "--explain"])
    assert done.exit_code == 0, done.output
    assert shipped_words() in done.output
