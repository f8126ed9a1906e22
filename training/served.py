"""A bundle's answers as served on a CPU, by the very scorer that the daemon runs.

Exists so that what is measured is what runs; it adds nothing of its own but the cleaning that
every served text goes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.model.runtime import load_scorer
from monitor.model.text import clean
from monitor.settings import ModelSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.model.bundle import Bundle
    from training.metrics import Numbers


def served(bundle: Bundle, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Returns calibrated probabilities, [texts, topics] and [texts, sentiments], in given order.

    Every text is judged, also one in a language or of a brevity that the daemon would not judge.
    """
    scorer = load_scorer(bundle, ModelSettings(runtime="cpu"))
    scores = scorer.infer(scorer.prepare([clean(text) for text in texts]))
    return scores.topic, scores.sentiment
