"""What a series' own past leads one to expect: a Gamma-Poisson rate with a weekly rhythm.

Pure. Learns closed panes, when told to; knows nothing of rules or alarms.

The rate of negative stories is a level, whose posterior is a Gamma distribution, times the
rhythm of the week. The share of negative stories has a Beta posterior. What has been learnt is
discounted as time passes (West & Harrison, Bayesian Forecasting and Dynamic Models, 2nd ed.,
section 10.8: power discounting), so that the past weighs less the longer ago it is, and what
the prior says weighs less the more has been seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from monitor.surge.prior import Prior
from monitor.surge.week import HOUR, HOURS_OF_WEEK, Week, week

RHYTHM_HALF_LIFE_WEEKS = 8.0
MEMORY_HALF_LIVES = 10
"""After so many, what was learnt weighs a thousandth."""
RHYTHM_PRIOR_STORIES = 10.0
"""How many expected stories in an hour of the week its prior rhythm is worth."""
_FLOOR_HOURS = 0.1
"""What of the prior never fades, in hours of watching: a rate is never zero."""


@dataclass(frozen=True, slots=True)
class Learning:
    """How fast a baseline learns and when it is relied on. Times are in milliseconds.

    A series is `trusted` once it has been watched, or its prior is worth, `warm_up`; before
    that it is `warming`, and for the first `settling` of watching it raises no surge.
    """

    half_life: int = 14 * 24 * HOUR
    warm_up: int = 24 * HOUR
    settling: int = HOUR


DEFAULT_LEARNING = Learning()


@dataclass(frozen=True, slots=True)
class Counts:
    """What a closed pane held: stories, and the negative ones among them.

    `negative` is no whole number where models have changed (see `monitor.surge.scales`).
    """

    pane: int
    negative: float
    stories: int

    @property
    def negative_stories(self) -> float:
        """Those of the stories that count as negative: no more than there are."""
        return min(self.negative, self.stories)


class BaselineState(msgspec.Struct, frozen=True):
    """What a baseline has learnt up to pane `through`, to be written down.

    `faded` are the fading sums of negative stories, hours, and the two of the share.
    """

    through: int | None
    faded: tuple[float, ...]
    bin_stories: list[float]
    bin_expected: list[float]
    hour: int | None
    learns_rhythm: bool
    watched_panes: int


class Baseline:
    """The running baseline of one track.

    Args:
        prior: what is believed beforehand.
        series: the name of the series in it.
        own_week: the hours of the week that the series' own rhythm is learnt in.
        slide: the length of a pane in milliseconds.
        learning: how fast it learns.
    """

    def __init__(
        self, prior: Prior, series: str, own_week: Week, slide: int, learning: Learning
    ) -> None:
        belief = prior.of(series)
        self.through: int | None = None
        self._slide = slide
        self._pane_hours = slide / HOUR
        self._week = own_week
        self._prior_week = week(prior.timezone, prior.calendar)
        self._prior_rhythm = prior.hours
        self._learning = learning
        self._decay = 0.5 ** (HOUR / learning.half_life)
        self._week_decay = 0.5 ** (1 / RHYTHM_HALF_LIFE_WEEKS)
        self._negative = _Faded(belief.rate * belief.rate_hours, belief.rate * _FLOOR_HOURS)
        self._hours = _Faded(belief.rate_hours, _FLOOR_HOURS)
        told = belief.share_stories
        self._share_negative = _Faded(belief.share * told, belief.share)
        self._share_stories = _Faded(told, 1.0)
        self._bin_stories = [0.0] * HOURS_OF_WEEK
        self._bin_expected = [0.0] * HOURS_OF_WEEK
        self._hour: int | None = None
        self._learns_rhythm = False
        self._watched_panes = 0

    @property
    def rate(self) -> float:
        """Negative stories an hour, as a mean over the week."""
        return self._negative.value / self._hours.value

    @property
    def share(self) -> float:
        """The usual share of negative stories."""
        return self._share_negative.value / self._share_stories.value

    @property
    def rate_worth(self) -> float:
        """How many stories the knowledge of the rate is worth: the shape of its posterior."""
        return self._negative.value

    @property
    def share_worth(self) -> float:
        """How many stories the knowledge of the share is worth: its concentration."""
        return self._share_stories.value

    @property
    def observed(self) -> int:
        """For how long the series has been watched, in milliseconds, without discount."""
        return self._watched_panes * self._slide

    @property
    def trusted(self) -> bool:
        """Whether enough is known; until then the series is warming up."""
        return self._hours.value * HOUR >= self._learning.warm_up

    @property
    def speaks(self) -> bool:
        """Whether a surge may be told from it at all."""
        return self.trusted or self.observed >= self._learning.settling

    def expected(self, first: int, last: int) -> float:
        """The negative stories expected in the panes from `first` to `last`, both included."""
        hours = sum(self._intensity(hour) * panes for hour, panes in self._stretches(first, last))
        return self.rate * hours * self._pane_hours

    def teach(self, counts: Iterable[Counts], through: int) -> None:
        """Learn the panes up to `through`; those that are not in `counts` held nothing.

        Args:
            counts: what the panes held, in order, those after `self.through` only.
            through: the last pane to learn.
        """
        told = list(counts)
        if self.through is None:
            self.through = min([one.pane for one in told] + [through]) - 1
        if through <= self.through:
            return
        held = iter(told)
        following = next(held, None)
        pane = self.through + 1
        for hour, panes in self._stretches(self.through + 1, through):
            self._come_to(hour)
            self._watch(hour, panes)
            pane += panes
            while following is not None and following.pane < pane:
                self._count(hour, following)
                following = next(held, None)
        self._watched_panes += through - self.through
        self.through = through

    @property
    def memory(self) -> int:
        """After so many panes of silence nothing of what was before can be told any more.

        What is still learnt of silence then is what is known already.
        """
        half_life = max(
            self._learning.half_life, round(RHYTHM_HALF_LIFE_WEEKS * HOURS_OF_WEEK * HOUR)
        )
        return MEMORY_HALF_LIVES * half_life // self._slide

    def rest(self, through: int) -> None:
        """Let the panes up to `through` pass, and stay as it is."""
        if self.through is not None and through > self.through:
            self._watched_panes += through - self.through
            self.through, self._hour = through, (through - 1) * self._slide // HOUR

    def make_normal(self, hours: float) -> None:
        """Let what was known before weigh no more than so many hours, as the level has moved."""
        keep = min(1.0, hours / self._hours.value)
        for learnt in self._faded:
            learnt.fading *= keep

    def state(self) -> BaselineState:
        """What it has learnt."""
        return BaselineState(
            through=self.through,
            faded=tuple(learnt.fading for learnt in self._faded),
            bin_stories=list(self._bin_stories),
            bin_expected=list(self._bin_expected),
            hour=self._hour,
            learns_rhythm=self._learns_rhythm,
            watched_panes=self._watched_panes,
        )

    def restore(self, state: BaselineState) -> None:
        """Know what was learnt before.

        Raises:
            ValueError: when the state is not that of a baseline.
        """
        if {len(state.bin_stories), len(state.bin_expected)} != {HOURS_OF_WEEK}:
            raise ValueError(f"a baseline has {HOURS_OF_WEEK} hours of the week")
        self.through, self._hour = state.through, state.hour
        for learnt, fading in zip(self._faded, state.faded, strict=True):
            learnt.fading = fading
        self._bin_stories = list(state.bin_stories)
        self._bin_expected = list(state.bin_expected)
        self._learns_rhythm = state.learns_rhythm
        self._watched_panes = state.watched_panes

    @property
    def _faded(self) -> tuple[_Faded, _Faded, _Faded, _Faded]:
        return self._negative, self._hours, self._share_negative, self._share_stories

    def _stretches(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Each hour that the panes lie in, and how many of them lie in it."""
        pane, slide = first, self._slide
        while pane <= last:
            hour = (pane - 1) * slide // HOUR
            end = max(pane, min(last, (hour + 1) * HOUR // slide))
            yield hour, end - pane + 1
            pane = end + 1

    def _intensity(self, hour: int) -> float:
        """The rhythm at an hour, as a multiple of the mean: own past, shrunk to the prior's."""
        here = self._week.hour_of(hour)
        before, after = here - 1, (here + 1) % HOURS_OF_WEEK
        stories, expected = self._bin_stories, self._bin_expected
        seen = stories[here] / 2 + (stories[before] + stories[after]) / 4
        usual = expected[here] / 2 + (expected[before] + expected[after]) / 4
        prior = self._prior_rhythm[self._prior_week.hour_of(hour)]
        return (prior * RHYTHM_PRIOR_STORIES + seen) / (RHYTHM_PRIOR_STORIES + usual)

    def _come_to(self, hour: int) -> None:
        """Discount what was learnt for each hour that has passed."""
        if self._hour == hour:
            return
        if self._hour is not None:
            factor = self._decay ** (hour - self._hour)
            for learnt in self._faded:
                learnt.fading *= factor
        self._hour = hour
        # While the level is hardly known, a busy hour tells of the level, not of the hour.
        self._learns_rhythm = self.trusted
        here = self._week.hour_of(hour)
        self._bin_stories[here] *= self._week_decay
        self._bin_expected[here] *= self._week_decay

    def _watch(self, hour: int, panes: int) -> None:
        hours = panes * self._pane_hours
        # The rhythm as it was before: what is expected now counts as soon as its stories do.
        self._hours.fading += self._intensity(hour) * hours
        if self._learns_rhythm:
            self._bin_expected[self._week.hour_of(hour)] += self.rate * hours

    def _count(self, hour: int, counts: Counts) -> None:
        self._negative.fading += counts.negative
        if self._learns_rhythm:
            self._bin_stories[self._week.hour_of(hour)] += counts.negative
        self._share_negative.fading += counts.negative_stories
        self._share_stories.fading += counts.stories


@dataclass(slots=True)
class _Faded:
    """A sum whose past fades, but for a floor."""

    fading: float
    floor: float

    @property
    def value(self) -> float:
        return self.fading + self.floor
