"""Reading files of news: bytes untouched, rows as records, errors worth reading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import FeedError
from monitor.feeds import FeedRecord, csv_columns, read_feed
from monitor.scoring.news import InvalidNewsError, decode_news

MAX = 262_144


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, content: bytes | str) -> list[FeedRecord]:
    return list(read_feed(write(path, content)))


def rows(tmp_path: Path, content: bytes | str) -> list[dict[str, object]]:
    return [json.loads(record.value) for record in read(tmp_path / "news.csv", content)]


def test_jsonl_lines_are_passed_on_byte_for_byte(tmp_path: Path) -> None:
    lines = [
        b'{ "title":"Halden Bank halts withdrawals",\t"n": 1.50 }',
        b"{broken",
        b'"a string"',
        b'{"title": "\xff\xfe not UTF-8"}',
        '{"title": "Zürich\u2028\x85 prices"}'.encode(),
    ]
    records = read(tmp_path / "news.jsonl", b"\n".join(lines))
    assert [record.value for record in records] == lines
    assert [record.line for record in records] == [1, 2, 3, 4, 5]
    assert all(record.row is None for record in records)


def test_jsonl_of_windows_with_mark_and_empty_lines(tmp_path: Path) -> None:
    records = read(
        tmp_path / "news.jsonl", b'\xef\xbb\xbf{"title": "a"}\r\n\r\n  \r\n{"title": "b"}'
    )
    assert [(record.line, record.value) for record in records] == [
        (1, b'{"title": "a"}'),
        (4, b'{"title": "b"}'),
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson", "JSONL", "csv"])
def test_an_empty_file_of_lines_has_no_records(tmp_path: Path, suffix: str) -> None:
    content = "title\n" if suffix == "csv" else ""
    assert read(tmp_path / f"news.{suffix}", content) == []


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=8))
def test_any_bytes_are_a_feed_of_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("feed") / "news.jsonl"
    expected = [line.rstrip(b"\r") for line in lines]
    if expected:
        expected[0] = expected[0].removeprefix(b"\xef\xbb\xbf")
    found = [record.value for record in read(path, b"\n".join(lines))]
    assert found == [line for line in expected if line.strip()]


@pytest.mark.parametrize("column", ["title", "Title", "headline", "text", " TEXT "])
def test_the_headline_goes_by_several_names(tmp_path: Path, column: str) -> None:
    assert rows(tmp_path, f"{column},label\nOil falls,3\n") == [
        {"title": "Oil falls", "label": "3"}
    ]


def test_an_exact_name_beats_another(tmp_path: Path) -> None:
    assert rows(tmp_path, "text,title\nthe long story,Oil falls\n") == [
        {"text": "the long story", "title": "Oil falls"}
    ]


def test_known_columns_become_fields_and_others_travel_on(tmp_path: Path) -> None:
    content = (
        "id,title,published_at,source,link,lang,summary,tickers,desk\n"
        'n1,"Oil, gas fall",2026-11-24T09:00:00Z,Wire,https://w.example/1,en,More,A; B|C,ldn\n'
        "n2,Gas rises,1764000000000,,,,,,\n"
    )
    first, second = rows(tmp_path, content)
    assert first == {
        "id": "n1",
        "title": "Oil, gas fall",
        "published_at": "2026-11-24T09:00:00Z",
        "source": "Wire",
        "url": "https://w.example/1",
        "language": "en",
        "body": "More",
        "entities": ["A", "B", "C"],
        "desk": "ldn",
    }
    assert second == {"id": "n2", "title": "Gas rises", "published_at": 1_764_000_000_000}
    item = decode_news(read(tmp_path / "news.csv", content)[0].value, MAX)
    assert item.entities == ("A", "B", "C")
    assert set(item.extra) == {"desk"}


def test_cells_with_quotes_commas_and_line_ends_and_where_they_begin(tmp_path: Path) -> None:
    content = 'title,note\r\n"Oil ""falls""","two\r\nlines"\r\n\r\nGas rises,\r\n'
    records = read(tmp_path / "news.csv", content)
    assert [record.line for record in records] == [2, 5]
    assert records[0].row == {"title": 'Oil "falls"', "note": "two\r\nlines"}
    assert records[1].row == {"title": "Gas rises", "note": ""}


