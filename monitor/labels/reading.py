"""Reading the `labels` stream: the latest word of each person on each item."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from monitor.labels.record import Label, decode_label
from monitor.streams.reading import read_all

if TYPE_CHECKING:
    from monitor.settings import Settings


@dataclass(frozen=True)
class Labels:
    """Labels with their offsets, in order of these, and the offsets of what is no label."""

    labels: tuple[tuple[int, Label], ...]
    broken: tuple[int, ...]


async def latest(settings: Settings) -> Labels:
    """The labels of a deployment, up to the end of the stream as of now.

    Of several labels by one person on one item the one with the latest `at` counts, of equals
    the last that was written.

    Raises:
        StreamError: when the stream can't be read.
    """
    found: dict[tuple[str, str], tuple[int, Label]] = {}
    broken: list[int] = []
    async with aclosing(read_all(settings, "labels")) as records:
        async for record in records:
            try:
                label = decode_label(record.value or b"")
            except (msgspec.MsgspecError, UnicodeDecodeError):
                broken.append(record.offset)
                continue
            earlier = found.get(label.subject)
            if earlier is None or label.at >= earlier[1].at:
                found[label.subject] = (record.offset, label)
    in_order = sorted(found.values(), key=lambda each: each[0])
    return Labels(tuple(in_order), tuple(broken))
