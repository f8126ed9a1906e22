"""A bundle's answers as served on a CPU: the int8 graph in OpenVINO, its own text preparation.

Exists so that what is measured is what runs. It keeps no queue, serves no stream and is not
tuned for speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.model.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.model.bundle import Bundle
    from training.metrics import Logits

BATCH = 32


def served_logits(bundle: Bundle, texts: Sequence[str]) -> tuple[Logits, Logits]:
    """Returns both heads' raw logits, [texts, topics] and [texts, sentiments], in given order."""
    import openvino as ov
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bundle.tokenizer))
    tokenizer.enable_truncation(bundle.meta.max_length)
    encoded = tokenizer.encode_batch([clean(text) for text in texts])
    model: Any = ov.Core().compile_model(str(bundle.onnx), "CPU")
    topic = np.zeros((len(texts), len(bundle.meta.topics)), dtype=np.float32)
    sentiment = np.zeros((len(texts), len(bundle.meta.sentiments)), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda index: len(encoded[index].ids))
    for start in range(0, len(texts), BATCH):
        indices = by_length[start : start + BATCH]
        longest = len(encoded[indices[-1]].ids)
        ids = np.zeros((len(indices), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, index in enumerate(indices):
            tokens = encoded[index].ids
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        result = model([ids, mask])
        topic[indices], sentiment[indices] = result["topic_logits"], result["sentiment_logits"]
    return topic, sentiment
