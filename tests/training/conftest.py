"""A toy: invented headlines in two feeds, a tiny random encoder, and a recipe that joins them."""

import csv
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

COMPANIES = ("Oake", "Tarnhill", "Quillbank", "Marrowgate", "Pellbridge", "Stonewick", "Larkfen")
TOPICS = ("Earnings", "Dividend", "Legal and Regulation")
VERDICTS = {
    "negative": ("misses", "slumps as {} disappoints", "warns on"),
    "neutral": ("reports", "schedules", "to discuss"),
    "positive": ("beats forecasts on", "soars on", "cheers"),
}
SUBJECTS = {
    "Earnings": ("quarterly profit", "annual earnings"),
    "Dividend": ("dividend", "shareholder payout"),
    "Legal and Regulation": ("court ruling", "regulator probe"),
}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def headlines() -> list[tuple[str, str, str]]:
    """Every (headline, topic, sentiment) of the toy world, in a fixed order."""
    found = []
    for company, topic, (sentiment, verbs) in itertools.product(
        COMPANIES, TOPICS, VERDICTS.items()
    ):
        for verb, subject in itertools.product(verbs, SUBJECTS[topic]):
            told = verb.format(subject) if "{}" in verb else f"{verb} {subject}"
            found.append((f"{company} {told}", topic, sentiment))
    return found


def write_csv(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


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
    PreTrainedTokenizerFast(
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
    write_csv(
        folder / "sentiment.csv",
        [{"text": text, "label": numbers[sentiment]} for text, _, sentiment in rows[::2]],
    )
    import msgspec

    (folder / "topic.jsonl").write_bytes(
        b"\n".join(
            msgspec.json.encode({"headline": text, "class": topic}) for text, topic, _ in rows[1::2]
        )
    )
    write_csv(
        folder / "held_out.csv",
        [{"text": t, "topic": topic, "sentiment": s} for t, topic, s in held_out],
    )
    return folder


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., Path]:
    """Writes the toy recipe, with changes to its keys, and returns its path."""

    def write(**changes: Any) -> Path:
        file = tmp_path / "recipe.yaml"
        file.write_text(yaml.safe_dump({**toy_recipe(), **changes}), encoding="utf-8")
        return file

    return write


def toy_recipe(encoder: Path | None = None) -> dict[str, Any]:
    from monitor.model.bundle import digest

    base: dict[str, Any] = {"id": "toy/encoder", "license": "MIT", "sha256": "0" * 64}
    if encoder is not None:
        sha256 = digest(encoder / "model.safetensors")
        base.update(path=str(encoder), sha256=sha256)
    made = {"source": "invented", "license": "MIT"}
    return {
        "name": "toy",
        "version": "1",
        "base": base,
        "max_length": 32,
        "topics": list(TOPICS),
        "feeds": [
            {
                **made,
                "name": "toy-sentiment",
                "file": "sentiment.csv",
                "sentiment": {
                    "column": "label",
                    "classes": {0: "negative", 1: "positive", 2: "neutral"},
                },
            },
            {
                **made,
                "name": "toy-topic",
                "file": "topic.jsonl",
                "format": "jsonl",
                "text_column": "headline",
                "topic": {"column": "class"},
            },
        ],
        "holdouts": [{"file": "held_out.csv"}],
        "hyper": {
            "seed": 3,
            "epochs": 12,
            "batch_size": 16,
            "learning_rate": 5e-3,
            "head_learning_rate": 1e-2,
            "dev_share": 0.15,
            "bf16": False,
        },
    }
