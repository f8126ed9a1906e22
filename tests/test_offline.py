"""`newsurge score`: the file comes back whole, with the model's judgement beside each row."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from monitor.errors import FeedError
from monitor.model.judge import Judge, load_judge
from monitor.offline import COLUMNS, FileSummary, InvalidRow, score_command, score_file
from monitor.settings import Settings
from tests.model.tiny_bundle import tiny_bundle

MAX = 262_144
RUN = "Depositors run on Halden bank"
GERMAN = "Nordhafen Bank streicht 400 Stellen nach Verlust"


@pytest.fixture(scope="module")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny").path


@pytest.fixture(scope="module")
def judge(bundle_path: Path) -> Judge:
    from monitor.model.bundle import load_bundle

    return load_judge(load_bundle(bundle_path), Settings())


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_keeps_its_columns_and_gets_the_judgement(tmp_path: Path, judge: Judge) -> None:
    source, output = tmp_path / "news.csv", tmp_path / "scored.csv"
    source.write_text(f'label,text\n0,"{RUN}, again"\n7,{GERMAN}\n2,$HLDN\n1,\n', encoding="utf-8")
    summary = score_file(source, output, judge, max_record_bytes=MAX)
    assert summary == FileSummary(judged=1, unjudged=2, invalid=1)
    first, german, short, empty = read_csv(output)
    assert list(first) == ["label", "text", *COLUMNS]
    assert (first["label"], first["text"]) == ("0", f"{RUN}, again")
    assert first["topic"] == "Financials"
    assert float(first["topic_probability"]) > 0.9
    shares = [float(first[name]) for name in ("negative", "neutral", "positive")]
    assert sum(shares) == pytest.approx(1, abs=1e-9)
    assert float(first["score"]) == pytest.approx(shares[2] - shares[0], abs=1e-6)
    assert first["unjudged"] == ""
    assert (german["topic"], german["neutral"], german["unjudged"]) == ("none", "1.0", "language")
    assert short["unjudged"] == "too_short"
    assert (empty["label"], empty["topic"], empty["unjudged"]) == ("1", "", "invalid: empty_title")


def test_jsonl_keeps_its_fields_and_invalid_lines_their_place(tmp_path: Path, judge: Judge) -> None:
    source, output = tmp_path / "news.jsonl", tmp_path / "scored.jsonl"
    lines = [
        json.dumps({"title": RUN, "desk": {"city": "Genève"}}).encode(),
        b"{broken",
        b'{"body": "no title"}',
        b'{"title": "caf\xe9"}',
        json.dumps({"title": "oil rises"}).encode(),
    ]
    source.write_bytes(b"\n".join(lines) + b"\n")
    reported: list[InvalidRow] = []
    progress: list[int] = []
    summary = score_file(
        source,
        output,
        judge,
        max_record_bytes=MAX,
        report=reported.append,
        progress=progress.append,
    )
    assert summary == FileSummary(judged=2, unjudged=0, invalid=3)
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert rows[0]["desk"] == {"city": "Genève"}
    assert rows[0]["topic"] == "Financials"
    assert rows[1]["line"] == "{broken"
    assert rows[1]["unjudged"] == "invalid: malformed_json"
    assert rows[1]["negative"] is None
    assert rows[2]["body"] == "no title"
    assert rows[4]["topic"] == "Energy and Oil"
    assert [(row.line, row.reason) for row in reported] == [
        (2, "malformed_json"),
        (3, "missing_title"),
        (4, "invalid_utf8"),
    ]
    assert progress == [5]


def test_scoring_a_scored_file_again_does_not_double_its_columns(
    tmp_path: Path, judge: Judge
) -> None:
    first, second, third = (tmp_path / f"{number}.csv" for number in range(3))
    first.write_text(f"text,label\n{RUN},0\n", encoding="utf-8")
    score_file(first, second, judge, max_record_bytes=MAX)
    score_file(second, third, judge, max_record_bytes=MAX)
    assert second.read_bytes() == third.read_bytes()


def test_more_rows_than_a_chunk_in_their_order(tmp_path: Path, judge: Judge) -> None:
    source, output = tmp_path / "news.csv", tmp_path / "scored.csv"
    titles = [("oil rises" if n % 3 else RUN) + f" {n}" for n in range(1300)]
    source.write_text("text\n" + "\n".join(titles), encoding="utf-8")
    done: list[int] = []
    score_file(source, output, judge, max_record_bytes=MAX, progress=done.append)
    rows = read_csv(output)
    assert [row["text"] for row in rows] == titles
    assert [row["topic"] for row in rows] == [
        "Energy and Oil" if n % 3 else "Financials" for n in range(1300)
    ]
    assert done == [512, 1024, 1300]


def test_a_row_is_as_large_as_in_the_daemon(tmp_path: Path, judge: Judge) -> None:
    source, output = tmp_path / "news.jsonl", tmp_path / "scored.jsonl"
    source.write_text(json.dumps({"title": "oil " * 500}) + "\n", encoding="utf-8")
    assert score_file(source, output, judge, max_record_bytes=1024).invalid == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("news.csv", "would overwrite the input"),
        ("out.jsonl", "has the input's format"),
        ("none/out.csv", "can't be written"),
    ],
)
def test_outputs_that_can_not_be(tmp_path: Path, judge: Judge, name: str, message: str) -> None:
    source = tmp_path / "news.csv"
    source.write_text("text\noil rises\n", encoding="utf-8")
    with pytest.raises(FeedError, match=message):
        score_file(source, tmp_path / name, judge, max_record_bytes=MAX)
    assert source.read_text(encoding="utf-8") == "text\noil rises\n"


def test_the_command_reports_invalid_rows_as_inert_text(
    tmp_path: Path, bundle_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "news.jsonl"
    source.write_bytes(b'{"title": 3}\n{"title": "x", "published_at": "\x1b[31m\\u001b[2Jsoon"}\n')
    settings = Settings(model={"bundle": bundle_path})
    score_command(source, Path("-"), settings)
    out, err = capfd.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["unjudged"] for row in rows] == ["invalid: wrong_type", "invalid: malformed_json"]
    assert "line 1: wrong_type" in err
    assert "line 2: malformed_json" in err
    assert "scored 0 rows; 0 not judged, 2 invalid" in err
    assert "\x1b" not in err
    assert os.linesep in err
