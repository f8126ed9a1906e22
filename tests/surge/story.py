"""The notation of the scenarios: a log and its alerts, written as one line for each thing.

What happens, in the order of event time:

    12:00        the clock starts
    12:01        banking negative "Northgate halts withdrawals"
    12:01:20     banking negative "Northgate halts withdrawals" x5 every 2s
    12:02        banking neutral x10 every 30s
    12:02        banking negative "Rates bite" about NGT from Wire in de as id-7
    12:02        banking negative "Old news" arriving 12:09 via 1
    12:03        id-7 is withdrawn
    12:10        partition 1 falls silent
    12:30        partition 1 is back
    12:40        end

`x5` of a named story is that story told by five wires; of no named story, five distinct ones.
An item goes into its topic's series, into that of the entity it is `about`, and into `all`.
News partitions mark twice a minute from the start to the end; `arriving` delays an item in the
log, not its event time; `via` names its news partition. Moods are words or probabilities of
`negative`. A day's `+1d 08:00` is the next day at eight.

What is told, in the order of the log; `of` names the series' key:

    12:01:20     BankRun fires of banking
    12:01:20     BankRun fires of banking with 3 stories and 12 items since 12:01
    12:20        BankRun resolves of banking
    12:40        Sour fires of oil saying "Oil turns sour" telling desk, ops

`saying` is the annotation `summary`, and `telling` names the receivers, or nobody.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from monitor.delivery.receivers import Receiver, is_told
from monitor.records import (
    AlertEvent,
    Mark,
    NewsItem,
    Origin,
    Retraction,
    Scored,
    ScoredRecord,
    Sentiment,
    Series,
)
from tests.surge.log import DAY, NEGATIVE, NEUTRAL, POSITIVE, signature_bytes

MARK_EVERY = 30_000
_MOODS = {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE}
_TIME = r"(?:\+\d+d )?\d\d:\d\d(?::\d\d)?"
_ITEM = re.compile(
    rf"(?P<topic>[\w-]+) (?P<mood>negative|neutral|positive|\d\.\d+)"
    rf'(?: "(?P<story>[^"]+)")?(?: x(?P<times>\d+))?(?: every (?P<every>\d+)s)?'
    rf"(?: about (?P<entity>\w+))?(?: from (?P<source>\w+))?(?: in (?P<language>\w\w))?"
    rf"(?: as (?P<id>[\w-]+))?(?: arriving (?P<arrives>{_TIME}))?(?: via (?P<partition>\d))?"
)
_ALERT = re.compile(
    r"(?P<rule>\w+) (?P<does>fires|resolves) of (?P<key>[\w-]+)"
    rf"(?: with (?P<stories>\d+) stor(?:y|ies))?(?: and (?P<items>\d+) items?)?"
    rf"(?: since (?P<since>{_TIME}))?"
    r'(?: saying "(?P<saying>[^"]*)")?(?: telling (?P<telling>[\w-]+(?:, [\w-]+)*))?'
)


@dataclass(frozen=True)
class Line:
    """One line: a time in milliseconds, and what it says."""

    time: int
    says: str


@dataclass(frozen=True)
class Told:
    """What a scenario expects of an alert; None is not asked."""

    at: str
    rule: str
    does: str
    key: str
    stories: int | None = None
    items: int | None = None
    since: str | None = None
    saying: str | None = None
    telling: str | None = None

    def __str__(self) -> str:
        stories = "" if self.stories is None else f" with {self.stories} stories"
        items = "" if self.items is None else f" and {self.items} items"
        since = "" if self.since is None else f" since {self.since}"
        saying = "" if self.saying is None else f' saying "{self.saying}"'
        telling = "" if self.telling is None else f" telling {self.telling}"
        what = f"{stories}{items}{since}{saying}{telling}"
        return f"{self.at:<12} {self.rule} {self.does} of {self.key}{what}"


def lines(text: str) -> Iterator[Line]:
    """The lines of a scenario, without blank ones and comments."""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(rf"\s*({_TIME})\s+(.*?)\s*", line)
        assert found, f"no time at the beginning of {line!r}"
        yield Line(read_time(found[1]), " ".join(found[2].split()))


def read_time(text: str) -> int:
    """Milliseconds of `08:00`, `08:00:30` or `+1d 08:00`."""
    found = re.fullmatch(r"(?:\+(\d+)d )?(\d\d):(\d\d)(?::(\d\d))?", text)
    assert found, f"{text!r} is not a time"
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return DAY + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000


def write_time(time: int) -> str:
    """The inverse of `read_time`."""
    minutes, seconds = divmod((time - DAY) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (
        (f"+{days}d " if days else "")
        + f"{hours:02}:{minutes:02}"
        + (f":{seconds:02}" if seconds else "")
    )


def expected_alerts(text: str) -> list[Told]:
    """The alerts that a scenario expects."""
    alerts = []
    for line in lines(text):
        found = _ALERT.fullmatch(line.says)
        assert found, f"not an alert: {line.says!r}"
        fields: dict[str, Any] = found.groupdict()
        for name in ("stories", "items"):
            fields[name] = fields[name] and int(fields[name])
        alerts.append(Told(at=write_time(line.time), **fields))
    return alerts


def told(event: AlertEvent, like: Told | None, receivers: Iterable[Receiver] = ()) -> Told:
    """An event in the words of a scenario, as far as the expected alert goes into detail."""
    time = event.fired_at if event.resolved_at is None else event.resolved_at
    does = "fires" if event.state == "firing" else "resolves"
    full = Told(
        write_time(time),
        event.rule,
        does,
        event.series.key,
        event.window.novel_negative,
        event.window.raw_count,
        write_time(event.started_at),
        event.annotations.get("summary", ""),
        ", ".join(one.name for one in receivers if is_told(one.name, one.severities, event))
        or "nobody",
    )
    if like is None:
        return full
    return replace(
        full,
        stories=None if like.stories is None else full.stories,
        items=None if like.items is None else full.items,
        since=None if like.since is None else full.since,
        saying=None if like.saying is None else full.saying,
        telling=None if like.telling is None else full.telling,
    )


class Script:
    """A scenario's input as a log: every item's records, and the marks between them."""

    def __init__(self, text: str, news_partitions: int) -> None:
        self._partitions = news_partitions
        self._offsets = [0] * news_partitions
        self._entries: list[tuple[int, Scored]] = []
        self._silent: list[tuple[int, int, int]] = []
        self.series: dict[Series, None] = {}
        script = list(lines(text))
        self.start = next(line.time for line in script if line.says == "the clock starts")
        self.end = next(line.time for line in script if line.says == "end")
        for at, line in self._in_order_of_arrival(script):
            self._play(at, line, script)

    def log(self) -> list[Scored]:
        """The log: items in order of arrival, then at each half minute the marks."""
        entries = list(self._entries)
        for time in range(self.start, self.end + 1, MARK_EVERY):
            entries += [
                (time, Mark(partition, 0, time, caught_up=True))
                for partition in range(self._partitions)
                if not any(p == partition and a <= time < b for p, a, b in self._silent)
            ]
        return [entry for _, entry in sorted(entries, key=lambda one: one[0])]

    def _in_order_of_arrival(self, script: list[Line]) -> list[tuple[int, Line]]:
        arrivals = []
        for line in script:
            item = _ITEM.fullmatch(line.says)
            arrives = item and item["arrives"]
            times = range(int(item["times"] or 1)) if item and item["every"] else range(1)
            every = int(item["every"]) * 1000 if item and item["every"] else 0
            for number in times:
                moved = Line(line.time + number * every, line.says)
                arrivals.append((read_time(arrives) if arrives else moved.time, moved))
        return sorted(arrivals, key=lambda one: one[0])

    def _play(self, arrival: int, line: Line, script: list[Line]) -> None:
        if found := _ITEM.fullmatch(line.says):
            once = found["every"] or not found["times"]
            for _ in range(1 if once else int(found["times"])):
                self._item(arrival, line.time, found)
        elif found := re.fullmatch(r"([\w-]+) is withdrawn", line.says):
            self._entries.append((arrival, Retraction(found[1], self._origin(0), arrival)))
        elif found := re.fullmatch(r"partition (\d) falls silent", line.says):
            back = f"partition {found[1]} is back"
            until = [one.time for one in script if one.says == back and one.time > line.time]
            self._silent.append((int(found[1]), line.time, min(until, default=self.end + 1)))
        else:
            known = line.says in ("the clock starts", "end") or line.says.endswith("is back")
            assert known, f"not understood: {line.says!r}"

    def _item(self, arrival: int, at: int, found: re.Match[str]) -> None:
        origin = self._origin(int(found["partition"] or 0))
        mood = found["mood"]
        negative = _MOODS.get(mood) or Sentiment(float(mood), 1 - float(mood), 0.0)
        title = found["story"] or f"story {origin}"
        series = [Series("topic", found["topic"]), Series("all", "all")]
        series += [Series("entity", found["entity"])] if found["entity"] else []
        for one in series:
            self.series[one] = None
            record = ScoredRecord(
                by=one.by,
                key=one.key,
                item=NewsItem(
                    id=found["id"] or f"item {origin}",
                    title=title,
                    source=found["source"],
                    language=found["language"],
                ),
                event_time=at,
                ingest_time=arrival,
                topic=found["topic"],
                topic_probability=0.9,
                sentiment=negative,
                score=negative.score,
                signature=signature_bytes(title, wording=origin.offset),
                model="test-1",
                origin=origin,
            )
            self._entries.append((arrival, record))

    def _origin(self, partition: int) -> Origin:
        self._offsets[partition] += 1
        return Origin(partition, self._offsets[partition])
