"""Every format of labelled feeds, read from an invented fixture; what is told of a broken one."""

from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FeedError
from training.feeds import IGNORED, FeedReport, Row, read_feed
from training.recipe_data import Feed, Hygiene
from training.sources.opening import format_of

FIXTURES = Path(__file__).parent / "fixtures"
TOPICS = ("Dividend", "Earnings", "Mergers", "Personnel")
TONES = {"neg": "negative", "neu": "neutral", "pos": "positive"}
CHINESE = {"负面": "negative", "中性": "neutral", "正面": "positive"}
LOSS = "Tarnhill warns of loss, cuts dividend"


def feed(file: str, **changes: Any) -> Feed:
    plain: dict[str, Any] = {
        "name": "desk",
        "source": "invented",
        "license": "MIT",
        "file": file,
        "format": format_of(file),
        "text_column": "headline",
        "sentiment": {"column": "tone", "classes": TONES},
    }
    return Feed.model_validate({**plain, **changes})


def read(file: str, *, several: bool = False, **changes: Any) -> tuple[list[Row], FeedReport]:
    return read_feed(feed(file, **changes), TOPICS, FIXTURES, several=several)


def labels(rows: list[Row]) -> list[tuple[str, int]]:
    return [(row.text, row.sentiment) for row in rows]


def test_a_csv_with_every_optional_column() -> None:
    rows, report = read(
        "desk.csv",
        several=True,
        topic={"column": "subjects", "separator": "|"},
        sentiment={"column": "tone", "classes": TONES},
        time_column="published",
        source_column="wire",
        language_column="lang",
        id_column="id",
    )
    assert [row.topics for row in rows] == [(0, 1), (3,), (2,), (0,), (1,)]
    assert [row.topic for row in rows] == [IGNORED, 3, 2, 0, 1]
    assert [row.sentiment for row in rows] == [0, 1, 2, 1, IGNORED]
    assert [row.time for row in rows] == [
        1_772_438_400_000, 1_772_442_900_000, 1_772_496_000_000, None, None,
    ]  # fmt: skip
    assert rows[2].text == 'Quillbank "in talks" over Pellbridge'
    assert (rows[0].id, rows[0].source, rows[0].language) == ("d1", "Harbour Wire", "en")
    assert [row.line for row in rows] == [2, 3, 4, 5, 6]
    assert report.noted == {"no readable time": 1, "unknown class, label left out": 1}
    assert report.first["unknown class"] == "line 6, column 'tone': 'bullish'"
    assert report.first["no readable time"] == "line 6, column 'published': 'soon'"


def test_several_topics_are_no_label_where_a_text_has_one() -> None:
    topic = {"column": "subjects", "separator": "|"}
    rows, report = read("desk.csv", topic=topic, sentiment=None)
    assert [row.topic for row in rows] == [3, 2, 0, 1]
    assert report.dropped == {"several classes": 1}


def test_json_lines_with_lists() -> None:
    rows, _ = read("desk.jsonl", several=True, topic={"column": "subjects"})
    assert [row.topics for row in rows] == [(0, 1), (3,), ()]
    single, report = read("desk.jsonl", topic={"column": "subjects"})
    assert [row.topics for row in single] == [None, (3,)]
    assert report.dropped == {"no label": 1}


def test_a_json_array() -> None:
    rows, _ = read("desk.json")
    assert labels(rows) == [(LOSS, 0), ("Larkfen holds its payout", 1)]


def test_parquet_with_lists_times_and_whole_numbers_as_fractions() -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'newsurge[train]'")
    rows, _ = read(
        "desk.parquet",
        several=True,
        topic={"column": "subjects"},
        sentiment={"column": "tone", "classes": {"0": "negative", "2": "positive"}},
        time_column="published",
    )
    assert labels(rows) == [(LOSS, 0), ("Oake Mining names new finance chief", 2)]
    assert [row.topics for row in rows] == [(0, 1), (3,)]
    assert [row.time for row in rows] == [1_772_438_400_000, None]


@pytest.mark.parametrize("file", ["phrasebank_latin1.txt", "phrasebank_utf8.txt"])
def test_the_phrasebank_in_either_encoding(file: str) -> None:
    rows, report = read(file, format="phrasebank", text_column="text", sentiment=None)
    assert labels(rows) == [
        ("Oake Mining's profit rose 12 % on higher copper prices .", 2),
        ("Café Larkfen lowered its outlook @ midyear for Åbo .", 0),
        ("Tarnhill did not disclose the price .", 1),
    ]
    assert report.dropped == {"no @label at the end of the line": 1}
    assert report.first["no @label at the end of the line"] == "line 4"


