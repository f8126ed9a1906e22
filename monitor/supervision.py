"""Keeping the roles running: what passes is waited out, what stands still is begun anew.

Owns when a role runs again and how all of them end; it does no role's work and reads no record.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor import metrics
from monitor.health import Health, Loop
from monitor.settings import Settings
from monitor.streams.broker import ask_broker
from monitor.streams.failures import first_cause, passing, reason
from monitor.streams.groups import unowned
from monitor.streams.spec import StreamName

log = logging.getLogger(__name__)
BROKER = "broker"
_READS: dict[str, StreamName] = {"score": "news", "watch": "scored", "notify": "alerts"}
_LOOK_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
# A role that lived for so long had recovered, so its next failure is another one.
_RECOVERED_SECONDS = 60.0
# Longer than a healthy drain takes, and short enough for ten seconds from the signal to the end.
_DRAIN_WITHOUT_BROKER_SECONDS = 3.0


class Role(Protocol):
    """What can be kept running."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain. May be called again after it failed."""


@dataclass(frozen=True)
class Restart:
    """Why a role is begun anew: a reason from a bounded set, and words for the operator."""

    reason: str
    words: str


class Watchdog:
    """Tells which loops stand still. It counts looks instead of asking a clock.

    So a process that was stopped for a while, or whose event loop was held up, is not taken for
    one whose loops stand still: between two looks every healthy loop gets its turn.

    Args:
        patience: looks in a row after which a loop that has not gone round stands still.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._turns: dict[str, int] = {}
        self._still: Counter[str] = Counter()
        self._idle: Counter[str] = Counter()

    def look(self, loops: Mapping[str, Loop]) -> None:
        """Take note of how far each loop has come; a loop is watched from its first turn on."""
        for name, loop in loops.items():
            moved = self._turns.get(name) != loop.turns
            self._turns[name] = loop.turns
            self._still[name] = 0 if moved else self._still[name] + 1
            self._idle[name] = 0 if loop.partitions else self._idle[name] + 1

    def excuse(self) -> None:
        """Begin to count anew, as what keeps the loops from going round is known."""
        self._still.clear()
        self._idle.clear()

    @property
    def still(self) -> str | None:
        """A loop that stands still, if one does."""
        return next((name for name, n in self._still.items() if n >= self._patience), None)

    def idle(self) -> str | None:
        """A loop that has held no partition for as long, if one has; each is told once in that."""
        found = next((name for name, n in self._idle.items() if n >= self._patience), None)
        if found is not None:
            self._idle[found] = 0
        return found


class Supervisor:
    """Runs roles until `stop` is set and they have drained."""

    def __init__(self, settings: Settings, health: Health, stop: asyncio.Event) -> None:
        self._settings = settings
        self._health = health
        self._stop = stop
        self._away = asyncio.Event()

    async def run(self, roles: Mapping[str, Role]) -> None:
        """Run the roles, by the name of their health part, and watch the broker.

        A role that fails of what passes by itself is begun anew, and is unready until it works
        again. The first that fails of anything else ends all. While the broker does not answer,
        the drain is cut off: what was not committed is done again by whoever goes on.

        Raises:
            Exception: what the first role failed of.
        """
        tasks = [
            asyncio.create_task(self._keep_running(part, role), name=part)
            for part, role in roles.items()
        ]
        asking = asyncio.create_task(ask_broker(self._settings, self._tell_broker), name=BROKER)
        cutting = asyncio.create_task(self._cut_off(tasks))
        ended = asyncio.create_task(asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION))
        failed: list[asyncio.Task[None]] = []
        try:
            await asyncio.wait([ended, asking], return_when=asyncio.FIRST_COMPLETED)
            failed = [each for each in (*tasks, asking) if each.done() and not each.cancelled()]
        finally:
            await _end([*tasks, asking, cutting, ended])
        for task in failed:
            error = task.exception()
            if error is not None:
                log.error("role %s failed, so the process ends", task.get_name())
                raise first_cause(error)

    def _tell_broker(self, trouble: str | None) -> None:
        if trouble is None:
            self._away.clear()
            self._health.ready(BROKER)
        else:
            self._away.set()
            self._health.unready(BROKER, trouble)

    async def _cut_off(self, tasks: Collection[asyncio.Task[None]]) -> None:
        """End roles that are to drain into a broker that does not answer."""
        await self._stop.wait()
        await asyncio.sleep(_DRAIN_WITHOUT_BROKER_SECONDS)
        await self._away.wait()
        log.warning(
            "the broker does not answer, so the drain is cut off; what was not committed is done "
            "again by whoever goes on"
        )
        for task in tasks:
            task.cancel()

    async def _keep_running(self, part: str, role: Role) -> None:
        clock = asyncio.get_running_loop().time
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = clock()
            restart = await self._run_once(part, role)
            if restart is None:
                return
            if self._stop.is_set():
                log.warning("role %s ended before it had drained: %s", part, restart.words)
                return
            if clock() - began >= _RECOVERED_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            metrics.role_restarts_total.labels(part, restart.reason).inc()
            self._health.unready(part, f"{restart.words}; begins anew")
            log.warning("role %s begins anew in %.0f s: %s", part, pause, restart.words)
            if await self._stopped_within(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _run_once(self, part: str, role: Role) -> Restart | None:
        """Run a role until it ends (None) or is to be begun anew."""
        self._health.forget_loops(part)
        running = asyncio.create_task(role.run(self._stop), name=part)
        watching = asyncio.create_task(self._watch(part))
        try:
            await asyncio.wait([running, watching], return_when=asyncio.FIRST_COMPLETED)
            stalled = watching.result() if not running.done() else None
        finally:
            await _end([running, watching])
        return stalled or _restart_after(running)

    async def _watch(self, part: str) -> Restart:
        """Wait until a loop of the role stands still, or its consumer has been left out."""
        timeout = self._settings.kafka.stall_timeout_seconds
        dog = Watchdog(max(1, round(timeout / _LOOK_SECONDS)))
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._stop.is_set() or self._away.is_set():
                # Waiting for the broker is no fault of the role: it goes on where it stands.
                dog.excuse()
                continue
            dog.look(self._health.loops(part))
            if dog.still is not None:
                return Restart("stalled", f"{dog.still} has not moved for {timeout:.0f} s")
            idle = dog.idle()
            if idle is not None and await self._is_left_out(part, idle):
                return Restart("left_out", f"{idle} has partitions that nobody reads")

    async def _is_left_out(self, part: str, group: str) -> bool:
        """Whether a consumer without partitions should have some, as nobody has them.

        More consumers than partitions is no fault. Where the group can't be asked about, nothing
        is concluded.
        """
        if self._settings.kafka.sole_consumer:
            return False
        try:
            return bool(await unowned(self._settings, group, _READS[part]))
        except Exception as error:
            if passing(error) is None:
                raise
            return False

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait so long, and then until the broker answers; returns at once when `stop` is set."""
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([stopping], timeout=seconds)
            while not stopping.done() and self._away.is_set():
                await asyncio.wait([stopping], timeout=_LOOK_SECONDS)
            return stopping.done()
        finally:
            stopping.cancel()


def _restart_after(ended: asyncio.Task[None]) -> Restart | None:
    """What to do about a run that has ended; raises what a user must mend."""
    error = ended.exception()
    if error is None:
        return None
    kind = passing(error)
    if kind is None:
        raise error
    return Restart(kind, reason(first_cause(error)))


async def _end(tasks: Collection[asyncio.Task[object] | asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
