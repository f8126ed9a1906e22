"""Fixtures of the training tests: a tiny random encoder, toy feeds, and a recipe for both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from monitor.model.bundle import Bundle
from tests.training.toy_world import SPECIAL, headlines, multi, toy_recipe, write_csv


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights, and a tokenizer that knows the toy's words."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'newsurge[train]'")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    words = sorted({word for text, *_ in headlines() for word in text.lower().split()})
    vocabulary = {word: index for index, word in enumerate((*SPECIAL, *words))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers is untyped
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two feeds: numbered sentiments in a CSV, named topics in JSONL; and a held-out file."""
    folder = tmp_path_factory.mktemp("feeds")
    numbers = {"negative": 0, "positive": 1, "neutral": 2}
    rows = headlines()
    held_out = rows[::9]
    # Neighbours differ in their subject alone: pairs are dealt out, so that each feed has both.
    sentiments = [row for index, row in enumerate(rows) if index // 2 % 2 == 0]
    topics = [row for index, row in enumerate(rows) if index // 2 % 2 == 1]
    write_csv(
        folder / "sentiment.csv",
        [{"text": text, "label": numbers[sentiment]} for text, _, sentiment in sentiments],
    )
    (folder / "topic.jsonl").write_bytes(
        b"\n".join(
            msgspec.json.encode({"headline": text, "class": topic}) for text, topic, _ in topics
        )
    )
    write_csv(
        folder / "held_out.csv",
        [{"text": t, "topic": topic, "sentiment": s} for t, topic, s in held_out],
    )
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m training.toy` writes: rows, a recipe, and a random encoder."""
    pytest.importorskip("torch", reason="needs torch: pip install 'newsurge[train]'")
    from training import toy

    directory = tmp_path_factory.mktemp("toy")
    toy.make(directory)
    return directory


@pytest.fixture(scope="session")
def several(data: Path) -> Bundle:
    """A bundle of several topics a text, trained on that toy."""
    from training import pipeline

    recipe = multi(data, class_weights="sqrt", epochs=8)
    return pipeline.train(recipe, data, data / "several", say=print)


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., Path]:
    """Writes the toy recipe, with changes to its keys, and returns its path."""

    def write(**changes: Any) -> Path:
        file = tmp_path / "recipe.yaml"
        file.write_text(yaml.safe_dump({**toy_recipe(), **changes}), encoding="utf-8")
        return file

    return write
