"""The scorer for CPUs: the bundle's ONNX network in OpenVINO.

Neither torch nor transformers is imported. Why OpenVINO and why these settings: the table that
`benchmarks/score.py` prints.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitor.errors import BundleError
from monitor.model.bundle import Bundle
from monitor.model.scorer import Batch, Prepared, Scores, probabilities
from monitor.model.tokens import Preparer
from monitor.settings import ModelSettings

TOKEN_BUDGET = 1024
_MULTIPLE = 8
_WARM_UP_TEXTS = (1, 4, 16, 64)


class CpuScorer:
    """Scores on the CPU (see `monitor.model.scorer.Scorer` for the contract).

    Raises:
        BundleError: when the network can't be read, or is not what `meta.json` says it is.
    """

    def __init__(self, bundle: Bundle, settings: ModelSettings, reason: str = "") -> None:
        import openvino

        self._meta = bundle.meta
        self._preparer = Preparer(bundle, settings.token_budget or TOKEN_BUDGET, _MULTIPLE)
        core = openvino.Core()
        is_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = compile_options(is_bf16, settings.threads)
        try:
            self._model: Any = core.compile_model(str(bundle.onnx), "CPU", options)
        except RuntimeError as error:
            line = str(error).strip().splitlines()[-1]
            raise BundleError(
                f"{bundle.onnx}: OpenVINO can't run this network ({line}); train the bundle again"
            ) from error
        _check_outputs(bundle, self._model)
        self._request = self._model.create_infer_request()
        self._turn = threading.Lock()
        self.runtime = f"cpu (OpenVINO, {'bf16' if is_bf16 else 'fp32'})"
        self.reason = reason

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Tokenise cleaned texts and group them into batches. Long texts are cut."""
        return self._preparer.prepare(texts)

    def infer(self, prepared: Prepared) -> Scores:
        """Run the network. Blocks until done; to be called off the event loop."""
        topic = np.zeros((prepared.count, len(self._meta.topics)), dtype=np.float32)
        sentiment = np.zeros((prepared.count, len(self._meta.sentiments)), dtype=np.float32)
        with self._turn:
            for batch in prepared.batches:
                self._infer_batch(batch, topic, sentiment)
        heat = self._meta.temperatures
        return Scores(
            probabilities(topic, heat.topic, self._meta.topic_mode),
            probabilities(sentiment, heat.sentiment),
        )

    def warm_up(self) -> None:
        """Run texts of several lengths, so that the first real ones find everything compiled."""
        for words in _WARM_UP_TEXTS:
            self.infer(self.prepare(["news " * words]))

    def _infer_batch(self, batch: Batch, topic: Any, sentiment: Any) -> None:
        inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
        outputs = self._request.infer(inputs, share_inputs=True, share_outputs=True)
        topic[batch.rows] = outputs["topic_logits"]
        sentiment[batch.rows] = outputs["sentiment_logits"]


def compile_options(is_bf16: bool, threads: int) -> dict[str, Any]:
    """How OpenVINO compiles the network, for a CPU with bf16 instructions or one without.

    Without them activations stay fp32: quantising them is faster, but lets batch mates move a
    probability by more than 0.02.
    """
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if is_bf16 else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 32 if is_bf16 else 0,
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return options


def _check_outputs(bundle: Bundle, model: Any) -> None:
    """Class order lives in the bundle: a network of another width must not start."""
    expected = {
        "topic_logits": len(bundle.meta.topics),
        "sentiment_logits": len(bundle.meta.sentiments),
    }
    inputs = {name for port in model.inputs for name in port.get_names()}
    outputs = {name: port for port in model.outputs for name in port.get_names()}
    for name in ("input_ids", "attention_mask"):
        if name not in inputs:
            raise BundleError(f"{bundle.onnx}: the network has no input {name}; train it again")
    for name, width in expected.items():
        if name not in outputs:
            raise BundleError(f"{bundle.onnx}: the network has no output {name}; train it again")
        shape = outputs[name].get_partial_shape()
        if shape.rank.is_static and shape[1].is_static and shape[1].get_length() != width:
            raise BundleError(
                f"{bundle.onnx}: {name} has {shape[1].get_length()} classes, meta.json names "
                f"{width}; network and description are not of one bundle"
            )
