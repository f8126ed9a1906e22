"""A bundle of a few kilobytes whose judgement a test can predict, for tests that need no model.

Each word of `TOPIC_WORDS` and `SENTIMENT_WORDS` speaks for its class; the network adds up the
words of a text, in fp32-exact steps, so batch mates and padding change nothing. Words that are in
no list say nothing: a text of them has no probable topic and is neutral.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from monitor.model.bundle import (
    ONNX,
    SENTIMENTS,
    TOKENIZER,
    BaseModel,
    Bundle,
    BundleMeta,
    Temperatures,
    digests,
    load_bundle,
    write_meta,
)

TOPIC_WORDS = {
    "Financials": "bank banks lender insurer broker deposits depositors withdrawals branches",
    "Energy and Oil": "oil gas crude barrel refinery pipeline opec drilling power wind",
    "Earnings": "earnings profit quarter results revenue eps guidance beats misses forecast",
    "Macro": "inflation gdp jobs unemployment rates economy consumer exports index growth",
    "Legal and Regulation": "court lawsuit regulator fine judge settlement probe ruling law",
}
SENTIMENT_WORDS = {
    "negative": (
        "collapse collapses run fraud default defaults bankrupt bankruptcy insolvent losses loss "
        "plunge plunges crash fails failure panic freeze freezes halts suspends downgrade misses"
    ),
    "neutral": "holds meets names schedules publishes unchanged",
    "positive": "record beats surges soars gains wins upgrade strong rises growth profit expands",
}
TOPICS = tuple(TOPIC_WORDS)
_UNKNOWN, _PAD = "[UNK]", "[PAD]"
# A word's say; the words of a text add up. One word of a topic against none of the other four
# makes it e^4 / (e^4 + 4) = 0.93 probable; no word at all makes each 0.2, below any threshold.
_SAY = 4.0
_NEUTRAL_BIAS = 2.0  # a text without any such word is neutral: 0.79


def tiny_bundle(
    directory: Path,
    *,
    version: str = "tiny-1",
    topics: tuple[str, ...] = TOPICS,
    languages: tuple[str, ...] = ("en",),
    minimum_words: int = 2,
    max_length: int = 64,
    swapped: bool = False,
    bias: float = _NEUTRAL_BIAS,
) -> Bundle:
    """Write the bundle into `directory`, which is made, and load it.

    Args:
        directory: where; its parent must exist.
        version: the bundle's version.
        topics: which of `TOPICS` the model knows, in this order.
        languages: the languages it is said to judge.
        minimum_words: shorter texts are not judged.
        max_length: tokens that it reads of a text.
        swapped: positive and negative words change sides: a model that judges otherwise.
        bias: how neutral a text without any such word is; NaN makes all its sentiments none.
    """
    directory.mkdir(exist_ok=True)
    vocabulary = _vocabulary()
    _tokenizer(vocabulary).save(str(directory / TOKENIZER))
    sides = {"negative": "positive", "positive": "negative"} if swapped else {}
    sentiments = {name: SENTIMENT_WORDS[sides.get(name, name)] for name in SENTIMENTS}
    network = _network(
        _table(vocabulary, {name: TOPIC_WORDS[name] for name in topics}),
        _table(vocabulary, sentiments),
        bias,
    )
    (directory / ONNX).write_bytes(network.SerializeToString())
    meta = BundleMeta(
        name="tiny",
        version=version,
        created_at="2026-01-01T00:00:00Z",
        topics=topics,
        temperatures=Temperatures(),
        max_length=max_length,
        languages=languages,
        minimum_words=minimum_words,
        base_model=BaseModel(id="none", sha256="0" * 64, license="Apache-2.0"),
        training_data=(),
        recipe={},
        metrics={},
        files=digests(directory),
    )
    write_meta(directory, meta)
    return load_bundle(directory)


def _vocabulary() -> dict[str, int]:
    lists = (*TOPIC_WORDS.values(), *SENTIMENT_WORDS.values())
    words = dict.fromkeys(word for words in lists for word in words.split())
    return {word: index for index, word in enumerate((_PAD, _UNKNOWN, *words))}


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def _table(vocabulary: dict[str, int], classes: dict[str, str]) -> np.ndarray:
    table = np.zeros((len(vocabulary), len(classes)), dtype=np.float32)
    for column, words in enumerate(classes.values()):
        for word in words.split():
            table[vocabulary[word], column] = _SAY
    return table


def _network(topic: np.ndarray, sentiment: np.ndarray, bias: float) -> onnx.ModelProto:
    """Sum of the words' rows under the mask, for each head: an embedding bag."""
    constants = {
        "topic_table": topic,
        "sentiment_table": sentiment,
        "topic_bias": np.zeros(topic.shape[1], dtype=np.float32),
        "sentiment_bias": np.array([0, bias, 0], dtype=np.float32),
        "last": np.array([2], dtype=np.int64),
        "words": np.array([1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
    ]
    for head in ("topic", "sentiment"):
        nodes += [
            helper.make_node("Gather", [f"{head}_table", "input_ids"], [f"{head}_rows"]),
            helper.make_node("Mul", [f"{head}_rows", "column"], [f"{head}_kept"]),
            helper.make_node("ReduceSum", [f"{head}_kept", "words"], [f"{head}_sum"], keepdims=0),
            helper.make_node("Add", [f"{head}_sum", f"{head}_bias"], [f"{head}_logits"]),
        ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info(f"{head}_logits", TensorProto.FLOAT, ["batch", width])
            for head, width in (("topic", topic.shape[1]), ("sentiment", sentiment.shape[1]))
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
