"""The scorer's contract: texts in, calibrated probabilities out, whatever runs the network.

Owns the types that scorers share, the step from logits to probabilities, and the choice of the
runtime. It decides nothing about news: see `monitor.model.judge`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.errors import BundleError
from monitor.model.batching import Rows
from monitor.model.bundle import CONFIG, WEIGHTS, Bundle
from monitor.settings import ModelSettings

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
        """Run texts of several lengths, so that the first real ones find everything compiled."""


def load_scorer(bundle: Bundle, settings: ModelSettings) -> Scorer:
    """Load the network of a bundle in the runtime that the settings ask for.

    `auto` takes the GPU where there is one, torch is installed and the bundle is a full one, and
    the CPU otherwise. `torch` runs on the CPU where there is no GPU: right, but slow.

    Raises:
        BundleError: when the bundle can't be run, or lacks what the runtime needs.
    """
    obstacle = None if settings.runtime == "cpu" else _obstacle_to_torch(bundle)
    if settings.runtime == "torch":
        if obstacle:
            raise BundleError(
                f"model.runtime is torch, but {obstacle}; install newsurge[gpu] and give a full "
                "bundle, or set model.runtime: cpu"
            )
        return _load_torch(bundle, settings, "model.runtime is torch")
    if settings.runtime == "auto" and obstacle is None:
        obstacle = _obstacle_to_cuda()
        if obstacle is None:
            return _load_torch(bundle, settings, "there is a GPU, and the bundle is a full one")
    from monitor.model.cpu import CpuScorer

    return CpuScorer(bundle, settings, obstacle or "model.runtime is cpu")


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


def _obstacle_to_torch(bundle: Bundle) -> str | None:
    lacking = [name for name in (WEIGHTS, CONFIG) if name not in bundle.meta.files]
    if lacking:
        return f"the bundle {bundle.path} has no {' and no '.join(lacking)}"
    for module in ("torch", "transformers", "safetensors"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    return None


def _obstacle_to_cuda() -> str | None:
    import torch

    return None if torch.cuda.is_available() else "there is no CUDA device"


def _load_torch(bundle: Bundle, settings: ModelSettings, reason: str) -> Scorer:
    from monitor.model.gpu import TorchScorer

    return TorchScorer(bundle, settings, reason)
