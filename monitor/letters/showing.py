"""How dead letters look to a person. Their text comes from outside and is made safe here.

It reads no stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from aiokafka import ConsumerRecord

from monitor.letters.finding import Entry, written
from monitor.logs import printable
from monitor.streams.dead_letters import DeadLetter
from monitor.tail import moment


def as_table(entries: Iterable[Entry]) -> Iterator[str]:
    """Letters as aligned lines under a heading, safe for a terminal."""
    rows = [("LETTER", "SET ASIDE", "REASON", "ORIGIN", "VALUE")]
    for entry in entries:
        letter = entry.letter
        rows.append(
            (
                written(entry.place),
                moment(entry.set_aside_at),
                printable(letter.reason),
                f"{printable(letter.stream)} {letter.partition}/{letter.offset}",
                printable(_text(letter.value)),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for *cells, last in rows:
        aligned = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join([*aligned, last]).rstrip()


def as_json(entry: Entry) -> str:
    """A letter as one line of JSON in ASCII, safe for a terminal."""
    letter = entry.letter
    line = {
        "partition": entry.place[0],
        "offset": entry.place[1],
        "set_aside_at": entry.set_aside_at,
        "reason": letter.reason,
        "detail": letter.detail,
        "origin": {
            "stream": letter.stream,
            "partition": letter.partition,
            "offset": letter.offset,
        },
        "ingest_time": letter.time,
        "length": letter.length,
        "truncated": entry.truncated,
        "beginning": _text(letter.value),
    }
    return json.dumps(line).replace("\x7f", "\\u007f")


def in_full(record: ConsumerRecord, letter: DeadLetter) -> Iterator[str]:
    """Everything of a letter, line by line, safe for a terminal; the value comes last, indented."""
    yield f"letter: {written((record.partition, record.offset))}"
    yield f"set aside: {moment(record.timestamp)}"
    for name, content in record.headers:
        yield f"{printable(name)}: {printable(_text(content))}"
    kept = f", of which the first {len(letter.value)} were kept" if letter.truncated else ""
    yield f"value: {letter.length} bytes{kept}"
    for line in _text(letter.value).split("\n"):
        yield f"  {printable(line)}"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
