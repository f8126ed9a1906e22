"""The daemon's processes in a soak: started, killed, frozen, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.daemons import NEWSURGE
from benchmarks.soaking.vitals import Vitals
from monitor.children import free_port, spawn, stop

_STOP_SECONDS = 40.0


@dataclass(slots=True)
class Member:
    """One process of the deployment; `spared` ones are never hurt, so that they show leaks."""

    name: str
    role: str
    spared: bool
    vitals: Vitals = field(default_factory=Vitals)
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    died: int = 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.returncode is None


class Deployment:
    """All processes, each with its log in `directory`, on the settings that lie there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._began = time.monotonic()
        self.members = [
            Member(f"{role}-{number}", role, spared=number == 1)
            for role in ("score", "watch", "notify")
            for number in (1, 2)
        ]

    async def start(self, member: Member) -> None:
        """Start a process, with its log appended to that of its predecessor."""
        with (self._directory / f"{member.name}.log").open("ab") as output:
            member.process = await spawn(
                [
                    NEWSURGE,
                    "run",
                    "--settings",
                    str(self._directory / "settings.yaml"),
                    "--rules",
                    str(self._directory / "alerts.yaml"),
                    "--roles",
                    member.role,
                    "--set",
                    f"http.port={free_port()}",
                ],
                output,
            )

    async def kill(self, member: Member) -> None:
        """End a process without a word, and start another in its place."""
        if member.alive and member.process is not None:
            member.process.kill()
            await member.process.wait()
        member.restarts += 1
        await self.start(member)

    async def freeze(self, member: Member, seconds: float) -> None:
        """Stop a process for so long that its group thinks it dead, then let it go on."""
        if not member.alive or member.process is None:
            return
        os.kill(member.process.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(member.process.pid, signal.SIGCONT)

    async def look(self) -> None:
        """Take everyone's vitals; who died unasked is counted and started again."""
        for member in self.members:
            if member.alive and member.process is not None:
                member.vitals.look(member.process.pid, time.monotonic() - self._began)
            elif member.process is not None:
                member.died += 1
                member.restarts += 1
                await self.start(member)

    async def stop(self) -> None:
        """End all as an operator would."""
        running = [each.process for each in self.members if each.alive and each.process is not None]
        await asyncio.gather(*(stop(process, _STOP_SECONDS) for process in running))

    def log_lines(self) -> dict[str, int]:
        """How many lines each member has logged."""
        return {
            each.name: sum(1 for _ in (self._directory / f"{each.name}.log").open("rb"))
            for each in self.members
        }
