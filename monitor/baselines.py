"""Fitting a baseline's prior on files of scored history.

Owns what the options of `newsurge baseline fit` mean and what is doubtful about a history; it
shows nothing. Reading is `monitor.history`, the fit itself `monitor.surge.fit`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.errors import PriorError
from monitor.history.counting import Counted, count_history
from monitor.history.reading import BadRow, HistoryFiles, open_history, read_history
from monitor.history.tables import Emitted
from monitor.records import ScoredRecord
from monitor.scoring.watchlist import load_watchlist
from monitor.settings import Settings
from monitor.surge.fit import History, fit_prior
from monitor.surge.prior import Prior
from monitor.surge.rules import parse_duration
from monitor.surge.week import HOUR, checked_calendar, checked_timezone
from monitor.watch_plan import statistics_of

_SHOWN_EVERY = 5_000
_DAY = 24 * HOUR
_SHORT = 28 * _DAY
_LONG_SILENCE = 4 * _DAY
_PERIOD = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class FitOptions:
    """What a fit is told beside the history.

    `timezone` and `calendar` are those of the rhythm. `exclude` holds periods that were no usual
    time, such as `2008-09-01..2008-11-30`, both days included, in that time zone. `worth` is for
    how long one would have to watch a series to know its rate as well. `fitted_on` says what the
    history is; by default the names of its files.
    """

    timezone: str = "UTC"
    calendar: str | None = None
    exclude: tuple[str, ...] = ()
    worth: str = "14d"
    fitted_on: str | None = None


@dataclass(frozen=True)
class Fitted:
    """A prior, what it was fitted on, and what is doubtful about that."""

    prior: Prior
    counted: Counted
    bad: list[BadRow] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def fit_baseline(
    paths: Sequence[Path],
    settings: Settings,
    options: FitOptions,
    progress: Callable[[str], None] = lambda _: None,
) -> Fitted:
    """Fit a prior on the files of a history, counted as this deployment's WATCH would.

    Args:
        paths: the files.
        settings: the deployment.
        options: what else there is to say.
        progress: told what is being done.

    Raises:
        FeedError: when the history can't be read.
        PriorError: when an option can't be used, or no prior can be fitted on the history.
        SettingsError: when the watchlist can't be read.
    """
    slide = settings.watch.slide_seconds * 1000
    try:
        worth = parse_duration(options.worth)
        checked_timezone(options.timezone)
        checked_calendar(options.calendar)
        periods = [_period(text, ZoneInfo(options.timezone)) for text in options.exclude]
    except ValueError as error:
        raise PriorError(str(error)) from None
    if worth < HOUR:
        raise PriorError(f"--worth {options.worth}: must be an hour or more, such as 14d")
    files = open_history(paths)
    bad: list[BadRow] = []
    emitted = Emitted(settings.score, load_watchlist(settings.score.watchlist))
    counted = count_history(
        _told(read_history(files, emitted, bad.append), progress),
        statistics_of(settings.watch),
        tells_stories=files.tells_stories,
    )
    _check(counted, bad, _excluded(periods, None, slide))
    number = iter(range(1, len(counted.series) + 1))
    histories = {
        str(series): History(
            counts, counted.first, counted.last, _excluded(periods, str(series), slide)
        )
        for series, counts in counted.series.items()
    }
    _check_names(periods, histories)
    try:
        prior = fit_prior(
            histories,
            slide,
            fitted_on=options.fitted_on or _described(files, counted, slide),
            timezone=options.timezone,
            calendar=options.calendar,
            worth_hours=worth / HOUR,
            progress=lambda name: progress(f"fitting {next(number)} of {len(histories)}: {name}"),
        )
    except ValueError as error:
        raise PriorError(
            f"no prior can be fitted on {files.paths[0]}: {error}; give a history that holds usual "
            "times, with negative stories among them"
        ) from None
    return Fitted(prior, counted, bad, list(_doubts(files, counted, slide)))


def _told(
    records: Iterable[ScoredRecord], progress: Callable[[str], None]
) -> Iterator[ScoredRecord]:
    for number, record in enumerate(records):
        if number % _SHOWN_EVERY == 0:
            progress(f"reading: {number:,} records, {_date(record.event_time)}")
        yield record


@dataclass(frozen=True, order=True)
class _Period:
    """Days that were no usual time, in milliseconds from and to; for one series, or for all."""

    begin: int
    end: int
    series: str | None = None


def _excluded(
    periods: Iterable[_Period], series: str | None, slide: int
) -> tuple[tuple[int, int], ...]:
    """The panes excluded for a series (None: for all), as ranges in order that don't overlap."""
    ranges: list[tuple[int, int]] = []
    concerned = (one for one in periods if one.series is None or one.series == series)
    for one in sorted(concerned, key=lambda period: (period.begin, period.end)):
        first, last = one.begin // slide + 1, one.end // slide
        if ranges and first <= ranges[-1][1] + 1:
            first, last = ranges[-1][0], max(last, ranges.pop()[1])
        ranges.append((first, last))
    return tuple(ranges)


