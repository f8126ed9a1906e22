"""Looking at the core from beside it while a log is played: counts and what was expected.

Reads tracks and changes nothing in them, so that what fires is as if nobody looked.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.records import Series
from monitor.surge.following import REFRESH_PANES, Following
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.rules import Match

_STEPS_WANTED = 140
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 40320)


@dataclass(slots=True)
class Sample:
    """What the closed panes of one track held, for those that held a story.

    `expected` is by step of the timeline: how many negative stories the baseline expected of it,
    as it was at its end. `through` is the last pane that was looked at.
    """

    series: Series
    match: Match
    panes: array[int] = field(default_factory=lambda: array("q"))
    negative: array[float] = field(default_factory=lambda: array("d"))
    stories: array[int] = field(default_factory=lambda: array("q"))
    expected: dict[int, float] = field(default_factory=dict)
    through: int = -1


def timeline_step(plan: WatchPlan, begin: int, end: int) -> int:
    """The step of a timeline from one time to another, in milliseconds: a whole number of panes."""
    slide = plan.statistics.slide
    least = (end - begin) / _STEPS_WANTED
    minutes = next((m for m in _MINUTES if m * 60_000 >= max(least, slide)), _MINUTES[-1])
    return -(-minutes * 60_000 // slide) * slide


class Sampler:
    """Collects samples of every track that the plans make.

    Tracks of several rule files that count alike (same series, same matchers) are sampled once.

    Args:
        plans: what is watched.
        timeline: the step of timelines in milliseconds.
    """

    def __init__(self, plans: Sequence[WatchPlan], timeline: int) -> None:
        self._slide = plans[0].statistics.slide
        self._timeline = timeline
        windows = [rule.window // self._slide for plan in plans for rule in plan.rules]
        # A track keeps its panes for no longer than its longest window.
        most = min([REFRESH_PANES, *windows])
        panes = timeline // self._slide
        self.step = self._slide * next(n for n in range(most, 0, -1) if panes % n == 0)
        self._of: dict[int, Sample] = {}
        self._samples: dict[tuple[Series, Match], Sample] = {}
        self._done: int | None = None

    def look(self, watches: Sequence[PartitionWatch], time: int, *, is_over: bool = False) -> None:
        """Look at all tracks at a time of their clock; at the end into open panes too."""
        reached = time // self._timeline
        steps = range(reached if self._done is None else self._done, reached)
        for watch in watches:
            for following in watch.followings():
                sample = self._of.get(id(following))
                if sample is None:
                    sample = self._begin(following)
                self._collect(sample, following, is_over)
                if steps and sample.panes and any(one.detector for one in following.watched):
                    self._expect(sample, following, steps)
        self._done = reached

    def samples(self) -> list[Sample]:
        """What was collected of the tracks that ever held a story."""
        return [sample for sample in self._samples.values() if sample.panes]

    def _begin(self, following: Following) -> Sample:
        match = counted(following.match)
        sample = self._samples.setdefault(
            (following.series, match), Sample(following.series, match)
        )
        self._of[id(following)] = sample
        return sample

    def _collect(self, sample: Sample, following: Following, is_over: bool) -> None:
        track = following.track
        last = track.newest if is_over else track.closed
        if track.newest is None or last is None or track.newest <= sample.through:
            return
        for number in track.held(sample.through + 1, last):
            counts = track.counts(number)
            if counts.stories:
                sample.panes.append(number)
                sample.negative.append(counts.negative)
                sample.stories.append(counts.stories)
        sample.through = max(last, sample.through)

    def _expect(self, sample: Sample, following: Following, steps: range) -> None:
        baseline = following.track.baseline
        panes = self._timeline // self._slide
        for step in steps:
            if step not in sample.expected:
                expected = baseline.expected(step * panes + 1, (step + 1) * panes)
                sample.expected[step] = expected


def counted(match: Match) -> Match:
    """What of matchers decides what a track counts."""
    return Match(source=match.source, language=match.language)
