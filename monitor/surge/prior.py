"""What is believed of a series before its own past is known: the prior, a versioned file.

Pure: bytes in, values out. A prior is fitted on history by `monitor.surge.fit`; its digest is
part of what a surge rule means.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from math import log

import msgspec

from monitor.errors import PriorError
from monitor.surge.ratios import IDEAL, Tail
from monitor.surge.week import HOURS_OF_WEEK, checked_calendar, checked_timezone

PRIOR_VERSION = 1
DAY_TYPES = ("weekday", "saturday", "sunday")


class TailCurve(msgspec.Struct, frozen=True):
    """Tails for designed factors, in rising order."""

    factors: tuple[float, ...] = ()
    slopes: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    def at(self, factor: float) -> Tail:
        """The tail for a factor: between the fitted ones in proportion of their logarithms."""
        if not self.factors:
            return IDEAL
        slope = _interpolate(factor, self.factors, self.slopes)
        return Tail(slope, _interpolate(factor, self.factors, self.scales))


class SeriesPrior(msgspec.Struct, frozen=True):
    """The belief about one series.

    `rate` is negative stories an hour, averaged over a week, and `rate_hours` how many hours of
    watching that belief is worth; `share` is the share of negative stories, and `share_stories`
    how many stories that is worth. The tails are those of the statistics on volume and share.
    """

    rate: float
    rate_hours: float
    share: float
    share_stories: float
    volume_tails: TailCurve = TailCurve()
    share_tails: TailCurve = TailCurve()


class Prior(msgspec.Struct, frozen=True, dict=True):
    """The belief about all series of a deployment.

    `rhythm` gives, for each kind of day, the rate at each of its 24 hours as a multiple of the
    mean rate over the week, in the time zone `timezone`, holidays of `calendar` as Sundays.
    `series` holds those that the history knew, by name (`topic=Financials`); any other is
    `unknown`.
    """

    fitted_on: str
    unknown: SeriesPrior
    rhythm: dict[str, tuple[float, ...]] = {}
    series: dict[str, SeriesPrior] = {}
    timezone: str = "UTC"
    calendar: str | None = None
    version: int = PRIOR_VERSION

    def of(self, series: str) -> SeriesPrior:
        """The belief about a series, by name."""
        return self.series.get(series, self.unknown)

    @cached_property
    def digest(self) -> str:
        """What identifies the prior: 12 hexadecimal digits over its content."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]

    @cached_property
    def hours(self) -> tuple[float, ...]:
        """The rhythm hour by hour, 168 multiples from Monday midnight."""
        if not self.rhythm:
            return (1.0,) * HOURS_OF_WEEK
        weekday, saturday, sunday = (self.rhythm[day] for day in DAY_TYPES)
        return (*weekday * 5, *saturday, *sunday)


FLAT = Prior(fitted_on="nothing", unknown=SeriesPrior(0.05, 0.1, 0.25, 2.0))
"""No history at all: a rate that a minute's watching outweighs, no rhythm, ideal tails."""


def decode_prior(content: bytes, name: str) -> Prior:
    """A prior from the content of its file.

    Raises:
        PriorError: when it is not one, or of another version, with what is wrong and where.
    """
    try:
        prior = msgspec.json.decode(content, type=Prior)
        _check(prior)
    except (msgspec.MsgspecError, ValueError) as error:
        raise PriorError(
            f"prior file {name} can't be used: {error}; "
            "fit one with `newsurge baseline fit HISTORY -o prior.json`"
        ) from None
    return prior


def _check(prior: Prior) -> None:
    if prior.version != PRIOR_VERSION:
        raise ValueError(f"it is of version {prior.version}; this newsurge reads {PRIOR_VERSION}")
    checked_timezone(prior.timezone)
    checked_calendar(prior.calendar)
    _check_rhythm(prior)
    for series, belief in (("unknown", prior.unknown), *prior.series.items()):
        _check_belief(series, belief)


def _check_rhythm(prior: Prior) -> None:
    if not prior.rhythm:
        return
    if set(prior.rhythm) != set(DAY_TYPES):
        raise ValueError(f"its rhythm needs exactly the days {', '.join(DAY_TYPES)}")
    for day, hours in prior.rhythm.items():
        if len(hours) != 24 or min(hours) <= 0:
            raise ValueError(f"its rhythm for {day} needs 24 hours, each above 0")


def _check_belief(series: str, belief: SeriesPrior) -> None:
    if min(belief.rate, belief.rate_hours, belief.share_stories) <= 0:
        raise ValueError(f"{series}: rate, rate_hours and share_stories must be above 0")
    if not 0 < belief.share < 1:
        raise ValueError(f"{series}: share must lie between 0 and 1")
    for curve in (belief.volume_tails, belief.share_tails):
        lengths = {len(curve.factors), len(curve.slopes), len(curve.scales)}
        if len(lengths) > 1 or list(curve.factors) != sorted(set(curve.factors)):
            raise ValueError(f"{series}: a tail needs rising factors, each with slope and scale")
        if any(value <= 0 for value in (*curve.factors, *curve.slopes, *curve.scales)):
            raise ValueError(f"{series}: a tail's factors, slopes and scales must be above 0")


def _interpolate(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """Between the given points in a straight line over the logarithm of x; beyond them, flat."""
    if x <= xs[0]:
        return ys[0]
    for low, high, y, z in zip(xs, xs[1:], ys, ys[1:], strict=False):
        if x <= high:
            return y + (z - y) * _log_share(x, low, high)
    return ys[-1]


def _log_share(x: float, low: float, high: float) -> float:
    return log(x / low) / log(high / low)
