"""From settings to what WATCH watches: the prior, and how many series a rule is about."""

from pathlib import Path

import msgspec
import pytest

from monitor.errors import PriorError
from monitor.prior_file import load_prior, write_prior
from monitor.rules.file import RuleFile
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings
from monitor.surge.plan import WatchPlan
from monitor.surge.prior import FLAT
from monitor.surge.rules import SurgeRule
from monitor.watch_plan import watch_plan

TOPICS = ("bank", "oil", "gold")
NAMES = Watchlist({"larkfield": "LKFB", "harrow": "HRWC"})


def plan(*rules: dict[str, object], watchlist: Watchlist = NAMES, **watch: object) -> WatchPlan:
    fields = [
        {"type": "surge", "alert": f"R{number}", "false_alarms_for": "rule"} | rule
        for number, rule in enumerate(rules)
    ]
    settings = Settings.model_validate({"watch": watch})
    return watch_plan(settings, RuleFile.model_validate({"rules": fields}), TOPICS, watchlist)


@pytest.mark.parametrize(
    ("rule", "series"),
    [
        ({"by": "topic"}, 3),
        ({"by": "topic", "match": {"key": ["oil", "gold"]}}, 2),
        ({"by": "entity"}, 2),
        ({"by": "entity", "match": {"key": ["A", "B", "C"]}}, 3),
        ({"by": "all"}, 1),
    ],
    ids=str,
)
def test_a_rules_false_alarms_are_shared_out_among_its_series(
    rule: dict[str, object], series: int
) -> None:
    made = plan(rule | {"false_alarms": "1 per 1d"})
    (surge,) = made.rules
    assert isinstance(surge, SurgeRule)
    assert made.concerned == {"R0": series}
    assert made.tolerated(surge) == series * 86_400_000


def test_the_prior_is_the_shipped_one_unless_another_is_named(tmp_path: Path) -> None:
    own = msgspec.structs.replace(FLAT, fitted_on="own history")
    write_prior(own, tmp_path / "prior.json")
    shipped, other = plan({"by": "all"}), plan({"by": "all"}, prior=tmp_path / "prior.json")
    assert shipped.statistics.prior == load_prior(None)
    assert other.statistics.prior == own
    assert shipped.hash_of(shipped.rules[0]) != other.hash_of(other.rules[0])


def test_a_prior_that_can_not_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prior.json").write_text("{}")
    with pytest.raises(PriorError, match=r"prior\.json can't be used"):
        plan({"by": "all"}, prior=tmp_path / "prior.json")
