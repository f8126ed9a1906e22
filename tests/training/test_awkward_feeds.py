"""Files as desks have them: what other programs write, what YAML makes of it, what is broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FeedError
from monitor.yaml_file import read_yaml_file
from training.cells import read_time
from training.feeds import FeedReport, Row, read_feed
from training.recipe import RecipeError
from training.recipe_data import Feed
from training.sources.opening import format_of

TOPICS = ("Dividend", "Earnings")
OAKE, TARN = "Oake falls", "Tarn rises"


def read(file: Path, **changes: Any) -> tuple[list[Row], FeedReport]:
    plain: dict[str, Any] = {
        "name": "desk",
        "source": "invented",
        "license": "MIT",
        "file": file.name,
        "format": format_of(file.name),
        "sentiment": {"column": "label"},
    }
    return read_feed(Feed.model_validate({**plain, **changes}), TOPICS, file.parent)


def labels(rows: list[Row]) -> list[tuple[str, int]]:
    return [(row.text, row.sentiment) for row in rows]


def put(file: Path, content: bytes | str) -> Path:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def table(file: Path, names: list[str], *columns: Any) -> Path:
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'newsurge[train]'")
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_arrays(list(map(pa.array, columns)), names=names), file)
    return file


@pytest.mark.parametrize("cells", ["yes no", "on off", "true false", "True False", "1 0"])
def test_words_of_yaml_name_classes_without_quotes(tmp_path: Path, cells: str) -> None:
    bad, good = cells.split()
    file = put(tmp_path / "f.csv", f"text,label\n{OAKE},{bad}\n{TARN},{good}\n")
    recipe = put(
        tmp_path / "r.yaml", f"{{column: label, classes: {{{bad}: negative, {good}: neutral}}}}"
    )
    rows, _ = read(file, sentiment=read_yaml_file(recipe, RecipeError).content)
    assert labels(rows) == [(OAKE, 0), (TARN, 1)]


def test_truth_values_are_spelt_as_in_json(tmp_path: Path) -> None:
    classes = {"true": "negative", "false": "positive"}
    lines = put(tmp_path / "f.jsonl", f'{{"text": "{OAKE}", "label": true}}\n')
    columns = table(tmp_path / "f.parquet", ["text", "label"], [OAKE, TARN], [True, False])
    assert labels(read(lines, sentiment={"column": "label", "classes": classes})[0]) == [(OAKE, 0)]
    rows, _ = read(columns, sentiment={"column": "label", "classes": classes})
    assert labels(rows) == [(OAKE, 0), (TARN, 2)]


def test_whole_numbers_kept_as_fractions_have_the_class_of_the_whole_number(tmp_path: Path) -> None:
    file = table(tmp_path / "f.parquet", ["text", "label"], [OAKE, TARN], [1.0, None])
    rows, report = read(file, sentiment={"column": "label", "classes": {"1": "negative"}})
    assert labels(rows) == [(OAKE, 0)]
    assert report.dropped == {"no label": 1}


def test_an_unknown_number_is_told_as_the_recipe_must_write_it(tmp_path: Path) -> None:
    file = table(tmp_path / "f.parquet", ["text", "label"], [OAKE], [7.0])
    with pytest.raises(FeedError, match="row 1, column 'label': '7'"):
        read(file)


def test_texts_that_parquet_keeps_as_bytes_are_read_as_text(tmp_path: Path) -> None:
    file = table(tmp_path / "f.parquet", ["text", "label"], [OAKE.encode()], [b"negative"])
    assert labels(read(file)[0]) == [(OAKE, 0)]
    other = table(tmp_path / "g.parquet", ["text", "label"], [b"O\xffake"], ["negative"])
    with pytest.raises(FeedError, match=r"g\.parquet: can't be read as Parquet \(Invalid UTF8"):
        read(other)


def test_two_columns_of_one_name_are_told_in_parquet_too(tmp_path: Path) -> None:
    names = ["text", "label", "text"]
    file = table(tmp_path / "f.parquet", names, [OAKE], ["negative"], [TARN])
    with pytest.raises(FeedError, match=r"f\.parquet: two columns are called 'text'"):
        read(file)


def test_what_is_no_text_is_counted_and_not_learned(tmp_path: Path) -> None:
    rows = [[OAKE], {"en": OAKE}, OAKE]
    file = put(tmp_path / "f.json", json.dumps([{"text": t, "label": "negative"} for t in rows]))
    kept, report = read(file)
    assert labels(kept) == [(OAKE, 0)]
    assert report.dropped == {"text is a list or an object": 2}
    assert report.first["text is a list or an object"].startswith("element 1, column 'text'")


@pytest.mark.parametrize("name", ["f.jsonl", "f.json"])
def test_json_without_end_is_told(tmp_path: Path, name: str) -> None:
    row = f'{{"text": "{OAKE}", "label": {"[" * 100_000}{"]" * 100_000}}}'
    file = put(tmp_path / name, f"[{row}]" if name == "f.json" else row)
    with pytest.raises(FeedError, match=r"f\.jsonl?: line 1: not "):
        read(file)


def test_utf_16_without_its_mark_is_told(tmp_path: Path) -> None:
    file = put(tmp_path / "f.csv", f"text,label\n{OAKE},negative\n".encode("utf-16-le"))
    with pytest.raises(FeedError, match=r"f\.csv: line 1: not UTF-16"):
        read(file, encoding="utf-16")
    bank = put(tmp_path / "bank.txt", f"{OAKE}@negative\n".encode("utf-16-le"))
    with pytest.raises(FeedError, match=r"bank\.txt: line 1: not UTF-16"):
        read(bank, format="phrasebank", encoding="utf-16", sentiment=None)


def test_a_lone_carriage_return_does_not_cut_a_sentence(tmp_path: Path) -> None:
    file = put(tmp_path / "bank.txt", "Oake\rfalls@negative\r\nTarn rises@positive\r\n")
    rows, report = read(file, format="phrasebank", sentiment=None)
    assert [(row.text, row.line) for row in rows] == [(OAKE, 1), (TARN, 2)]
    assert not report.dropped


@pytest.mark.parametrize(("choices", "told"), [(None, "no label"), ([["Tone", "Bad"]], "unknown")])
def test_label_studio_choices_that_are_none(tmp_path: Path, choices: Any, told: str) -> None:
    made = {"from_name": "label", "type": "choices", "value": {"choices": choices}}
    task = {"id": 1, "data": {"text": OAKE}, "annotations": [{"result": [made]}]}
    file = put(tmp_path / "f.json", json.dumps([task]))
    with pytest.raises(FeedError, match=f"not one usable row \\({told}"):
        read(file, format="label-studio")


@pytest.mark.parametrize("cell", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:00-14:00"])
def test_a_time_beyond_the_calendar_is_none(tmp_path: Path, cell: str) -> None:
    with pytest.raises(OverflowError):
        read_time(cell)
    file = put(tmp_path / "f.csv", f"text,label,at\n{OAKE},negative,{cell}\n")
    rows, report = read(file, time_column="at")
    assert rows[0].time is None
    assert report.noted == {"no readable time": 1}
