"""SCORE's own clock, which the steps of the machine's do not move.

Pure; told both clocks of the machine. A wall clock that is set forward would close panes before
their news has come, and one that is set back would make all news late.
"""

from __future__ import annotations

_SLEW = 0.1
"""How much faster or slower than real time it runs while it comes back to the wall clock."""


class SteadyClock:
    """Runs with the monotonic clock, and follows the wall clock slowly. Times are milliseconds."""

    def __init__(self) -> None:
        self._now: float | None = None
        self._wall = 0
        self._elapsed = 0

    def now(self, wall: int, elapsed: int) -> int:
        """The time.

        Args:
            wall: the wall clock, since 1970-01-01 UTC.
            elapsed: a clock that is never set, such as the monotonic one.
        """
        if self._now is None:
            self._now, self._elapsed = float(wall), elapsed
        passed = elapsed - self._elapsed
        steady = self._now + passed
        slew = passed * _SLEW
        self._now = min(max(wall, steady - slew), steady + slew)
        self._wall, self._elapsed = wall, elapsed
        return round(self._now)

    def heard(self, stamp: int) -> None:
        """Take a broker's timestamp. Where it bears the wall clock out, time has moved on indeed.

        So it is after the machine slept.
        """
        if self._now is not None and self._now < stamp <= self._wall:
            self._now = float(stamp)
