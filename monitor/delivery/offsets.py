"""How far a lane may commit: pure bookkeeping of the offsets that are not seen through yet."""

from __future__ import annotations


class Unfinished:
    """Offsets that were read and whose alerts have not ended, in ascending order."""

    def __init__(self, first_offset: int) -> None:
        self._read_to = first_offset
        self._waiting: dict[int, None] = {}

    def read(self, offset: int, *, ends_later: bool) -> None:
        """An offset, above all before it, has been read; it may have ended at once."""
        self._read_to = offset + 1
        if ends_later:
            self._waiting[offset] = None

    def end(self, offset: int) -> None:
        """What was read at the offset has ended; one that was never read here is passed over."""
        self._waiting.pop(offset, None)

    @property
    def done_to(self) -> int:
        """Everything before this offset has ended."""
        return next(iter(self._waiting), self._read_to)
