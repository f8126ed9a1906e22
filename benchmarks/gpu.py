"""The GPU's part of `benchmarks/score.py`: rate against the measured matrix rate, busy share."""

from __future__ import annotations

import importlib.util
import time
from typing import Any

from benchmarks.engines import products
from monitor.model.bundle import CONFIG, WEIGHTS, Bundle
from monitor.settings import ModelSettings

_TOKENS = 16_384
_REPEAT = 20


def gpu_lines(bundle: Bundle, texts: list[str]) -> list[str]:
    """What was measured on the GPU, or one line that says why nothing was."""
    if importlib.util.find_spec("torch") is None:
        return ["GPU: skipped, torch is not installed"]
    import torch

    if not torch.cuda.is_available():
        return ["GPU: skipped, there is no CUDA device"]
    if not {WEIGHTS, CONFIG} <= bundle.meta.files.keys():
        return ["GPU: skipped, the bundle is not a full one"]
    from monitor.model.gpu import TorchScorer

    scorer = TorchScorer(bundle, ModelSettings())
    many = (texts * (1 + 20_000 // len(texts)))[:20_000]
    prepared = scorer.prepare(many)
    scorer.infer(prepared)
    began = time.perf_counter()
    scorer.infer(prepared)
    seconds = time.perf_counter() - began
    shapes = products(bundle.onnx)
    tokens = sum(int(batch.mask.sum()) for batch in prepared.batches)
    reached = 2.0 * tokens * sum(a * b for a, b in shapes) / seconds
    limit = _matrix_rate(torch, shapes)
    return [
        f"GPU: {torch.cuda.get_device_name()}: {len(many) / seconds:.0f} items/s",
        f"GPU: {reached / 1e12:.1f} TFLOP/s of {limit / 1e12:.1f} measured at the model's shapes "
        f"({reached / limit:.0%}, bar 50%)",
        f"GPU: device busy {_busy(torch, scorer, prepared):.0%} of the time (bar 90%)",
    ]


def _matrix_rate(torch: Any, shapes: list[tuple[int, int]]) -> float:
    """FLOP/s of the products with weights alone, bf16."""
    pairs = [
        (
            torch.randn(_TOKENS, a, device="cuda", dtype=torch.bfloat16),
            torch.randn(a, b, device="cuda", dtype=torch.bfloat16),
        )
        for a, b in shapes
    ]
    for left, right in pairs:
        left @ right
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(_REPEAT):
        for left, right in pairs:
            left @ right
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    return 2.0 * _REPEAT * _TOKENS * sum(a * b for a, b in shapes) / seconds


def _busy(torch: Any, scorer: Any, prepared: Any) -> float:
    """The share of the wall time in which the device ran kernels."""
    from torch.profiler import ProfilerActivity, profile

    torch.cuda.synchronize()
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        scorer.infer(prepared)
        torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    kernels = sum(event.self_device_time_total for event in profiler.key_averages())
    return float(kernels) / 1e6 / seconds
