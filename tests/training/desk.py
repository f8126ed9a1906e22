"""A desk's frozen holdout, of invented headlines that the tiny bundle judges rightly."""

from __future__ import annotations

import csv
from pathlib import Path

import yaml

from monitor.model.bundle import digest
from training.gate_limits import FILE

COMPANIES = (
    "Halden",
    "Oake",
    "Tarnhill",
    "Quillbank",
    "Larkfen",
    "Stonewick",
    "Pellbridge",
    "Marrowgate",
    "Brightmoor",
)
TOPICS = {
    "Financials": "bank",
    "Energy and Oil": "oil",
    "Earnings": "earnings",
    "Macro": "inflation",
    "Legal and Regulation": "court",
}
SENTIMENTS = {"negative": "collapse", "neutral": "unchanged", "positive": "gains"}
ROWS = len(COMPANIES) * len(TOPICS) * len(SENTIMENTS)


def write_holdout(file: Path) -> Path:
    """Write the holdout, a row a headline."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "topic", "sentiment"))
        for company in COMPANIES:
            for topic, word in TOPICS.items():
                for sentiment, said in SENTIMENTS.items():
                    writer.writerow((f"{company} {word} {said}", topic, sentiment))
    return file


def write_gate(registry: Path, holdout: Path, **limits: object) -> Path:
    """Write a registry's gate file, with the holdout frozen by its digest."""
    registry.mkdir(exist_ok=True)
    gate = {
        # The tiny bundle is as sure of itself as its words make it, which is not very.
        "gate": {"max_ece": 0.2, "behaviour": {}, "resamples": 500, **limits},
        "holdouts": [
            {
                "name": "desk",
                "source": "invented",
                "license": "MIT",
                "file": str(holdout),
                "sha256": digest(holdout),
                "topic": {"column": "topic"},
                "sentiment": {"column": "sentiment"},
            }
        ],
    }
    file = registry / FILE
    file.write_text(yaml.safe_dump(gate), encoding="utf-8")
    return file
