"""The scorer for NVIDIA GPUs: a full bundle's weights in torch, bf16.

Runs on torch's CPU too, in fp32, so that its contract is tested where there is no GPU. Batches
are pinned while they are prepared, in another thread; copies and kernels are queued without
waiting, so the device has the next batch in hand while it works on one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import torch

from monitor.model.bundle import Bundle
from monitor.model.network import autocast_type, load_network
from monitor.model.scorer import Ids, Prepared, Scores, check_numbers, probabilities
from monitor.model.tokens import Preparer
from monitor.settings import ModelSettings

CUDA_TOKEN_BUDGET = 16_384
CPU_TOKEN_BUDGET = 1024
_WARM_UP_WORDS = (1, 20, 60)


class TorchScorer:
    """Scores with torch (see `monitor.model.scorer.Scorer` for the contract).

    Raises:
        BundleError: when the bundle's weights can't be used.
    """

    def __init__(self, bundle: Bundle, settings: ModelSettings, reason: str = "") -> None:
        self._meta = bundle.meta
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        is_cuda = self._device.type == "cuda"
        kind = autocast_type(self._device)
        self._network = load_network(bundle).to(self._device, kind)
        self._preparer = Preparer(
            bundle,
            settings.token_budget or (CUDA_TOKEN_BUDGET if is_cuda else CPU_TOKEN_BUDGET),
            _pinned if is_cuda else _zeros,
        )
        self._turn = threading.Lock()
        if settings.threads and not is_cuda:
            torch.set_num_threads(settings.threads)
        self.runtime = (
            f"{self._device.type} (torch, {'bf16' if kind == torch.bfloat16 else 'fp32'})"
        )
        self.reason = reason

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Tokenise cleaned texts and group them into batches. Long texts are cut."""
        return self._preparer.prepare(texts)

    def infer(self, prepared: Prepared) -> Scores:
        """Run the network. Blocks until done; to be called off the event loop."""
        topic = np.zeros((prepared.count, len(self._meta.topics)), dtype=np.float32)
        sentiment = np.zeros((prepared.count, len(self._meta.sentiments)), dtype=np.float32)
        with self._turn, torch.inference_mode():
            # Nothing in this loop waits for the device; `prepared` keeps the pinned memory alive
            # until the results have been fetched.
            queued = [self._queue(batch.ids, batch.mask) for batch in prepared.batches]
            for batch, (topic_logits, sentiment_logits) in zip(
                prepared.batches, queued, strict=True
            ):
                topic[batch.rows] = topic_logits.float().cpu().numpy()
                sentiment[batch.rows] = sentiment_logits.float().cpu().numpy()
        heat = self._meta.temperatures
        return Scores(
            probabilities(topic, heat.topic, self._meta.topic_mode),
            probabilities(sentiment, heat.sentiment),
        )

    def warm_up(self) -> None:
        """Run texts of several lengths, so that the first real ones find everything compiled."""
        for words in _WARM_UP_WORDS:
            check_numbers(self.infer(self.prepare(["news " * words])), self._meta.version)

    def _queue(self, ids: Ids, mask: Ids) -> tuple[torch.Tensor, torch.Tensor]:
        on_device = (
            torch.from_numpy(array).to(self._device, non_blocking=True) for array in (ids, mask)
        )
        logits: tuple[torch.Tensor, torch.Tensor] = self._network(*on_device)
        return logits


def _zeros(shape: tuple[int, int]) -> Ids:
    return np.zeros(shape, dtype=np.int64)


def _pinned(shape: tuple[int, int]) -> Ids:
    array: Ids = torch.zeros(shape, dtype=torch.int64, pin_memory=True).numpy()
    return array
