"""Telling a broken deployment from broken data: when nearly every news record is invalid.

Pure; told the time.
"""

from __future__ import annotations

from collections import deque

RECORDS = 1000
SHARE = 0.99
SPAN_MS = 300_000


class InvalidRun:
    """Watches the last `RECORDS` news records.

    It has tripped when at least `SHARE` of them were invalid and they span `SPAN_MS` or more of
    log time (the running maximum of ingest times, so that stamps that go back and forth don't
    lengthen the span).
    """

    def __init__(self) -> None:
        self._records: deque[tuple[int, bool]] = deque(maxlen=RECORDS)
        self._newest = 0

    def observe(self, valid: bool, ingest_time: int) -> None:
        """Take note of one record."""
        self._newest = max(self._newest, ingest_time)
        self._records.append((self._newest, valid))

    @property
    def tripped(self) -> bool:
        """Whether to pause."""
        if len(self._records) < RECORDS:
            return False
        span = self._records[-1][0] - self._records[0][0]
        invalid = sum(not valid for _, valid in self._records)
        return span >= SPAN_MS and invalid >= SHARE * RECORDS

    def reset(self) -> None:
        """Begin anew, after someone has looked at it."""
        self._records.clear()
