"""Text preparation: what is dropped, what is kept, what counts as the same text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.text import clean, normalise


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Quillbank  cuts\tits\noutlook ", "Quillbank cuts its outlook"),
        ("Harrow &amp; Pike: profit up 4%", "Harrow & Pike: profit up 4%"),
        ("Oake to buy Tarn https://t.example/a1B2?x=1#y today", "Oake to buy Tarn today"),
        ("HTTPS://EXAMPLE.TEST/A Tarn rises", "Tarn rises"),
        ("see www.oake.test/news, says Oake", "see says Oake"),
        ("Oake warns https://t.example/ab…", "Oake warns"),
        ("Tarn\x00 Hol\u200bdings\ufeff \x1b[1mfalls\x7f", "Tarn Holdings [1mfalls"),
        ("Oake\u00a0Bank\u3000rises", "Oake Bank rises"),
        ("Oake \ud83d down", "Oake down"),
        ("$OAKE: Q3 EPS -$0.12 (est. $0.05)", "$OAKE: Q3 EPS -$0.12 (est. $0.05)"),
        ("https://t.example/only", ""),
        ("\x00\u200b \n", ""),
        ("", ""),
    ],
)
def test_clean(raw: str, expected: str) -> None:
    assert clean(raw) == expected


def test_a_link_ends_where_chinese_text_begins() -> None:
    assert clean("橡树银行下调预期https://t.example/a1市场下跌") == "橡树银行下调预期 市场下跌"
    assert clean("橡树银行\u200b&amp;松湖控股:利润增长") == "橡树银行&松湖控股:利润增长"


@given(st.text())
def test_clean_text_is_one_readable_line(text: str) -> None:
    result = clean(text)
    assert result == " ".join(result.split())
    assert "\x00" not in result
    result.encode("utf-8")  # no lone surrogate is left for the tokenizer to choke on


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("OAKE warns on profit!", "Oake warns, on profit"),
        ("Oake warns https://t.example/a", "Oake warns   https://t.example/b"),
        ("橡树银行,下调预期", "橡树银行 下调预期。"),
    ],
)
def test_texts_that_count_as_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other) != ""


def test_normalise_keeps_words_apart() -> None:
    assert normalise("$OAKE -  Oake's EPS: 4.2%") == "oake oake s eps 4 2"
    assert normalise("Oake rises") != normalise("Oake falls")
    assert normalise("!!! https://t.example/a") == ""


@pytest.mark.parametrize(("head", "leaks"), [("sentiment", 51), ("topic", 692)])
def test_normalise_finds_the_known_leaks(head: str, leaks: int) -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "labelled"
    if not folder.is_dir():
        pytest.skip(f"needs the labelled news in {folder}, which is no part of the project")
    pd = pytest.importorskip("pandas", reason="needs pandas: pip install 'newsurge[dev]'")
    train, valid = (
        [normalise(text) for text in pd.read_csv(folder / f"twitter_{head}_{part}.csv").text]
        for part in ("train", "valid")
    )
    known = set(train)
    assert sum(key in known for key in valid) == leaks
