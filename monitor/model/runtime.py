"""Which runtime runs a bundle: the GPU where there is one and the bundle allows it, or the CPU.

Owns the choice and its reason; loads neither torch nor OpenVINO before it is made.
"""

from __future__ import annotations

import importlib.util

from monitor.errors import BundleError
from monitor.model.bundle import CONFIG, WEIGHTS, Bundle
from monitor.model.scorer import Scorer
from monitor.settings import ModelSettings


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


def _obstacle_to_torch(bundle: Bundle) -> str | None:
    lacking = [name for name in (WEIGHTS, CONFIG) if name not in bundle.meta.files]
    if lacking:
        return f"the bundle is for CPUs only (it has no {' and no '.join(lacking)})"
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
