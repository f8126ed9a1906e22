"""Decoding untrusted news records: what is accepted, and the named reason for what is not.

Pure. A reason is a value from a bounded set (`REASONS`), so that it can be a metric label.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import msgspec

from monitor.model.text import clean
from monitor.records import NewsItem

REASONS = (
    "oversized",
    "empty_record",
    "invalid_utf8",
    "malformed_json",
    "not_an_object",
    "wrong_type",
    "missing_title",
    "empty_title",
    "bad_published_at",
)
_EARLIEST = -62_135_596_800_000  # 0001-01-01
_LATEST = 253_402_300_799_999  # 9999-12-31


class InvalidNewsError(Exception):
    """A news record that can't be used: `reason` from `REASONS`, `detail` in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    "id": msgspec.json.Decoder(str | None),
    "title": msgspec.json.Decoder(str),
    "published_at": msgspec.json.Decoder(str | int | None),
    "body": msgspec.json.Decoder(str | None),
    "source": msgspec.json.Decoder(str | None),
    "url": msgspec.json.Decoder(str | None),
    "language": msgspec.json.Decoder(str | None),
    "entities": msgspec.json.Decoder(tuple[str, ...] | None),
    "retracts": msgspec.json.Decoder(str | None),
}


def decode_news(value: bytes | None, max_bytes: int) -> NewsItem:
    """Decode one news record.

    Raises:
        InvalidNewsError: with the named reason, for whatever can't be used.
    """
    fields = _split(value, max_bytes)
    known = {name: _field(name, fields.pop(name)) for name in _decoders if name in fields}
    if "title" not in known:
        raise InvalidNewsError("missing_title", "the record has no field 'title'")
    if not clean(known["title"]):
        raise InvalidNewsError("empty_title", "nothing is left of the title after cleaning")
    published_at = _published_at(known.get("published_at"))
    source = known.get("source")
    return NewsItem(
        id=known.get("id") or item_id(source, known["title"], published_at),
        title=known["title"],
        published_at=published_at,
        body=known.get("body"),
        source=source,
        url=known.get("url"),
        language=known.get("language"),
        entities=known.get("entities") or (),
        retracts=known.get("retracts"),
        extra=fields,
    )


def item_id(source: str | None, title: str, published_at: int | None) -> str:
    """The stable id of an item whose publisher gave none: 32 hexadecimal digits."""
    identity = msgspec.json.encode([source, title, published_at])
    return hashlib.sha256(identity).hexdigest()[:32]


def parse_time(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 time.

    Raises:
        ValueError: when the text is not one; the offset is required.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("RFC 3339 asks for an offset, such as 'Z' or '+01:00'")
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)


def _split(value: bytes | None, max_bytes: int) -> dict[str, msgspec.Raw]:
    if not value:
        raise InvalidNewsError("empty_record", "the record has no value")
    if len(value) > max_bytes:
        raise InvalidNewsError("oversized", f"{len(value)} bytes, more than {max_bytes}")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise InvalidNewsError("invalid_utf8", f"byte {error.start}: {error.reason}") from None
    try:
        return _fields_decoder.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidNewsError("not_an_object", str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidNewsError("malformed_json", str(error)) from None


def _field(name: str, raw: msgspec.Raw) -> Any:
    try:
        return _decoders[name].decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidNewsError("wrong_type", f"field '{name}': {error}") from None


def _published_at(value: str | int | None) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return parse_time(value)
        except ValueError as error:
            raise InvalidNewsError("bad_published_at", str(error)) from None
    if not _EARLIEST <= value <= _LATEST:
        raise InvalidNewsError("bad_published_at", f"{value} ms is outside the years 1 to 9999")
    return value
