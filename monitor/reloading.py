"""When a running daemon reads its rules, receivers and watchlist again, and what it says of it.

Everything is read, off the event loop, before anything is handed over: on any fault what was in
force stays. What the files say is read by `deployment_files`; who goes on by it, the daemon says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from monitor import metrics
from monitor.deployment_files import Deployed, Reading, Seen, sight

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
REST_SECONDS = 1.0
"""For so long files must lie as they are before they are read: an editor may still write."""


class Changes:
    """Whether files say something else than when they were read, and have come to rest.

    Told what is seen, and when. What was read in vain is not read again until it changes.

    Args:
        read: the files as they were read last.
        rest_seconds: how long they must not have changed.
    """

    def __init__(self, read: Seen, rest_seconds: float = REST_SECONDS) -> None:
        self._read = _contents(read)
        self._rest_seconds = rest_seconds
        self._seen = self._read
        self._since = 0.0

    def note_read(self, read: Seen) -> None:
        """Take note that all files were read, as they were then."""
        self._read = self._seen = _contents(read)

    def look(self, seen: Seen, now: float) -> bool:
        """Whether the files are to be read now.

        Args:
            seen: the files as they are, the same as were read.
            now: seconds on any clock that only goes forward.
        """
        contents = _contents(seen)
        if contents != self._seen:
            self._seen, self._since = contents, now
        return contents != self._read and now - self._since >= self._rest_seconds


class Reloading:
    """Keeps what is in force as the files say; a role of the daemon.

    Args:
        read: reads all files; is called in a thread.
        adopt: has the daemon go on by what they say; must not fail.
        first: the reading by which the daemon began.
        asked: is set to have the files read soon, changed or not.
    """

    def __init__(
        self,
        read: Callable[[], Reading],
        adopt: Callable[[Deployed], None],
        first: Reading,
        asked: asyncio.Event,
    ) -> None:
        self._read = read
        self._adopt = adopt
        self._seen = first.seen
        self._changes = Changes(first.seen)
        self._asked = asked
        metrics.tell_rules(_rules_digest(first))

    async def run(self, stop: asyncio.Event) -> None:
        """Look at the files until `stop` is set."""
        while not await self._stopped_within(stop, LOOK_SECONDS):
            asked = self._asked.is_set()
            self._asked.clear()
            self._seen = await asyncio.to_thread(sight, tuple(self._seen), self._seen)
            due = self._changes.look(self._seen, asyncio.get_running_loop().time())
            if asked or due:
                await self._reload()

    async def _reload(self) -> None:
        try:
            reading = await asyncio.to_thread(self._read)
        except Exception:
            # Whatever the files say, news goes on being watched.
            log.exception("the rules can't be read")
            self._changes.note_read(self._seen)
            self._refuse("see the error above")
            return
        # A file that was named before may be what is mended next.
        self._seen = dict(reading.seen)
        self._changes.note_read(reading.seen)
        if reading.content is None:
            self._refuse("; ".join(" | ".join(str(each).splitlines()) for each in reading.faults))
            return
        self._adopt(reading.content)
        rules, names = reading.content.rules, reading.content.watchlist.keys
        metrics.rules_reloads_total.labels("adopted").inc()
        metrics.tell_rules(_rules_digest(reading))
        for warning in rules.warnings:
            log.warning("%s", warning)
        log.info(
            "rules reloaded: %d rules, %d receivers, %d names on the watchlist",
            len(rules.rules),
            len(rules.receivers),
            len(names),
        )

    def _refuse(self, faults: str) -> None:
        metrics.rules_reloads_total.labels("refused").inc()
        metrics.rules_reload_success.set(0)
        log.error(
            "the rules are not reloaded, and those before stay in force: %s (they are read again "
            "when a file changes, or at SIGHUP)",
            faults,
        )

    async def _stopped_within(self, stop: asyncio.Event, seconds: float) -> bool:
        """Wait so long, or until `stop` is set or a reload is asked for; whether it is stopped."""
        waiting = [asyncio.create_task(each.wait()) for each in (stop, self._asked)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return stop.is_set()


def _contents(seen: Seen) -> dict[object, str | None]:
    return {file: None if found is None else found.digest for file, found in seen.items()}


def _rules_digest(reading: Reading) -> str:
    """The digest of the rules file, which is the first that is seen."""
    found = next(iter(reading.seen.values()), None)
    return "" if found is None else found.digest
