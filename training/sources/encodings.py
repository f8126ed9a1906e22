"""Text files in the encoding they are written in, and where one is not in it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from monitor.errors import FeedError

_AT_ONCE = 1 << 20


def opened(file: Path, encoding: str, newline: str = "") -> IO[str]:
    """A text file, its line ends as they stand; a byte-order mark of UTF-8 is passed over.

    In UTF-8, bytes that are not are kept as lone surrogates, so that `undecoded` can tell on
    which line they stand.
    """
    name = codecs.lookup(encoding).name
    if name in ("utf-8", "utf-8-sig"):
        return file.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline)
    return file.open(encoding=name, newline=newline)


def lines(file: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, without their ends. A line ends at LF only.

    Raises:
        FeedError: naming the line that is not in this encoding.
    """
    number = 0
    with opened(file, encoding, newline="\n") as stream:
        try:
            for number, line in enumerate(_split(stream), 1):
                if undecoded(line):
                    raise not_encoded(file, number, encoding)
                yield number, line
        except UnicodeError:  # of UTF-16 without its mark it is no UnicodeDecodeError
            raise not_encoded(file, number + 1, encoding) from None


def _split(stream: IO[str]) -> Iterator[str]:
    for line in stream:
        yield line.rstrip("\r\n")


def undecoded(text: str) -> bool:
    """Whether a text read by `opened` holds bytes that were not UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def not_encoded(file: Path, line: int, encoding: str, column: str | None = None) -> FeedError:
    """The error for a line that is not in the encoding."""
    place = f"line {line}" + ("" if column is None else f", column {column!r}")
    return FeedError(
        f"{file}: {place}: not {encoding.upper()}; save the file as UTF-8, or say in the recipe "
        "what it is, such as `encoding: gb18030` or `encoding: latin-1`"
    )


def detected(file: Path) -> str:
    """UTF-8 where the whole file is valid as such, Latin-1 otherwise."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as stream:
        try:
            while chunk := stream.read(_AT_ONCE):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"
