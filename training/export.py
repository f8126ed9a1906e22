"""From a fitted network to a bundle's files: `model.onnx`, `tokenizer.json`, fp32 weights.

The graph is plain ONNX with int8 weights, so OpenVINO and ONNX Runtime both run it. What the
compression costs is measured by the caller, on rows; nothing here is taken on trust.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from monitor.model.bundle import CONFIG, ONNX, TOKENIZER, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.network import TwoHeads

OPSET = 20  # the first with Gelu as one node
INPUTS, OUTPUTS = ("input_ids", "attention_mask"), ("topic_logits", "sentiment_logits")


class _Served(nn.Module):
    """The network as served: two inputs, two tensors out, token types folded in as zeros."""

    def __init__(self, network: TwoHeads) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.logits(input_ids, attention_mask)


def export(network: TwoHeads, tokenizer: Any, directory: Path) -> None:
    """Writes the int8 network and the tokenizer into `directory`."""
    import nncf
    import onnx

    plain = directory / "plain.onnx"
    with _quiet():
        to_onnx(network, plain)
        compressed = nncf.compress_weights(
            onnx.load(plain), mode=nncf.CompressWeightsMode.INT8_ASYM
        )
    plain.unlink()
    onnx.save(compressed, directory / ONNX)
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.save(str(directory / TOKENIZER))


def save_weights(network: TwoHeads, directory: Path) -> None:
    """Writes what makes a bundle full: the fp32 weights, and the encoder's configuration.

    Keys are `encoder.*`, `topic.*` and `sentiment.*`; the configuration's `newsurge_pooling` says
    how the encoder's output is pooled.
    """
    import msgspec
    from safetensors.torch import save_file

    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, directory / WEIGHTS)
    encoder: Any = network.encoder
    config = {**encoder.config.to_dict(), "newsurge_pooling": network.pooling}
    (directory / CONFIG).write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=2))


def to_onnx(network: TwoHeads, file: Path) -> None:
    """Writes the network in fp32, batch and length dynamic."""
    # Two rows of unlike length: a trace of one row would take the batch size for a constant.
    ids = torch.ones((2, 9), dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[0, 5:] = 0
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    shape = {0: batch, 1: length}
    torch.onnx.export(
        _Served(network.float().cpu().eval()),
        (ids, mask),
        file,
        dynamo=True,
        opset_version=OPSET,
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_shapes=(shape, shape),
        external_data=False,
        verbose=False,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporters' progress, which says nothing to the person who trains."""
    logging.getLogger("nncf").setLevel(logging.ERROR)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
