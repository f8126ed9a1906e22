"""Feeds: columns and classes are mapped, and every row is kept or counted under a reason."""

from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FeedError
from monitor.model.bundle import digest
from training.cells import read_label
from training.feeds import IGNORED, FeedReport, read_feed, read_held_out
from training.recipe import Feed, Holdout, Labels

TOPICS = ("Earnings", "Macro")
NUMBERED = {"0": "negative", "1": "positive", "2": "neutral"}


def feed(**changes: Any) -> Feed:
    plain: dict[str, Any] = {
        "name": "toy",
        "source": "invented",
        "license": "MIT",
        "file": "feed.csv",
        "sentiment": {"column": "label", "classes": NUMBERED},
    }
    return Feed.model_validate({**plain, **changes})


def put(folder: Path, text: str, name: str = "feed.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_rows_are_cleaned_and_mapped(tmp_path: Path) -> None:
    put(tmp_path, 'text,label\n"Oake &amp; Co falls https://t.example/a",0\nTarn steady,2\n')
    rows, report = read_feed(feed(weight=0.5), TOPICS, tmp_path)
    assert [(r.text, r.sentiment, r.topic) for r in rows] == [
        ("Oake & Co falls", 0, IGNORED),
        ("Tarn steady", 1, IGNORED),
    ]
    assert rows[0].key == "oake amp co falls"
    assert rows[0].weight == 0.5
    assert (report.read, sum(report.dropped.values())) == (2, 0)


def test_a_row_may_carry_both_labels_or_either(tmp_path: Path) -> None:
    put(tmp_path, "text,label,topic\nOake falls,0,Macro\nTarn steady,2,\nOake up,,Earnings\n")
    rows, _ = read_feed(feed(topic={"column": "topic"}), TOPICS, tmp_path)
    assert [(r.topic, r.sentiment) for r in rows] == [(1, 0), (IGNORED, 1), (0, IGNORED)]


def test_what_cannot_be_used_is_counted_by_reason(tmp_path: Path) -> None:
    put(tmp_path, 'text,label\nOake falls,0\n"",1\nhttps://t.example/a,1\nTarn,7\nTarn up,\n')
    rows, report = read_feed(feed(), TOPICS, tmp_path)
    assert len(rows) == 1
    assert report.dropped == {"empty text": 2, "unknown class": 1, "no label": 1}


def test_json_lines_with_a_missing_number(tmp_path: Path) -> None:
    put(
        tmp_path,
        '{"text":"Oake falls","label":0}\n\n{"text":"橡树银行持平","label":null}\n',
        "f.jsonl",
    )
    rows, report = read_feed(feed(file="f.jsonl", format="jsonl"), TOPICS, tmp_path)
    assert [r.sentiment for r in rows] == [0]
    assert report.dropped == {"no label": 1}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("{'Oake': 'negative', 'Tarn': 'negative'}", (0,)),
        ("{'Oake': 'positive'}", (2,)),
        ("{'Oake': 'positive', 'Tarn': 'neutral'}", "entities disagree"),
        ("{'Oake's Fund': 'neutral'}", "not a valid literal"),
        ("{}", "not a valid literal"),
        ("['neutral']", "not a valid literal"),
        ("__import__('os')", "not a valid literal"),
        ("{'Oake': 'mixed'}", "unknown class"),
    ],
)
def test_decisions_count_where_all_entities_agree(
    cell: str, expected: tuple[int, ...] | str
) -> None:
    labels = Labels(column="Decisions", format="unanimous")
    assert read_label(cell, labels, ("negative", "neutral", "positive")) == expected


def test_faults_of_a_file_name_the_file_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"feed\.csv: no such file; say with --data"):
        read_feed(feed(), TOPICS, tmp_path)
    put(tmp_path, "title,label\nOake falls,0\n")
    with pytest.raises(FeedError, match=r"no column 'text'; it has 'title', 'label'"):
        read_feed(feed(), TOPICS, tmp_path)
    put(tmp_path, "text,label\nOake falls,bearish\n")
    with pytest.raises(FeedError, match=r"line 2, column 'label': 'bearish'"):
        read_feed(feed(), TOPICS, tmp_path)
    put(tmp_path, '{"text": \n', "f.jsonl")
    with pytest.raises(FeedError, match=r"f\.jsonl: line 1: not JSONL"):
        read_feed(feed(file="f.jsonl", format="jsonl"), TOPICS, tmp_path)
    (tmp_path / "feed.csv").write_bytes(b"text,label\nO\xffake,0\n")
    with pytest.raises(FeedError, match="line 2, column 'text': not UTF-8"):
        read_feed(feed(), TOPICS, tmp_path)


def test_another_file_than_the_recipe_names_is_refused(tmp_path: Path) -> None:
    file = put(tmp_path, "text,label\nOake falls,0\n")
    rows, _ = read_feed(feed(sha256=digest(file)), TOPICS, tmp_path)
    assert len(rows) == 1
    with pytest.raises(FeedError, match="the recipe expects 000000000000"):
        read_feed(feed(sha256="0" * 64), TOPICS, tmp_path)


def test_held_out_texts_are_known_by_their_keys(tmp_path: Path) -> None:
    put(tmp_path, "text,label\nOake FALLS!,0\n,1\n")
    held_out = read_held_out(Holdout(file="feed.csv"), tmp_path)
    assert held_out.texts == {"oake falls": "Oake FALLS!"}


def test_what_a_bundle_keeps_of_a_report_quotes_no_text() -> None:
    report = FeedReport("desk", read=2)
    report.drop("empty text", "line 3, column 'text': 'sealed'")
    report.note("near-duplicate", "line 4: 'sealed'")
    assert report.counts()["dropped"] == {"empty text": 1}
    assert "sealed" not in str(report.counts())
