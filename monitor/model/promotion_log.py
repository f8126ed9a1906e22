"""The promotion log of a registry: who put which model in charge, when and why, for good.

Owns `promotions.jsonl`: one entry a line, each with the digest of the line before it, so that a
line that is changed, removed or put in between shows. Lines are only ever added. It gives no
verdict and moves no pointer.

A chain can't tell that its last lines were cut off as a whole. Whoever must be able to keeps the
digest that `newsurge models log` prints last.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from monitor.errors import BundleError
from monitor.model.registry import sync_directory

LOG = "promotions.jsonl"
SCHEMA_VERSION = 1
NOTHING = "0" * 64  # what the first entry follows

Act = Literal["promoted", "refused", "rolled_back"]


class Held(msgspec.Struct, frozen=True):
    """A labelled file that a verdict rests on, and how many of its rows."""

    file: str
    sha256: str
    rows: int


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the log.

    Attributes:
        number: 1 for the first entry, and so on.
        previous: the SHA-256 of the line before, without its line break; `NOTHING` at first.
        at: when, RFC 3339 in UTC.
        by: user and host.
        act: what became of it; after `refused` the pointer stays where it is.
        version: of the bundle that it is about.
        bundle: the SHA-256 of its `meta.json`, which has the digests of all its files.
        replaced: the version that served until then.
        holdouts: the files that the verdict rests on.
        verdict: what the gate said, with its numbers.
        forced: why it was promoted against the gate, or without it.
        why: of a rollback.
    """

    number: int
    previous: str
    at: str
    by: str
    act: Act
    version: str
    bundle: str
    replaced: str | None = None
    holdouts: tuple[Held, ...] = ()
    verdict: dict[str, Any] | None = None
    forced: str | None = None
    why: str | None = None
    schema_version: int = SCHEMA_VERSION


_ENTRY = msgspec.json.Decoder(Entry)


class Log(msgspec.Struct, frozen=True):
    """What a registry's log holds: its entries, and the digest of the last line."""

    entries: tuple[Entry, ...] = ()
    head: str = NOTHING


def read_log(registry: Path) -> Log:
    """Read the log and check that each entry follows the one before; empty where there is none.

    A last line that a crash cut short is no entry: nobody was told that it was written.

    Raises:
        BundleError: naming the first line that is not as it was written.
    """
    file = registry / LOG
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return Log()
    except OSError as error:
        raise BundleError(f"{file} can't be read ({error.strerror}); check who may") from error
    entries: list[Entry] = []
    head = NOTHING
    for number, line in enumerate(raw.split(b"\n")[:-1], 1):
        try:
            entry = _ENTRY.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _broken(file, number, f"it is no entry ({error})") from error
        if entry.previous != head:
            raise _broken(
                file, number, "it does not follow the line before, so one of them was changed, "
                "removed or put in",
            )  # fmt: skip
        if entry.number != number:
            raise _broken(file, number, f"it says that it is entry {entry.number}")
        entries.append(entry)
        head = hashlib.sha256(line).hexdigest()
    return Log(tuple(entries), head)


def append(registry: Path, act: Act, version: str, bundle: str, **more: Any) -> Entry:
    """Add an entry to the log; it is on disk when this returns.

    To be called under `installing.changing`. What a crash left of a line is cut off first.

    Args:
        registry: whose log.
        act: what became of the version.
        version: which.
        bundle: the SHA-256 of its `meta.json`.
        more: further fields of `Entry`.

    Raises:
        BundleError: when the log is not as it was written, or can't be written.
    """
    log = read_log(registry)
    entry = Entry(
        number=len(log.entries) + 1,
        previous=log.head,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=f"{_user()}@{socket.gethostname()}",
        act=act,
        version=version,
        bundle=bundle,
        **more,
    )
    file = registry / LOG
    is_new = not file.exists()
    try:
        with file.open("ab") as written:
            raw = file.read_bytes()
            written.truncate(raw.rfind(b"\n") + 1)
            written.write(msgspec.json.encode(entry) + b"\n")
            written.flush()
            os.fsync(written.fileno())
        if is_new:
            sync_directory(registry)
    except OSError as error:
        raise BundleError(
            f"{file} can't be written ({error.strerror}); check who may write there, and that the "
            "disk is not full"
        ) from error
    return entry


def line_of_succession(entries: Sequence[Entry]) -> list[str]:
    """The versions that a rollback goes back through: the last one serves, by the log.

    A promotion adds a version, and first the one it replaced where that had come to serve in
    another way. A rollback takes off all above the version it went to. So does an entry that
    replaced an earlier one: what is above never came to serve (a process was killed before it
    moved the pointer), or the pointer was moved back by hand.
    """
    line: list[str] = []
    for entry in entries:
        if entry.act == "refused":
            continue
        if entry.replaced is not None:
            _go_to(line, entry.replaced)
        if entry.act == "rolled_back":
            _go_to(line, entry.version)
        elif line[-1:] != [entry.version]:
            line.append(entry.version)
    return line


def _go_to(line: list[str], version: str) -> None:
    """Cut a line off after the last place of a version, or add it where it has none."""
    if version not in line:
        line.append(version)
    while line[-1] != version:
        line.pop()


def _broken(file: Path, number: int, why: str) -> BundleError:
    return BundleError(
        f"{file}, line {number}: {why}; compare it with a copy, and put the log aside under "
        "another name to begin a new one"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
