"""Whether each part of the process is ready, and if not, why; served by `/readyz`.

A part reports itself, and its loops that they go round; nothing here probes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Loop(NamedTuple):
    """How often a part's loop has gone round, and how many partitions it holds now."""

    turns: int
    partitions: int


class Health:
    """The readiness of named parts. A part is unready until it says otherwise.

    `changed` is called after every change.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._reasons: dict[str, str | None] = {}
        self._loops: dict[str, dict[str, Loop]] = {}
        self._changed = changed

    def expect(self, part: str) -> None:
        """Announce a part, unready as it has not started yet."""
        self._reasons[part] = "starting"

    def ready(self, part: str) -> None:
        """Say that the part does its work."""
        self._reasons[part] = None
        self._changed()

    def unready(self, part: str, reason: str) -> None:
        """Say that the part does not do its work, and why, in words fit for an operator."""
        self._reasons[part] = reason
        self._changed()

    def turned(self, part: str, group: str, partitions: int) -> None:
        """Say that the part's loop for a consumer group has gone round once more.

        A loop that stops to say so is begun anew after `kafka.stall_timeout_seconds`.
        """
        loops = self._loops.setdefault(part, {})
        before = loops.get(group)
        loops[group] = Loop(before.turns + 1 if before else 1, partitions)

    def loops(self, part: str) -> Mapping[str, Loop]:
        """The part's loops that have gone round, by their consumer group."""
        return self._loops.get(part, {})

    def forget_loops(self, part: str) -> None:
        """Forget the part's loops, as it is about to begin anew."""
        self._loops.pop(part, None)

    @property
    def is_ready(self) -> bool:
        """True when every announced part is ready, and there is at least one."""
        return bool(self._reasons) and not any(self._reasons.values())

    def report(self) -> dict[str, str]:
        """Each part's state: `ready`, or the reason why it is not."""
        return {part: reason or "ready" for part, reason in self._reasons.items()}
