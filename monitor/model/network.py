"""The network of a full bundle as torch runs it: one encoder, pooled, two linear heads.

The only module besides `monitor.model.gpu` that imports torch. It builds the network from the
bundle's configuration and weights; losses and dropout are training's business.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from monitor.errors import BundleError
from monitor.model.bundle import CONFIG, WEIGHTS, Bundle

Pooling = Literal["mean", "first"]


class Network(nn.Module):
    """Encoder, pooling and heads; its state has the names that a bundle's weights have.

    Training fits the same network, with what it needs besides (`training.network`).
    """

    def __init__(
        self, encoder: nn.Module, hidden: int, topics: int, sentiments: int, pooling: Pooling
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.topic = nn.Linear(hidden, topics)
        self.sentiment = nn.Linear(hidden, sentiments)
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        """Logits [n, topics] and [n, sentiments] for [n, length] of token ids."""
        return self.heads(self.pool(input_ids, attention_mask))

    def pool(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """One vector for each text, [n, hidden]."""
        hidden: Tensor = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask
        ).last_hidden_state
        if self.pooling == "first":
            return hidden[:, 0]
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(1) / mask.sum(1)

    def heads(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, topics] and [n, sentiments] of pooled texts."""
        return self.topic(pooled), self.sentiment(pooled)


def load_network(bundle: Bundle) -> Network:
    """Build the network of a full bundle, fp32, in evaluation mode.

    Raises:
        BundleError: when configuration and weights don't make the network of `meta.json`.
    """
    try:
        pooling = msgspec.json.decode((bundle.path / CONFIG).read_bytes()).get("newsurge_pooling")
        config: Any = AutoConfig.from_pretrained(bundle.path, local_files_only=True)
        models: Any = AutoModel
        encoder = models.from_config(config, attn_implementation="sdpa")
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # the heads pool for themselves
        classes = len(bundle.meta.topics), len(bundle.meta.sentiments)
        network = Network(
            encoder, config.hidden_size, *classes, "first" if pooling == "first" else "mean"
        )
        network.load_state_dict(load_file(bundle.path / WEIGHTS), strict=True)
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BundleError(
            f"{bundle.path}: {CONFIG} and {WEIGHTS} don't make the network of meta.json ({line}); "
            "copy the bundle again or train it again"
        ) from error
    return network.eval()


def autocast_type(device: torch.device) -> torch.dtype:
    """bf16 on a GPU that computes in it, else fp32."""
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_bf16 else torch.float32
