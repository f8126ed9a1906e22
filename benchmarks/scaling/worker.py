"""A SCORE process whose scorer waits as a GPU does: the CPU is free while it "infers".

`python -m benchmarks.scaling.worker SETTINGS SECONDS_PER_TEXT PORT`. All but the network is what
`newsurge run --roles score` runs: tokenising, streams, groups, commits, marks.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monitor import logs
from monitor.app import ready_streams
from monitor.health import Health
from monitor.model.bundle import STARTER, Bundle, load_bundle
from monitor.model.cpu import CpuScorer
from monitor.model.judge import Judge
from monitor.model.language import Languages
from monitor.model.scorer import Prepared, Scores
from monitor.score import Score
from monitor.scoring.serving import Serving
from monitor.scoring.watchlist import load_watchlist
from monitor.settings import HttpSettings, load_settings
from monitor.supervision import BROKER, Supervisor
from monitor.web.server import Actions, serving

_NEGATIVE_SHARE = 0.3


class WaitingScorer:
    """Tokenises as the CPU scorer does, waits, and derives scores from the tokens alone."""

    runtime = "waiting"
    reason = "a benchmark asked for it"

    def __init__(self, bundle: Bundle, scorer: CpuScorer, seconds_per_text: float) -> None:
        self._topics = len(bundle.meta.topics)
        self._scorer = scorer
        self._seconds = seconds_per_text

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Tokenise."""
        return self._scorer.prepare(texts)

    def infer(self, prepared: Prepared) -> Scores:
        """Wait for as long as a device would be busy."""
        time.sleep(prepared.count * self._seconds)
        topic = np.full((prepared.count, self._topics), 0.01, dtype=np.float32)
        sentiment = np.full((prepared.count, 3), 0.1, dtype=np.float32)
        for batch in prepared.batches:
            drawn = (batch.ids * batch.mask).sum(axis=1)
            topic[batch.rows, drawn % self._topics] = 0.9
            is_negative = drawn % 1000 < 1000 * _NEGATIVE_SHARE
            sentiment[batch.rows, np.where(is_negative, 0, 1)] = 0.8
        return Scores(topic, sentiment)

    def warm_up(self) -> None:
        """Nothing to warm."""


async def run(settings_file: Path, seconds_per_text: float, port: int) -> None:
    """Run the role until SIGTERM."""
    settings = await ready_streams(load_settings(settings_file))
    logs.configure("text", settings.log_level)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    bundle, health = load_bundle(STARTER), Health()
    health.expect(BROKER)
    scorer = WaitingScorer(
        bundle, CpuScorer(bundle, settings.model, "only its tokenizer is used"), seconds_per_text
    )
    languages = Languages(bundle.meta.languages)
    judge = Judge(bundle.meta, scorer, languages, settings.score.topic_threshold)
    watchlist = load_watchlist(settings.score.watchlist)
    score = Score(settings, Serving(settings, judge, watchlist, frozenset()), watchlist, health)
    async with serving(HttpSettings(port=port), health, Actions()):
        await Supervisor(settings, health, stop).run({"score": score})


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