def _period(text: str, zone: ZoneInfo) -> _Period:
    """What an `--exclude` says.

    Raises:
        ValueError: when it is not written as it must be.
    """
    series, _, days_text = text.strip().rpartition(":")
    found = _PERIOD.fullmatch(days_text.strip())
    try:
        days = [dt.date.fromisoformat(found[i]) for i in (1, 2)] if found else []
    except ValueError:
        days = []
    if not days or days[0] > days[1]:
        raise ValueError(
            f"--exclude {text}: write the first and the last day as 2008-09-01..2008-11-30, for "
            "one series alone as topic=Earnings:2008-09-01..2008-11-30"
        )
    end = _midnight(days[1] + dt.timedelta(days=1), zone)
    return _Period(_midnight(days[0], zone), end, series or None)


def _check_names(periods: Iterable[_Period], known: Collection[str]) -> None:
    for one in periods:
        if one.series is not None and one.series not in known:
            raise PriorError(
                f"--exclude {one.series}: the history has no such series; it has "
                f"{', '.join(sorted(known)[:5])} ..."
            )


def _midnight(day: dt.date, zone: ZoneInfo) -> int:
    moment = dt.datetime(day.year, day.month, day.day, tzinfo=zone)
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _check(counted: Counted, bad: list[BadRow], excluded: Sequence[tuple[int, int]]) -> None:
    if not counted.series:
        if counted.late:
            why = (
                f"all {counted.late:,} records came too late to be counted; a history needs the "
                "ingest times of the day, not those of a later load"
            )
        elif bad:
            why = f"line {bad[0].line} of {bad[0].file}: {bad[0].reason}"
        else:
            why = "it holds no record with a series; see docs/BASELINE.md for the formats"
        raise PriorError(f"the history can't be used: {why}")
    usual = (
        counted.last
        - counted.first
        + 1
        - sum(
            max(0, min(last, counted.last) - max(first, counted.first) + 1)
            for first, last in excluded
        )
    )
    if usual <= 0:
        raise PriorError("--exclude leaves nothing of the history; leave usual times in it")


def _doubts(files: HistoryFiles, counted: Counted, slide: int) -> Iterator[str]:
    for path in files.without_stories:
        yield (
            f"{path.name} has no column story or title, so each row counts as a story of its own: "
            "what several sources tell makes the rates higher than they are live"
        )
    if counted.late:
        yield f"{counted.late:,} records came after their pane had closed and are left out, as live"
    length = (counted.last - counted.first + 1) * slide
    if length < _SHORT:
        yield (
            f"the history is {length / _DAY:.1f} days long: with less than {_SHORT // _DAY} days "
            "the rhythm of the week and the tails are little more than guesses"
        )
    before, after = (number * slide for number in counted.silence)
    if after - before > _LONG_SILENCE:
        yield (
            f"no record from {_date(before)} to {_date(after)}, which counts as a time without "
            f"news; if the feed was off, add --exclude {_date(before)}..{_date(after)}"
        )


def _described(files: HistoryFiles, counted: Counted, slide: int) -> str:
    names = ", ".join(path.name for path in files.paths)
    return f"{names}, {_date(counted.first * slide)} to {_date(counted.last * slide)}"


def _date(milliseconds: int) -> str:
    return f"{dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC):%Y-%m-%d}"
