"""`newsurge review export` from a file: what Label Studio is given, and what is refused."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.errors import FeedError
from monitor.model.signature import sign
from monitor.records import NewsItem, Origin, ScoredRecord, Sentiment, encode
from monitor.review.gathering import Newest
from monitor.review.label_studio import labelling_config
from tests.model.tiny_bundle import tiny_bundle
from tests.review.test_choosing import candidate

EVIL = "Halden bank <script>alert(1)</script> collapse \x1b[31m \u202egains"


def record(number: int, title: str, *, by: Any = "all", negative: float = 0.4) -> bytes:
    item = NewsItem(f"n{number}", title, 1_767_225_600_000, source="Wire", url="https://x.test/")
    rest = (1 - negative) / 2
    return encode(
        ScoredRecord(
            by, "", item, number, number, "Financials", 0.5, Sentiment(negative, rest, rest),
            0.0, sign(title), "a", Origin(0, number),
        )
    )  # fmt: skip


def export(tmp_path: Path, lines: list[bytes], *options: str | Path) -> tuple[Result, list[Any]]:
    (tmp_path / "scored.jsonl").write_bytes(b"\n".join(lines))
    out = tmp_path / "review.json"
    words = ["review", "export", "-o", out, "--from", tmp_path / "scored.jsonl", *options]
    done = CliRunner().invoke(cli, [str(word) for word in words])
    return done, json.loads(out.read_bytes()) if out.exists() else []


def test_tasks_hold_the_text_and_why_it_was_chosen_and_no_answer(tmp_path: Path) -> None:
    lines = [record(1, "Oake oil holds"), record(1, "Oake oil holds", by="topic")]
    done, tasks = export(tmp_path, lines)
    assert done.exit_code == 0, done.output
    assert "1 of 1 items (1 uncertain)" in done.output
    assert tasks == [
        {
            "data": {
                "text": "Oake oil holds", "id": "n1", "source": "Wire", "url": "https://x.test/",
                "language": "", "why": "uncertain", "model": "a",
                "published_at": "2026-01-01T00:00:00+00:00",
            }
        }
    ]  # fmt: skip


def test_suggestions_come_only_when_asked_for(tmp_path: Path) -> None:
    _, [one] = export(tmp_path, [record(1, "Oake oil holds", negative=0.8)], "--suggest")
    (prediction,) = one["predictions"]
    assert [each["value"]["choices"] for each in prediction["result"]] == [
        ["negative"],
        ["Financials"],
    ]


def test_the_second_model_is_asked(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "b", version="b", swapped=True)
    lines = [
        record(1, "Halden bank collapse", negative=0.9),
        record(2, "Tarnhill bank gains upon news", negative=0.9),
    ]
    done, tasks = export(tmp_path, lines, "--shadow", bundle.path)
    assert done.exit_code == 0, done.output
    assert {one["data"]["id"]: one["data"]["why"] for one in tasks} == {
        "n1": "disputed, uncertain",
        "n2": "uncertain",
    }


def test_rows_of_newsurge_score_are_taken_and_bad_lines_told(tmp_path: Path) -> None:
    row = {
        "title": "Oake oil holds", "topic": "Energy and Oil", "topic_probability": 0.5,
        "negative": 0.3, "neutral": 0.4, "positive": 0.3, "score": 0, "unjudged": None,
    }  # fmt: skip
    lines = [msgspec.json.encode(row), b"{", b"\xff", record(7, "Halden bank meets")]
    done, tasks = export(tmp_path, lines)
    assert "2 lines are no scored items" in done.output
    assert {one["data"]["text"] for one in tasks} == {"Oake oil holds", "Halden bank meets"}
    done, _ = export(tmp_path, [b"{"])
    assert isinstance(done.exception, FeedError)


def test_what_was_exported_before_is_left_out(tmp_path: Path) -> None:
    lines = [record(1, "Oake oil holds its ground"), record(2, "Halden bank meets again")]
    _, first = export(tmp_path, lines, "--most", "1")
    (tmp_path / "review.json").rename(tmp_path / "before.json")
    _, second = export(tmp_path, lines, "--without", tmp_path / "before.json")
    assert {one["data"]["id"] for one in first + second} == {"n1", "n2"}
    assert len(second) == 1


def test_untrusted_text_stays_text(tmp_path: Path) -> None:
    _, [one] = export(tmp_path, [record(1, EVIL)])
    assert "\x1b" not in one["data"]["text"]
    assert "<script>" in one["data"]["text"]  # shown by a Text tag, which takes no markup


def test_the_configuration_is_xml_with_the_topics(tmp_path: Path) -> None:
    root = ET.fromstring(labelling_config(['Oil & "Gas"', "<Banks>"]))  # noqa: S314 - our own
    choices = {one.get("name"): [c.get("value") for c in one] for one in root.iter("Choices")}
    assert choices["topic"] == ['Oil & "Gas"', "<Banks>"]
    file = tmp_path / "config.xml"
    done, _ = export(tmp_path, [record(1, "Oake oil holds")], "--config", file)
    assert done.exit_code == 0, done.output
    ET.fromstring(file.read_text())  # noqa: S314 - our own


def test_several_topics_a_text_may_be_chosen_where_the_model_says_several() -> None:
    root = ET.fromstring(labelling_config(["Oil", "Banks"], several=True))  # noqa: S314 - our own
    kinds = {one.get("name"): one.get("choice") for one in root.iter("Choices")}
    assert kinds == {"sentiment": "single", "topic": "multiple"}


def test_what_a_hostile_file_holds_costs_itself_alone(tmp_path: Path) -> None:
    far = record(1, "Oake oil holds").replace(b"1767225600000", b"100000000000000000")
    deep = b'{"title":' + b"[" * 100_000
    done, tasks = export(tmp_path, [far, deep, record(2, "Halden bank meets")])
    assert done.exit_code == 0, done.output
    assert "1 lines are no scored items" in done.output
    assert {one["data"]["id"]: "published_at" in one["data"] for one in tasks} == {
        "n1": False,
        "n2": True,
    }


def test_a_configuration_that_can_not_be_written_is_told_in_a_line(tmp_path: Path) -> None:
    done, _ = export(tmp_path, [record(1, "Oake oil holds")], "--config", tmp_path / "no" / "c.xml")
    assert isinstance(done.exception, FeedError)


@pytest.mark.parametrize("count", [0, 5, 19, 20, 57])
def test_memory_is_bounded_and_the_newest_are_kept(count: int) -> None:
    newest = Newest(10)
    for number in range(count):
        newest.add(number, candidate(number))
        assert len(newest._found) < 20
    assert [one.time for one in newest.items()] == list(range(max(0, count - 10), count))
