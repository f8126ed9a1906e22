"""Tables and the model card say what the numbers say."""

import io

from rich.console import Console

from monitor.model.bundle import BaseModel, BundleMeta, Temperatures, TrainingData
from training.card import model_card
from training.commands import metrics_tables
from training.data_tables import feed_table
from training.feeds import FeedReport

HEADS = {
    "topic": {
        "rows": 1200,
        "accuracy": 0.91,
        "macro_f1": 0.88,
        "ece": 0.02,
        "classes": {"Macro": {"precision": 0.9, "recall": 0.8, "f1": 0.847, "support": 1200}},
    }
}


def shown(*tables: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(*tables)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_feed_table_names_every_reason() -> None:
    report = FeedReport("wire", read=10, kept=7)
    report.dropped.update({"duplicate": 2, "empty text": 1})
    text = shown(feed_table([report]))
    for part in ("wire", "10 read", "2 dropped: duplicate", "1 dropped: empty text", "7 used"):
        assert part in text


def test_the_metrics_table_shows_averages_and_classes() -> None:
    text = " ".join(shown(*metrics_tables("dev", HEADS)).split())
    assert "dev: topic, 1,200 rows: accuracy 0.9100, macro-F1 0.8800, ECE 0.0200" in text
    assert "0.847" in text


def test_the_card_tells_source_quality_and_limits() -> None:
    meta = BundleMeta(
        name="toy",
        version="3",
        created_at="2026-01-01T00:00:00+00:00",
        topics=("Macro", "Earnings"),
        temperatures=Temperatures(),
        max_length=64,
        languages=("en",),
        minimum_words=2,
        base_model=BaseModel("toy/encoder", "0" * 64, "Apache-2.0"),
        training_data=(TrainingData("wire", "https://wire.test", "MIT", "1" * 64, 7000),),
        recipe={"description": "A toy."},
        metrics={"dev": HEADS, "evaluations": {"wire_valid": HEADS}},
        files={},
    )
    card = model_card(meta)
    assert card.startswith("# toy 3\n\nA toy.\n")
    assert "| wire | https://wire.test | MIT | 7,000 |" in card
    assert "| wire_valid | topic | 1,200 | 0.9100 | 0.8800 | 0.0200 |" in card
    assert "## Limits" in card
