"""What every partition of a deployment watches. Pure: values, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from monitor.records import Series
from monitor.surge.maintenance import Maintenance
from monitor.surge.rules import DeadManRule, Rule, SurgeRule, rule_hash
from monitor.surge.track import Statistics


@dataclass(frozen=True)
class WatchPlan:
    """What every partition of a deployment watches, and how.

    `series` are those known beforehand (the bundle's topics, the watchlist's names, `all`),
    which are followed from the start so that their silence is seen too. `concerned` tells for
    a rule, by name, how many series of the whole deployment it is about. In `maintenance` no
    alert begins to fire.
    """

    statistics: Statistics
    rules: tuple[Rule, ...]
    news_partitions: int
    idle_timeout: int
    series: tuple[Series, ...] = ()
    concerned: Mapping[str, int] = field(default_factory=dict)
    maintenance: tuple[Maintenance, ...] = ()

    def hash_of(self, rule: Rule) -> str:
        """The rule's hash under this plan's statistics."""
        deployment: dict[str, int | float | str] = {
            "slide": self.statistics.slide,
            "allowed_lateness": self.statistics.allowed_lateness,
            "duplicate_horizon": self.statistics.duplicate_horizon,
            "negative_threshold": self.statistics.negative_threshold,
        }
        if isinstance(rule, SurgeRule):
            learning = self.statistics.learning
            deployment |= {
                "prior": self.statistics.prior.digest,
                "half_life": learning.half_life,
                "warm_up": learning.warm_up,
                "settling": learning.settling,
                "tolerated": self.tolerated(rule),
            }
        windows = sorted(window.meaning for window in self.maintenance_of(rule))
        # A rule that no window is about keeps the hash that it had before there were any.
        deployment |= {"maintenance": "\n".join(windows)} if windows else {}
        return rule_hash(rule, deployment)

    def maintenance_of(self, rule: Rule) -> tuple[Maintenance, ...]:
        """The windows that are about a rule; a dead man is told in all of them."""
        if isinstance(rule, DeadManRule):
            return ()
        return tuple(window for window in self.maintenance if window.concerns(rule.alert))

    def tolerated(self, rule: SurgeRule) -> int:
        """Milliseconds that the rule tolerates between false alarms on one series."""
        return rule.tolerated(max(1, self.concerned.get(rule.alert, 1)))


def by_track(rules: Iterable[Rule]) -> Iterable[list[Rule]]:
    """The rules by the track that they share: same matchers, and same week where they ask."""
    tracks: dict[tuple[object, ...], list[Rule]] = {}
    for rule in sorted(rules, key=lambda rule: rule.week is None):
        matchers = rule.match.source, rule.match.language
        own: tuple[object, ...] = (*matchers, rule.week)
        if rule.week is None:
            own = next((track for track in tracks if track[:2] == matchers), own)
        tracks.setdefault(own, []).append(rule)
    return tracks.values()
