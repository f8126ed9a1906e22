"""How much memory and how many file descriptors a process holds, over time. Linux only."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process: seconds into the run, resident bytes, open descriptors."""

    seconds: float
    resident: int
    descriptors: int


@dataclass(slots=True)
class Vitals:
    """What was seen of one process, from its start or its last restart on."""

    samples: list[Sample] = field(default_factory=list)

    def look(self, pid: int, seconds: float) -> None:
        """Take a sample; a process that has just gone leaves none."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            return
        self.samples.append(Sample(seconds, pages * _PAGE, descriptors))

    def after(self, seconds: float) -> Vitals:
        """Without what was seen in the first seconds of the run."""
        return Vitals([one for one in self.samples if one.seconds >= seconds])

    @property
    def memory_slope(self) -> float:
        """Bytes gained in an hour: the slope of a least-squares line."""
        return slope([(one.seconds / 3600, one.resident) for one in self.samples])

    @property
    def descriptor_slope(self) -> float:
        """Descriptors gained in an hour."""
        return slope([(one.seconds / 3600, one.descriptors) for one in self.samples])

    @property
    def memory(self) -> tuple[int, int]:
        """Mean resident bytes in the first and in the last tenth of the samples."""
        sizes = [one.resident for one in self.samples]
        tenth = max(1, len(sizes) // 10)
        return round(statistics.fmean(sizes[:tenth])), round(statistics.fmean(sizes[-tenth:]))

    @property
    def descriptors(self) -> tuple[int, int]:
        """The fewest and the most open descriptors."""
        counts = [one.descriptors for one in self.samples]
        return min(counts), max(counts)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the least-squares line through the points; 0 for fewer than two."""
    if len({x for x, _ in points}) < 2:
        return 0.0
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope
