"""Which dead letters are meant, and reading them; other records of the stream are passed over.

It shows none and changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from aiokafka import ConsumerRecord

from monitor.errors import NewsurgeError
from monitor.settings import Settings
from monitor.streams.dead_letters import DeadLetter, NotADeadLetterError, decode_dead_letter
from monitor.streams.reading import read_all
from monitor.streams.spec import stream_name

Place = tuple[int, int]
_BEGINNING = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant: those at `places`, or those of a reason and not older than `since`.

    `since` is when they were set aside, in milliseconds since 1970. What is None asks for nothing.
    """

    places: frozenset[Place] | None = None
    reason: str | None = None
    since: int | None = None

    def __call__(self, record: ConsumerRecord, letter: DeadLetter) -> bool:
        """Whether a letter is meant."""
        if self.places is not None and (record.partition, record.offset) not in self.places:
            return False
        if self.reason is not None and letter.reason != self.reason:
            return False
        return self.since is None or record.timestamp >= self.since

    def begin(self) -> dict[int, int] | None:
        """The first offset to read, by partition, where that is known."""
        if self.places is None:
            return None
        numbers = {partition for partition, _ in self.places}
        return {each: min(o for p, o in self.places if p == each) for each in numbers}


@dataclass(frozen=True, slots=True)
class Entry:
    """One letter in a list, of whose value only the first bytes are kept."""

    place: Place
    set_aside_at: int
    letter: DeadLetter
    truncated: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """The newest letters that were meant, and how many of them there are in all."""

    entries: tuple[Entry, ...]
    count: int


def parse_place(text: str) -> Place:
    """The partition and offset of `PARTITION/OFFSET`.

    Raises:
        ValueError: when the text is not that.
    """
    partition, slash, offset = text.partition("/")
    if not slash or not all(part.isascii() and part.isdigit() for part in (partition, offset)):
        raise ValueError(f"{text!r} is not PARTITION/OFFSET, such as 0/1250")
    return int(partition), int(offset)


async def listed(settings: Settings, wanted: Wanted, limit: int) -> Listing:
    """The newest `limit` letters that are meant. Memory is bounded by the limit, not the stream.

    Raises:
        StreamError: when the stream can't be read.
    """
    newest: deque[Entry] = deque(maxlen=limit)
    count = 0
    async with aclosing(letters(settings, wanted)) as meant:
        async for record, letter in meant:
            count += 1
            newest.append(_entry(record, letter))
    return Listing(tuple(newest), count)


async def found(settings: Settings, place: Place) -> tuple[ConsumerRecord, DeadLetter]:
    """The letter at a place.

    Raises:
        NewsurgeError: when there is none.
        StreamError: when the stream can't be read.
    """
    async with aclosing(letters(settings, Wanted(places=frozenset([place])))) as meant:
        async for one in meant:
            return one
    raise nothing_at(settings, [place])


async def letters(
    settings: Settings, wanted: Wanted
) -> AsyncGenerator[tuple[ConsumerRecord, DeadLetter], None]:
    """The letters that are meant, in order; other records of the stream are passed over."""
    begin = wanted.begin()
    records = read_all(settings, "dead-letter", None if begin is None else begin.keys(), begin)
    left = None if wanted.places is None else len(wanted.places)
    async with aclosing(records):
        async for record in records:
            try:
                letter = decode_dead_letter(record.value, record.headers)
            except NotADeadLetterError:
                continue
            if wanted(record, letter):
                yield record, letter
                left = None if left is None else left - 1
            if left == 0:
                return


def _entry(record: ConsumerRecord, letter: DeadLetter) -> Entry:
    place = record.partition, record.offset
    short = msgspec.structs.replace(letter, value=letter.value[:_BEGINNING])
    return Entry(place, record.timestamp, short, letter.truncated)


def nothing_at(settings: Settings, places: list[Place]) -> NewsurgeError:
    """The error for places that hold no dead letter."""
    return NewsurgeError(
        f"no dead letter at {', '.join(map(written, places))} of "
        f"{stream_name(settings, 'dead-letter')}; `newsurge dead-letter list` shows what there is"
    )


def written(place: Place) -> str:
    """A place as `parse_place` reads it."""
    return f"{place[0]}/{place[1]}"
