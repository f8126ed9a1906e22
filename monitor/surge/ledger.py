"""How a series' snapshot lies in a compacted stream, so that a crash at any record does no harm.

Pure: makes and reads records, and writes none. A part is written to one of its two slots, never
to the one that the last whole snapshot rests on; then the core is written, which makes the new
parts valid by their number; then what is no more is erased. A stream cut off after any record,
compacted or not, holds the last whole snapshot. The core has a digest of its parts, so that what
a process wrote that had lost the partition already is noticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from monitor.surge.state import STATE_VERSION, RefusedError, SeriesState, TrackName

CHUNK_BYTES = 180_000
"""Base64 makes 240 kB of them: with its frame, a record stays below 256 KiB."""
_DIGEST_BYTES = 16


class StateRecord(NamedTuple):
    """A record for `state`; a value of None erases what is under the key."""

    key: bytes
    value: bytes | None


class Key(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whose record it is: `core`, or a part of the series with its slot and chunk.

    `part` is empty in the key of a core, and `name` None in that of a partition's commit.
    """

    partition: int
    name: TrackName | None
    part: str = ""
    slot: int = 0
    chunk: int = 0


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """A piece of a part, as of the series' snapshot number `written`."""

    written: int
    chunks: int
    data: bytes
    version: int = STATE_VERSION


@dataclass(slots=True)
class _Part:
    """How many chunks may lie in each slot, the slot that counts, and the digest of what it holds.

    The digest of nothing is empty.
    """

    chunks: list[int] = field(default_factory=lambda: [0, 0])
    current: int = 1
    digest: bytes = b""


class Ledger:
    """What lies in the stream of one series.

    Args:
        partition: the scored partition of the series.
        name: the series' track.
    """

    def __init__(self, partition: int, name: TrackName) -> None:
        self._partition = partition
        self._name = name
        self._written = 0
        self._digest = 0
        self._parts: dict[str, _Part] = {}
        self._garbage: list[bytes] = []

    @property
    def next_number(self) -> int:
        """The number of the snapshot to come."""
        return self._written + 1

    def write(self, core: SeriesState, changed: Mapping[str, bytes]) -> list[StateRecord]:
        """The records of a snapshot, to be written in this order.

        Args:
            core: the core, with the number `next_number`.
            changed: the content of each part that may have changed.
        """
        self._written = core.written
        # Or else the core to come would make it valid.
        records = [StateRecord(key, None) for key in self._garbage]
        self._garbage = []
        for name, content in changed.items():
            records += self._part(name, content)
        core = msgspec.structs.replace(core, digest=_bytes(self._digest))
        records.append(StateRecord(self._key(), msgspec.json.encode(core)))
        return records + self._erase()

    def erase(self) -> list[StateRecord]:
        """Records that erase the series: the core first, as parts are nothing without it."""
        keys = [
            self._key(name, slot, chunk)
            for name, part in self._parts.items()
            for slot in (0, 1)
            for chunk in range(part.chunks[slot])
        ]
        return [StateRecord(key, None) for key in (self._key(), *self._garbage, *keys)]

    def _part(self, name: str, content: bytes) -> list[StateRecord]:
        part = self._parts.get(name)
        digest = _digest(name, content)
        if part is None:
            if not content:
                return []
            part = self._parts[name] = _Part()
        elif part.digest == digest:
            return []
        self._digest ^= _int(part.digest) ^ _int(digest)
        part.current, part.digest = 1 - part.current, digest
        pieces = _pieces(content)
        part.chunks[part.current] = max(part.chunks[part.current], len(pieces))
        return [
            StateRecord(
                self._key(name, part.current, number),
                msgspec.json.encode(Chunk(self._written, len(pieces), piece)),
            )
            for number, piece in enumerate(pieces)
        ]

    def _erase(self) -> list[StateRecord]:
        """Erase the parts that are no more: what says so is the last to go."""
        records: list[StateRecord] = []
        for name in [name for name, part in self._parts.items() if not part.digest]:
            part = self._parts.pop(name)
            records += [
                StateRecord(self._key(name, slot, chunk), None)
                for slot in (1 - part.current, part.current)
                for chunk in reversed(range(part.chunks[slot]))
            ]
        return records

    def _key(self, part: str = "", slot: int = 0, chunk: int = 0) -> bytes:
        return msgspec.json.encode(Key(self._partition, self._name, part, slot, chunk))

    @classmethod
    def read(
        cls,
        partition: int,
        name: TrackName,
        core: SeriesState | None,
        chunks: Iterable[tuple[Key, Chunk]],
    ) -> tuple[Ledger, dict[str, bytes]]:
        """The ledger as a stream has it, and the parts that belong to the core, by name.

        A crash may have left chunks of a snapshot whose core was not written.

        Raises:
            RefusedError: when a chunk is missing, or the parts are not those of the core.
        """
        ledger = cls(partition, name)
        valid = ledger._written = 0 if core is None else core.written
        by_part: dict[str, list[tuple[Key, Chunk]]] = {}
        for key, chunk in chunks:
            if chunk.written > valid:
                ledger._written = max(ledger._written, chunk.written)
                ledger._garbage.append(msgspec.json.encode(key))
            else:
                by_part.setdefault(key.part, []).append((key, chunk))
        contents = {part: ledger._read_part(part, found) for part, found in by_part.items()}
        if core is not None and core.digest != _bytes(ledger._digest):
            raise RefusedError("incomplete", f"the parts of {name.series} are not those written")
        return ledger, {part: content for part, content in contents.items() if content}

    def _read_part(self, name: str, found: list[tuple[Key, Chunk]]) -> bytes:
        part = self._parts[name] = _Part()
        for key, _ in found:
            part.chunks[key.slot] = max(part.chunks[key.slot], key.chunk + 1)
        newest = max(chunk.written for _, chunk in found)
        pieces = {key.chunk: chunk for key, chunk in found if chunk.written == newest}
        part.current = next(key.slot for key, chunk in found if chunk.written == newest)
        count = next(iter(pieces.values())).chunks
        if set(pieces) != set(range(count)):
            raise RefusedError("incomplete", f"of {name} of {self._name.series} a piece is missing")
        content = b"".join(pieces[number].data for number in range(count))
        part.digest = _digest(name, content)
        self._digest ^= _int(part.digest)
        return content


def _pieces(content: bytes) -> list[bytes]:
    starts = range(0, max(1, len(content)), CHUNK_BYTES)
    return [content[start : start + CHUNK_BYTES] for start in starts]


def _digest(name: str, content: bytes) -> bytes:
    if not content:
        return b""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES, key=name.encode()[:64]).digest()


def _int(digest: bytes) -> int:
    return int.from_bytes(digest, "big")


def _bytes(digest: int) -> bytes:
    return digest.to_bytes(_DIGEST_BYTES, "big")
