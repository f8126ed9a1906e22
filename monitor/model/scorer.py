"""The scorer's contract: texts in, calibrated probabilities out, whatever runs the network.

Owns the types that scorers share and the step from logits to probabilities. Which runtime runs
the network is `monitor.model.runtime`'s choice; what a text's scores mean is `judge`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.errors import BundleError
from monitor.model.batching import Rows

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that go through the network together.

    `rows` [n] are their places in the input. `ids` and `mask` are [n, length]: token ids padded
    with zeros, and 1 where there is a token.
    """

    rows: Rows
    ids: Ids
    mask: Ids


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tokenised texts, ready for the network: `count` texts in batches."""

    count: int
    batches: tuple[Batch, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """Calibrated probabilities, a row for each text in the order given.

    `topic` is float32 [n, topics] and `sentiment` float32 [n, 3], classes in the bundle's order.
    """

    topic: Floats
    sentiment: Floats


class Scorer(Protocol):
    """Turns texts into probabilities.

    A text's probabilities don't depend on the texts that it is given with (by more than 0.02).
    `prepare` and `infer` may be called from two threads at once, so that one chunk is tokenised
    while another is in the network; two calls of `infer` wait for one another.
    """

    @property
    def runtime(self) -> str:
        """What runs the network, such as `cpu (OpenVINO, bf16)`: one line for logs and metrics."""

    @property
    def reason(self) -> str:
        """Why this runtime was chosen, in words fit for a log line."""

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Tokenise cleaned texts and group them into batches. Long texts are cut."""

    def infer(self, prepared: Prepared) -> Scores:
        """Run the network. Blocks until done; to be called off the event loop."""

    def warm_up(self) -> None:
        """Run texts of several lengths, so that the first real ones find everything compiled.

        Raises:
            BundleError: when what comes out are no numbers, as of weights that are none.
        """


def check_numbers(scores: Scores, version: str) -> None:
    """Check that a network answers with numbers.

    Raises:
        BundleError: it does not, so that every news item would fail in it.
    """
    if not (np.isfinite(scores.topic).all() and np.isfinite(scores.sentiment).all()):
        raise BundleError(
            f"the network of version {version} answers with what are no numbers, so some of its "
            "weights are none or too large; train it again"
        )


def probabilities(logits: NDArray[np.floating], temperature: float, mode: str = "single") -> Floats:
    """Calibrated probabilities of logits [n, classes], each row by itself.

    Logits are divided by the temperature (Guo et al., On Calibration of Modern Neural Networks,
    ICML 2017, section 4.2), then softmax over the row, or with `mode` "multi" a sigmoid each.
    """
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    if mode == "multi":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scaled, -60, 60))), dtype=np.float32)
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float32)
