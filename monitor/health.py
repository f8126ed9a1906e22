"""Whether each part of the process is ready, and if not, why; served by `/readyz`.

A part reports itself; nothing here probes anything.
"""

from __future__ import annotations

from collections.abc import Callable


class Health:
    """The readiness of named parts. A part is unready until it says otherwise.

    `changed` is called after every change.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._reasons: dict[str, str | None] = {}
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

    @property
    def is_ready(self) -> bool:
        """True when every announced part is ready, and there is at least one."""
        return bool(self._reasons) and not any(self._reasons.values())

    def report(self) -> dict[str, str]:
        """Each part's state: `ready`, or the reason why it is not."""
        return {part: reason or "ready" for part, reason in self._reasons.items()}
