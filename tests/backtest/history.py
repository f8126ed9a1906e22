"""Small histories for the tests of backtests: scored records, raw news, rules; all invented."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from monitor.backtest.running import Options
from monitor.model.signature import sign
from monitor.records import NewsItem, Origin, ScoredRecord, Sentiment, Series, encode

START = 1_759_924_800_000  # 2025-10-08 12:00 UTC
MINUTE = 60_000
BANKING = Series("topic", "Banking")
ENERGY = Series("topic", "Energy")
MANY = """\
rules:
  - alert: Many
    type: threshold
    by: topic
    window: 10m
    when: negative_count >= 3
"""
SURGE = """\
rules:
  - alert: Surge
    type: surge
    by: topic
    factor: 3
    false_alarms: 1 per 30d
    min_support: 4
"""


def scored(
    number: int, minutes: float, series: Series = BANKING, *, negative: float = 0.9, **fields: Any
) -> ScoredRecord:
    """A record that arrived so many minutes after the start, with a story of its own."""
    time = START + round(minutes * MINUTE)
    title = f"story {number} " + " ".join(f"{word}{number}" for word in ("bank", "loss", "run"))
    given = {
        "item": NewsItem(id=f"n{number}", title=title, source="Wire"),
        "event_time": time,
        "ingest_time": time,
        "origin": Origin(0, number),
        "model": "m1",
        **fields,
    }
    sentiment = Sentiment(negative, 1 - negative, 0.0)
    return ScoredRecord(
        by=series.by, key=series.key, topic=series.key, topic_probability=0.9,
        sentiment=sentiment, score=sentiment.score, signature=sign(title), **given,
    )  # fmt: skip


def write_lines(path: Path, records: Sequence[msgspec.Struct | bytes]) -> Path:
    lines = [one if isinstance(one, bytes) else encode(one) for one in records]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def write_rules(tmp_path: Path, text: str = MANY, name: str = "rules.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def options(tmp_path: Path, *rules: Path, **fields: Any) -> Options:
    given = {"with_curve": False, "cache": tmp_path / "scores", **fields}
    return Options(rules=rules or (write_rules(tmp_path),), **given)
