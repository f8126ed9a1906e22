"""`python -m training.toy DIR`: a whole training in small, which takes seconds and no download.

Writes 200 invented headlines of fictional companies, a recipe, and a random encoder of two layers.
All of it is the same on every machine, byte for byte. It shows how training works and what it
keeps; the model is of no other use.
"""

from __future__ import annotations

import csv
import itertools
import random
from pathlib import Path
from typing import Any

import click
import yaml

from monitor.model.bundle import WEIGHTS, digest

ROWS = 200
TOPICS = ("Earnings", "Dividend", "Legal and Regulation")
_COMPANIES = (
    *("Oake", "Tarnhill", "Quillbank", "Marrowgate", "Pellbridge", "Stonewick"),
    *("Larkfen", "Bramholt", "Fennimore", "Dunvale"),
)
_SUBJECTS = {
    "Earnings": ("quarterly profit", "annual earnings", "full year results"),
    "Dividend": ("dividend", "shareholder payout"),
    "Legal and Regulation": ("court ruling", "regulator probe"),
}
_VERBS = {
    "negative": ("slumps as {} disappoints", "warns on {}", "suffers blow from {}"),
    "neutral": ("schedules news on {}", "to discuss {}", "reports {} as expected"),
    "positive": ("soars on strong {}", "cheers {}", "gains after {}"),
}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_BOTH = 6  # one row in so many is of two topics
_HIDDEN, _LAYERS, _POSITIONS = 32, 2, 64


def rows() -> list[dict[str, str]]:
    """Returns the headlines, each with `topic`, `topics` and `sentiment`; a few lack a label.

    `topics` has every topic of a text, with a bar between them, and `topic` the first one.
    """
    chance = random.Random(0)
    subjects = [(topic, subject) for topic, told in _SUBJECTS.items() for subject in told]
    verbs = [(sentiment, verb) for sentiment, told in _VERBS.items() for verb in told]
    every = list(itertools.product(_COMPANIES, subjects, verbs))
    made = []
    for number, (company, (topic, subject), (sentiment, verb)) in enumerate(
        chance.sample(every, ROWS)
    ):
        topics = [topic]
        text = f"{company} {verb.format(subject)}"
        if number % _BOTH == 0:
            other, further = chance.choice([each for each in subjects if each[0] != topic])
            topics.append(other)
            text += f" and {further}"
        has_topic, has_sentiment = number % 10 != 3, number % 10 != 7
        made.append(
            {
                "text": text,
                "topic": topic if has_topic else "",
                "topics": "|".join(topics) if has_topic else "",
                "sentiment": sentiment if has_sentiment else "",
            }
        )
    return made


def recipe(encoder: str, sha256: str) -> dict[str, Any]:
    """Returns the recipe's keys for an encoder in directory `encoder`."""
    return {
        "name": "toy",
        "version": "1",
        "description": "Invented headlines and a random encoder: an example, not a model.",
        "max_length": 32,
        "base": {"id": "newsurge/toy", "license": "Apache-2.0", "sha256": sha256, "path": encoder},
        "topics": list(TOPICS),
        "feeds": [
            {
                "name": "toy",
                "source": "invented by training/toy.py",
                "license": "Apache-2.0",
                "file": "rows.csv",
                "topic": {"column": "topic"},
                "sentiment": {"column": "sentiment"},
            }
        ],
        # Every headline has relatives that differ in the company alone.
        "hygiene": {"near": 1.0},
        "hyper": {
            "seed": 3,
            "epochs": 5,
            "batch_size": 16,
            "learning_rate": 5e-3,
            "head_learning_rate": 1e-2,
            "dev_share": 0.2,
            "bf16": False,
            "checkpoint_steps": 5,
        },
        "tune": {
            "trials": 4,
            "space": {
                "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
                "label_smoothing": [0.0, 0.05, 0.1],
            },
        },
    }


def make(directory: Path) -> Path:
    """Writes the toy into `directory` and returns the recipe's path."""
    directory.mkdir(parents=True, exist_ok=True)
    told = rows()
    with (directory / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(told[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(told)
    words = {word for row in told for word in row["text"].lower().split()}
    sha256 = make_encoder(directory / "encoder", sorted(words))
    file = directory / "recipe.yaml"
    content = yaml.safe_dump(recipe("encoder", sha256), sort_keys=False, allow_unicode=True)
    file.write_text(content, encoding="utf-8")
    return file


def make_encoder(directory: Path, words: list[str]) -> str:
    """Writes a random BERT that knows `words`, and returns the digest of its weights.

    The weights are drawn as whole numbers and divided by a power of two, so no machine rounds
    them otherwise.
    """
    import numpy as np
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate((*_SPECIAL, *words))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=_SPECIAL[1]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    named = dict(zip(("pad", "unk", "cls", "sep", "mask"), _SPECIAL, strict=True))
    fast: Any = PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer, **{f"{name}_token": token for name, token in named.items()}
    ).save_pretrained(directory)
    encoder = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=_HIDDEN,
            num_hidden_layers=_LAYERS,
            num_attention_heads=2,
            intermediate_size=2 * _HIDDEN,
            max_position_embeddings=_POSITIONS,
        ),
        add_pooling_layer=False,
    )
    chance = np.random.RandomState(0)
    weights = {}
    for name, weight in sorted(encoder.state_dict().items()):
        if weight.ndim < 2:
            weights[name] = weight.clone()  # ones and zeros
        else:
            drawn = chance.randint(-256, 257, weight.shape) / 4096
            weights[name] = torch.from_numpy(drawn).to(weight.dtype)
    encoder.config.save_pretrained(directory)
    save_file(weights, directory / WEIGHTS, metadata={"format": "pt"})
    return digest(directory / WEIGHTS)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def main(directory: Path) -> None:
    """Write the toy's rows, recipe and encoder into DIRECTORY."""
    file = make(directory)
    click.echo(f"newsurge train {file} --data {directory} -o {directory / 'bundle'}")


if __name__ == "__main__":
    main()
