"""The scorer for CPUs: the bundle's ONNX network in OpenVINO.

Neither torch nor transformers is imported. Why OpenVINO and why these settings: the table that
`benchmarks/score.py` prints.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import BundleError
from monitor.model.bundle import Bundle
from monitor.model.scorer import Batch, Prepared, Scores, check_numbers, probabilities
from monitor.model.tokens import Preparer
from monitor.settings import ModelSettings

TOKEN_BUDGET = 1024
_WARM_UP_WORDS = (1, 4, 12, 20, 28, 36, 44)  # a headline alone, in each length that is usual
_WARM_UP_BATCH = 32


class CpuScorer:
    """Scores on the CPU (see `monitor.model.scorer.Scorer` for the contract).

    Raises:
        BundleError: when the network can't be read, or is not what `meta.json` says it is.
    """

    def __init__(self, bundle: Bundle, settings: ModelSettings, reason: str = "") -> None:
        self._meta = bundle.meta
        self._preparer = Preparer(bundle, settings.token_budget or TOKEN_BUDGET)
        self._model, precision = compile_network(bundle.onnx, settings.threads)
        _check_outputs(bundle, self._model)
        self._request = self._model.create_infer_request()
        self._turn = threading.Lock()
        self.runtime = f"cpu (OpenVINO, {precision})"
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
        for words in _WARM_UP_WORDS:
            check_numbers(self.infer(self.prepare(["news " * words])), self._meta.version)
        self.infer(self.prepare(["news " * 20] * _WARM_UP_BATCH))

    def _infer_batch(self, batch: Batch, topic: Any, sentiment: Any) -> None:
        inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
        outputs = self._request.infer(inputs, share_inputs=True, share_outputs=True)
        topic[batch.rows] = outputs["topic_logits"]
        sentiment[batch.rows] = outputs["sentiment_logits"]


def compile_network(onnx: Path, threads: int = 0) -> tuple[Any, str]:
    """Compile a bundle's network for this CPU; returns it and its precision, `bf16` or `fp32`.

    The int8 weights are unpacked once, at load, and the products computed in bf16 where the CPU
    has it. Left in int8, OpenVINO also rounds what meets them, in groups: 3 % faster in groups of
    32, 25 % in groups of 64, but probabilities then move by 0.03 with their batch mates, where
    bf16 alone keeps to 0.012, and they agree less with fp32.

    Args:
        onnx: the network.
        threads: CPU threads, 0 for one on each core.

    Raises:
        BundleError: when OpenVINO can't read or compile the file.
    """
    openvino = _openvino()
    core = openvino.Core()
    is_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    try:
        network = core.read_model(str(onnx))
        passes = openvino.passes.Manager()
        passes.register_pass(openvino.passes.ConstantFolding())
        passes.run_passes(network)
        model = core.compile_model(network, "CPU", compile_options(is_bf16, threads))
    except RuntimeError as error:
        line = str(error).strip().splitlines()[-1]
        raise BundleError(
            f"{onnx}: OpenVINO can't run this network ({line}); train the bundle again"
        ) from error
    return model, "bf16" if is_bf16 else "fp32"


def _openvino() -> Any:
    # oneDNN keeps the code of the last 1,024 products that it met, OpenVINO that of 5,000 more
    # (see `compile_options`). With texts of all lengths that grows to hundreds of megabytes.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    import openvino
    import openvino.passes

    return openvino


def compile_options(is_bf16: bool, threads: int) -> dict[str, Any]:
    """How OpenVINO compiles the network, for a CPU with bf16 instructions or one without."""
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if is_bf16 else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        "CPU_RUNTIME_CACHE_CAPACITY": 512,
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
