"""The toy world of the training tests: invented headlines of fictional companies, and a recipe."""

import csv
import itertools
from pathlib import Path
from typing import Any

from monitor.model.bundle import digest
from training.recipe import Recipe, load_recipe

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


def toy_recipe(encoder: Path | None = None) -> dict[str, Any]:
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
                    "classes": {"0": "negative", "1": "positive", "2": "neutral"},
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


def changed(data: Path, **hyper: Any) -> Recipe:
    """The recipe of `training.toy`, which lies in `data`, fitted otherwise."""
    content = load_recipe(data / "recipe.yaml").model_dump(mode="json")
    content["hyper"].update(hyper)
    return Recipe.model_validate(content)


def multi(data: Path, **hyper: Any) -> Recipe:
    """The same with several topics a text."""
    content = changed(data, **hyper).model_dump(mode="json")
    content["topic_mode"] = "multi"
    content["feeds"][0]["topic"] = {"column": "topics", "separator": "|"}
    return Recipe.model_validate(content)