def test_a_stated_encoding_is_followed() -> None:
    rows, _ = read(
        "phrasebank_utf8.txt",
        format="phrasebank",
        text_column="text",
        sentiment=None,
        encoding="latin-1",
    )
    assert rows[1].text.startswith("CafÃ© Larkfen")


def test_label_studio_with_agreement_conflict_and_nothing() -> None:
    tones = {"Negative": "negative", "Neutral": "neutral", "Positive": "positive"}
    rows, report = read(
        "label_studio.json",
        several=True,
        format="label-studio",
        topic={"column": "subject"},
        sentiment={"column": "tone", "classes": tones},
        source_column="wire",
        id_column="id",
    )
    assert labels(rows) == [(LOSS, 0)]
    assert (rows[0].topics, rows[0].id, rows[0].source) == ((0, 1), "101", "Harbour Wire")
    assert report.dropped == {"annotators disagree": 1, "not annotated": 1}
    assert report.first["not annotated"] == "task 3"


@pytest.mark.parametrize(
    ("file", "encoding"), [("chinese.csv", None), ("chinese_gb18030.csv", "gb18030")]
)
def test_chinese_in_either_encoding(file: str, encoding: str | None) -> None:
    rows, report = read(
        file,
        encoding=encoding,
        text_column="标题",
        sentiment={"column": "情绪", "classes": CHINESE},
        time_column="时间",
    )
    assert len(rows) == report.read == 10
    assert rows[0].text == "橡树矿业第三季度净利润同比下降百分之四十"
    assert rows[0].key == rows[1].key, "punctuation makes no difference"
    assert [row.sentiment for row in rows[:5]] == [0, 0, 0, 0, 2]
    assert rows[0].time == 1_772_438_400_000


def test_gb18030_taken_for_utf8_is_told_with_its_place() -> None:
    with pytest.raises(FeedError, match=r"chinese_gb18030\.csv: line 1: not UTF-8; .*gb18030"):
        read("chinese_gb18030.csv", text_column="标题")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("f.csv", b"headline,tone\na,neg\nb,neg,x\n", "line 3: 3 cells, but 2 columns"),
        ("f.csv", b'headline,tone\n"a"b,neg\n', "line 2: not CSV"),
        ("f.csv", b"headline,headline,tone\na,b,neg\n", "two columns are called 'headline'"),
        ("f.csv", b"headline,tone\nO\xffake,neg\n", "line 2, column 'headline': not UTF-8"),
        ("f.csv", b"", "no column 'headline', 'tone'; it has none"),
        ("f.jsonl", b'{"headline": "a", "tone": "neg"}\n[1]\n', "line 2: not JSONL"),
        ("f.jsonl", b'{"headline": "a", "mood": "neg"}\n', "no column 'tone'; it has 'headline'"),
        ("f.json", b'[\n{"headline": "a"},\n{"headline" "b"}]', "line 3: not a JSON array"),
        ("f.json", b'[{"headline": "a", "tone": "neg"}, 7]', "element 2: not an object"),
        ("f.parquet", b"PAR1 no", "can't be read as Parquet"),
    ],
)
def test_a_broken_file_is_told_with_its_place(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FeedError) as caught:
        read_feed(feed(name), TOPICS, tmp_path)
    assert f"{name}: " in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_csv_cell_over_several_lines_keeps_the_count_of_lines(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b'headline,tone\r\n"a\r\nb",neg\r\n\r\nc,odd\r\n')
    rows, report = read_feed(feed("f.csv"), TOPICS, tmp_path)
    assert [(row.text, row.line) for row in rows] == [("a b", 2)]
    assert report.first["unknown class"] == "line 5, column 'tone': 'odd'"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"unknown_classes": "refuse"}, r"line 6, column 'tone': 'bullish': unknown class"),
        ({"empty_texts": "refuse"}, None),
    ],
)
def test_the_policy_may_refuse(policy: dict[str, str], told: str | None) -> None:
    hygiene = Hygiene.model_validate(policy)
    if told is None:
        read_feed(feed("desk.csv"), TOPICS, FIXTURES, policy=hygiene)
        return
    with pytest.raises(FeedError, match=told):
        read_feed(feed("desk.csv"), TOPICS, FIXTURES, policy=hygiene)
