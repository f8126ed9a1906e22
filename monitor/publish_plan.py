"""When each record of a file is published and with which time stamp; what a file must be for it.

Pure and told the time. It judges no record: what can't be read is passed on as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import msgspec

from monitor.errors import FeedError, SettingsError
from monitor.feeds import FeedRecord
from monitor.records import NewsItem
from monitor.scoring.news import InvalidNewsError, decode_news
from monitor.settings import Settings, StreamSettings

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])

_REPLAY = "replay."


class Planned(msgspec.Struct, frozen=True):
    """One record and when it goes.

    `after_seconds` counts from the beginning of the playing. `timestamp` is the Kafka timestamp
    in milliseconds, or None for the moment of sending. With `restamp` the item's published_at
    becomes that moment too.
    """

    line: int
    value: bytes
    key: bytes | None
    after_seconds: float = 0.0
    timestamp: int | None = None
    restamp: bool = False


def replay_settings(settings: Settings, speed: float) -> Settings:
    """These settings for a replay at `speed`: streams of its own, and a clock that runs with it.

    The daemon that scores the replay and the publisher both need them. The streams get the
    prefix `<prefix>replay.`, so that live news and replayed news never meet. A prefix that ends
    so already is kept, and so is any but the default where `score.replay_speed` is set.
    """
    prefix, configured = settings.streams.prefix, settings.score.replay_speed
    own = configured == speed and prefix != StreamSettings().prefix
    if not own and not prefix.endswith(_REPLAY):
        prefix += _REPLAY
    return settings.model_copy(
        update={
            "score": settings.score.model_copy(update={"replay_speed": speed}),
            "streams": settings.streams.model_copy(update={"prefix": prefix}),
        }
    )


def check_mode(settings: Settings, speed: float | None, rate: float | None) -> None:
    """Check that the settings fit the way of publishing.

    Raises:
        SettingsError: saying which settings a replay needs, or that these are a replay's.
    """
    if speed is not None and rate is not None:
        raise SettingsError("--speed replays the items' own times, --rate restamps them; give one")
    for flag, value in (("--speed", speed), ("--rate", rate)):
        if value is not None and not 0 < value < float("inf"):
            raise SettingsError(f"{flag} must be a number above 0, not {value:g}")
    configured = settings.score.replay_speed
    if speed is None:
        if configured is not None:
            raise SettingsError(
                f"score.replay_speed is {configured:g}, so {settings.streams.prefix}* are the "
                f"streams of a replay; publish with --speed {configured:g}, or remove that setting"
            )
    elif configured != speed or settings.streams.prefix == StreamSettings().prefix:
        raise SettingsError(
            f"a replay at --speed {speed:g} needs streams and a clock of its own: run the daemon "
            f"with --replay {speed:g}, or both with score.replay_speed: {speed:g} "
            f"(now {configured}) and a streams.prefix such as "
            f"'{StreamSettings().prefix}{_REPLAY}' (now '{settings.streams.prefix}')"
        )


def check_fresh(
    name: str,
    records: Iterable[FeedRecord],
    now: int,
    allowed_lateness_seconds: int,
    max_bytes: int,
) -> int:
    """Check that no item is so old that WATCH would not count it; returns how many records.

    `name` is the file's, for the message; `now` is in milliseconds.

    Raises:
        FeedError: naming the first such line and both ways out.
    """
    count = 0
    for record in records:
        count += 1
        published_at = _published_at(record, max_bytes)
        if published_at is not None and now - published_at > allowed_lateness_seconds * 1000:
            raise FeedError(
                f"{name}: line {record.line} was published at {_moment(published_at)}, longer ago "
                f"than the allowed lateness of {allowed_lateness_seconds} s "
                "(watch.allowed_lateness_seconds), so it would not be counted; replay the file "
                "with --speed X, or restamp its items as now with --rate N (nothing was published)"
            )
    return count


def check_replayable(name: str, records: Iterable[FeedRecord], now: int, max_bytes: int) -> int:
    """Check that every item's time can be a replay's time; returns how many records.

    `name` is the file's, for the message; `now` is in milliseconds.

    Raises:
        FeedError: naming the first item from before 1970 or from the future, or when no item
            has a time at all.
    """
    count, timed = 0, 0
    for record in records:
        count += 1
        published_at = _published_at(record, max_bytes)
        timed += published_at is not None
        if published_at is not None and not 0 <= published_at <= now:
            raise FeedError(
                f"{name}: line {record.line} was published at {_moment(published_at)}; a replay "
                "takes times from 1970 until now, so mend or remove that line (nothing was "
                "published)"
            )
    if count and not timed:
        raise FeedError(
            f"{name}: no item has a time (published_at) that a replay could keep; restamp them as "
            "now with --rate N (nothing was published)"
        )
    return count


def plan_live(records: Iterable[FeedRecord], max_bytes: int) -> Iterator[Planned]:
    """Every record as it is, at once."""
    for record in records:
        yield Planned(record.line, record.value, _key(_glance(record, max_bytes)))


def plan_rate(records: Iterable[FeedRecord], rate: float, max_bytes: int) -> Iterator[Planned]:
    """`rate` records a second, evenly; those that can be read are to be restamped."""
    for number, record in enumerate(records):
        item = _glance(record, max_bytes)
        yield Planned(
            record.line, record.value, _key(item), number / rate, restamp=item is not None
        )


def plan_replay(records: Iterable[FeedRecord], speed: float, max_bytes: int) -> Iterator[Planned]:
    """Records at the pace of their own times, `speed` log seconds in a real one.

    An item's published_at is its Kafka timestamp. Time never runs backwards, so one that is
    older than what came before it goes at once. A record without a time (it can't be read, or
    names none) takes that of the record before it; at the beginning, that of the first with one.
    """
    untimed: list[Planned] = []
    first = newest = previous = None
    for record in records:
        item = _glance(record, max_bytes)
        own = item.published_at if item is not None else None
        moment = previous if own is None else own
        planned = Planned(record.line, record.value, _key(item), timestamp=moment)
        if moment is None:
            untimed.append(planned)
            continue
        first = moment if first is None else first
        newest = moment if newest is None else max(newest, moment)
        previous = moment
        yield from (msgspec.structs.replace(each, timestamp=moment) for each in untimed)
        untimed.clear()
        yield msgspec.structs.replace(planned, after_seconds=(newest - first) / 1000 / speed)


def restamped(value: bytes, now: int) -> bytes:
    """The record with `published_at` set to `now` (milliseconds); its other fields untouched."""
    fields = _fields.decode(value)
    fields["published_at"] = msgspec.Raw(msgspec.json.encode(_moment(now)))
    return msgspec.json.encode(fields)


def _glance(record: FeedRecord, max_bytes: int) -> NewsItem | None:
    try:
        return decode_news(record.value, max_bytes)
    except InvalidNewsError:
        return None


def _published_at(record: FeedRecord, max_bytes: int) -> int | None:
    item = _glance(record, max_bytes)
    return None if item is None else item.published_at


def _key(item: NewsItem | None) -> bytes | None:
    return None if item is None else (item.retracts or item.id).encode("utf-8", "replace")


def _moment(milliseconds: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
