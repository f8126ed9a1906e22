"""Dead letters: records that could not be used, with their origin and the named reason.

Pure: it makes and reads the record's bytes and headers, and sends nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

Headers = Sequence[tuple[str, bytes]]

_MAX_DETAIL = 500


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that could not be used.

    `stream` is the full Kafka name, `time` its ingest time (milliseconds since 1970).
    `value` holds the original bytes. Where they were too many, it holds the first of them, and
    `length` and `sha256` (hexadecimal) are those of the whole.
    """

    stream: str
    partition: int
    offset: int
    reason: str
    detail: str
    time: int
    value: bytes
    length: int
    sha256: str | None = None

    @property
    def truncated(self) -> bool:
        """Whether `value` is only the beginning of the original."""
        return self.length > len(self.value)


class NotADeadLetterError(ValueError):
    """A record whose headers are not those of a dead letter."""


def encode_dead_letter(
    *,
    stream: str,
    partition: int,
    offset: int,
    reason: str,
    detail: str,
    time: int,
    value: bytes | None,
    max_bytes: int,
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Make a dead letter's value and headers.

    Args:
        stream: full Kafka name of the stream that the record came from.
        partition: where the record stood there.
        offset: where the record stood there.
        reason: the named reason, from a bounded set.
        detail: the reason in words; cut to 500 characters, as it may quote the record.
        time: milliseconds since 1970.
        value: the original bytes; none is kept as no bytes.
        max_bytes: longer values are cut to this, and described by digest and length.

    Returns:
        The value, and the headers for a producer's `send`.
    """
    original = value or b""
    headers = {
        "stream": stream,
        "partition": str(partition),
        "offset": str(offset),
        "reason": reason,
        "detail": detail[:_MAX_DETAIL],
        "time": str(time),
    }
    if len(original) > max_bytes:
        headers["length"] = str(len(original))
        headers["sha256"] = hashlib.sha256(original).hexdigest()
    encoded = [(name, text.encode("utf-8", "replace")) for name, text in headers.items()]
    return original[:max_bytes], encoded


def decode_dead_letter(value: bytes | None, headers: Headers) -> DeadLetter:
    """Read a dead letter back.

    Raises:
        NotADeadLetterError: when a header is missing or is not what it should be.
    """
    kept = value or b""
    fields = {name: content.decode("utf-8", "replace") for name, content in headers}
    try:
        return DeadLetter(
            stream=fields["stream"],
            partition=int(fields["partition"]),
            offset=int(fields["offset"]),
            reason=fields["reason"],
            detail=fields["detail"],
            time=int(fields["time"]),
            value=kept,
            length=int(fields.get("length", len(kept))),
            sha256=fields.get("sha256"),
        )
    except KeyError as error:
        raise NotADeadLetterError(f"header {error} is missing") from None
    except ValueError as error:
        raise NotADeadLetterError(f"a header is not a number: {error}") from None
