"""Which parameters are fitted, and at which rate: AdamW's groups, frozen parts, adapters."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from monitor.errors import NewsurgeError

if TYPE_CHECKING:
    from training.hyper import Hyper, Lora
    from training.network import TwoHeads

_LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")
_EMBEDDINGS = re.compile(r"\.(?:\w*embeddings?|wte|wpe)\.")


class AdapterError(NewsurgeError):
    """Adapters that the recipe asks for and that can't be had."""

    exit_code = 2


def optimizer(network: TwoHeads, hyper: Hyper) -> torch.optim.Optimizer:
    """Returns AdamW over what is to be fitted.

    The heads have a rate of their own; biases, layer norms and heads don't decay. With
    `layer_decay` below 1 a layer learns at that multiple of the rate of the one above it, the
    embeddings as if they were one layer further down (Howard and Ruder, Universal Language Model
    Fine-tuning for Text Classification, 2018, section 3.2, "discriminative fine-tuning").
    """
    layers = _depth(network)
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        if not name.startswith("encoder."):
            groups[hyper.head_learning_rate, 0.0].append(parameter)
            continue
        decay = hyper.weight_decay if parameter.ndim >= 2 else 0.0
        rate = hyper.learning_rate * hyper.layer_decay ** steps_down(name, layers)
        groups[rate, decay].append(parameter)
    # foreach and fused round differently with other groups, so that is not left to chance.
    return torch.optim.AdamW(
        [{"params": held, "lr": rate, "weight_decay": d} for (rate, d), held in groups.items()],
        fused=True,
    )


def steps_down(name: str, layers: int) -> int:
    """How many layers a parameter of the encoder lies below the top one."""
    if found := _LAYER.search(name):
        return layers - 1 - int(found[1])
    return layers if _EMBEDDINGS.search(name) else 0


def prepare(network: TwoHeads, hyper: Hyper) -> None:
    """Puts adapters in and freezes what the recipe freezes.

    Raises:
        AdapterError: peft is not installed.
    """
    if hyper.lora is not None:
        _add_adapters(network, hyper.lora)
    if hyper.freeze_embeddings:
        for name, parameter in network.named_parameters():
            if name.startswith("encoder.") and _EMBEDDINGS.search(name):
                parameter.requires_grad_(False)


def settle(network: TwoHeads) -> None:
    """Merges adapters into the encoder's weights: a network as if fitted without them."""
    encoder: Any = network.encoder
    if hasattr(encoder, "merge_and_unload"):
        network.encoder = encoder.merge_and_unload()


def _depth(network: TwoHeads) -> int:
    found = (_LAYER.search(name) for name, _ in network.named_parameters())
    return 1 + max((int(layer[1]) for layer in found if layer), default=-1)


def _add_adapters(network: TwoHeads, lora: Lora) -> None:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise AdapterError(
            "hyper.lora needs peft; pip install peft, or take it out of the recipe"
        ) from error
    encoder: Any = network.encoder
    network.encoder = get_peft_model(
        encoder,
        LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules="all-linear",
        ),
    )
