"""A label on the wire, and a line of a file as one. Pure: it knows no stream and is told the time.

Times are integers, milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from monitor.model.bundle import SENTIMENTS
from monitor.model.text import clean, normalise
from monitor.scoring.news import parse_time

SCHEMA_VERSION = 1
_TEXT_FIELDS = ("text", "title", "headline")


class InvalidLabelError(Exception):
    """A line that is no label; the message says what is wrong with it."""


class Label(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one person said of one text: its topic or topics, its sentiment, or both.

    `at` is when it was said and `who` by whom; `id` is the item's, where it is known. The latest
    word of a person on an item counts. `topic` is a list where a text may have several: an empty
    one says that it has none of them. `published_at`, `source` and `language` are the item's.
    """

    text: Annotated[str, msgspec.Meta(min_length=1)]
    at: int
    who: Annotated[str, msgspec.Meta(min_length=1)]
    topic: str | tuple[str, ...] | None = None
    sentiment: str | None = None
    id: str | None = None
    source: str | None = None
    language: str | None = None
    published_at: int | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def subject(self) -> tuple[str, str]:
        """Whose word on what this is: a later label with the same subject replaces this one."""
        return self.who, self.id or normalise(self.text)

    def cells(self) -> dict[str, Any]:
        """The label as the cells of a table."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class _Line(msgspec.Struct):
    """A label as a file may give it."""

    text: str | None = None
    title: str | None = None
    headline: str | None = None
    topic: str | tuple[str, ...] | None = None
    sentiment: str | None = None
    id: str | None = None
    source: str | None = None
    language: str | None = None
    published_at: int | str | None = None
    at: int | str | None = None
    who: str | None = None


_decoder = msgspec.json.Decoder(Label)
_lines = msgspec.json.Decoder(_Line)


def decode_label(value: bytes) -> Label:
    """Decode a record of the `labels` stream.

    Raises:
        msgspec.MsgspecError: when the bytes are not such a record.
    """
    return _decoder.decode(value)


def read_line(value: bytes, now: int, who: str | None) -> Label:
    """Reads a JSON object of a file as a label.

    The text is in `text`, `title` or `headline`; `at` and `published_at` are RFC 3339 or
    milliseconds. Fields that a label has not are passed over.

    Args:
        value: the object.
        now: when it was said where the line doesn't tell.
        who: by whom where the line doesn't tell.

    Raises:
        InvalidLabelError: when it is no label.
    """
    try:
        line = _lines.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidLabelError(f"not a label ({error})") from None
    text = next((t for name in _TEXT_FIELDS if (t := getattr(line, name)) and clean(t)), None)
    if text is None:
        raise InvalidLabelError("it has no text; give one as text, title or headline")
    topic = line.topic.strip() or None if isinstance(line.topic, str) else line.topic
    sentiment = (line.sentiment or "").strip() or None
    if topic is None and sentiment is None:
        raise InvalidLabelError("it has neither a topic nor a sentiment; give one, or both")
    if sentiment is not None and sentiment not in SENTIMENTS:
        raise InvalidLabelError(
            f"sentiment {sentiment!r} is none of {', '.join(SENTIMENTS)}; write one of them"
        )
    person = (line.who or "").strip() or who
    if not person:
        raise InvalidLabelError("it does not say who labelled it; add a field who, or use --who")
    at = _time(line.at, "at")
    return Label(
        text=text,
        at=now if at is None else at,
        who=person,
        topic=topic,
        sentiment=sentiment,
        id=line.id or None,
        source=line.source or None,
        language=line.language or None,
        published_at=_time(line.published_at, "published_at"),
    )


def _time(value: int | str | None, field: str) -> int | None:
    if value is None or isinstance(value, int):
        return value
    text = value.strip()
    try:
        return int(text) if text.lstrip("-").isdecimal() else parse_time(text)
    except ValueError as error:
        raise InvalidLabelError(f"{field} {value!r} is no time ({error})") from None