def test_separators_that_are_no_line_ends_stay_in_their_cell(tmp_path: Path) -> None:
    title = "Oil\u2028falls\x85and\x0bgas\x1crises"
    assert rows(tmp_path, f"title\n{title}\n") == [{"title": title}]


def test_a_mark_at_the_beginning_is_not_part_of_the_column(tmp_path: Path) -> None:
    assert rows(tmp_path, b"\xef\xbb\xbftitle\nOil falls\n") == [{"title": "Oil falls"}]


@pytest.mark.parametrize("cell", [b"caf\xe9", b"cut off \xe2\x82"])
def test_a_row_that_is_not_utf_8_fails_as_such_a_record_does(tmp_path: Path, cell: bytes) -> None:
    good, bad = read(tmp_path / "news.csv", b"title\nOil falls\n" + cell)
    assert decode_news(good.value, MAX).title == "Oil falls"
    with pytest.raises(InvalidNewsError) as caught:
        decode_news(bad.value, MAX)
    assert caught.value.reason == "invalid_utf8"
    assert cell in bad.value


def test_a_row_without_a_title_is_for_the_dead_letters(tmp_path: Path) -> None:
    (record,) = read(tmp_path / "news.csv", "title,source\n,Wire\n")
    with pytest.raises(InvalidNewsError) as caught:
        decode_news(record.value, MAX)
    assert caught.value.reason == "empty_title"


@pytest.mark.parametrize("cell", ["--5", "9" * 5000, "²", "next Tuesday"])
def test_a_time_that_is_none_stays_as_it_is(tmp_path: Path, cell: str) -> None:
    assert rows(tmp_path, f"title,published_at\nOil falls,{cell}\n") == [
        {"title": "Oil falls", "published_at": cell}
    ]


def test_a_short_row_has_empty_cells(tmp_path: Path) -> None:
    assert rows(tmp_path, "title,source\nOil falls\n") == [{"title": "Oil falls"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("news.csv", "when,words\n1,Oil\n", r"news\.csv: no column title.*'when', 'words'"),
        ("news.csv", "", r"no column title.*columns: none"),
        ("news.csv", "title,label,label\n", "two columns have the same name"),
        ("news.csv", "title\nOil, gas fall\n", "line 2 has 2 cells, the header 1; quote"),
        ("news.csv", 'title\n"Oil" falls\n', "line 2: not valid CSV"),
        ("news.csv", 'title\nGas\n"Oil falls\n', "line 3: not valid CSV"),
        ("news.xlsx", "x", r"ends in \.jsonl, .*; rename it"),
    ],
)
def test_files_that_are_no_feed(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(FeedError, match=message) as caught:
        read(tmp_path / name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["news.jsonl", "news.csv"])
def test_a_missing_file_is_said_at_the_call(tmp_path: Path, name: str) -> None:
    with pytest.raises(FeedError, match=r"No such file or directory.*check the path"):
        read_feed(tmp_path / name)
    with pytest.raises(FeedError, match="can't be read"):
        csv_columns(tmp_path / name)


def test_a_directory_is_no_feed(tmp_path: Path) -> None:
    (tmp_path / "news.csv").mkdir()
    with pytest.raises(FeedError, match="Is a directory"):
        read_feed(tmp_path / "news.csv")


def test_files_are_closed(tmp_path: Path) -> None:
    # Warnings are errors here, so an unclosed file would fail the run.
    records = read_feed(write(tmp_path / "news.csv", "title\na\nb\n"))
    next(records)
    del records
    with pytest.raises(FeedError):
        read_feed(write(tmp_path / "bad.csv", "label\n1\n"))
