"""Names found in texts: what is the same writing, where a word ends, which of two is meant."""

# Signs that look like others are what is tested here.
# ruff: noqa: RUF001

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.names import NameFinder, in_word, is_telling, plain


def find(text: str, *names: str) -> list[str]:
    return NameFinder({name: name for name in names}).find(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Oake cuts its outlook", "Oake"),
        ("Shares of OAKE fall", "Oake"),
        ("Oake's chairman resigns", "Oake"),
        ("Oake’s chairman resigns", "Oake"),
        ("“Oake”, said one, ‘Oake’ said all", "Oake"),
        ("$OAKE, #Oake and (Oake).", "Oake"),
        ("Oake-backed lender fails", "Oake"),
        ("Halden-Oake merger off", "Oake"),
        ("Oake/Halden", "Oake"),
        ("Oake", "Oake"),
        ("Oake&amp;Sons: Oake&#39;s heirs sue", "Oake"),
        ("Oake\u00a0Bank  falls", "Oake Bank"),
        ("Oa\u200bke\u00ad falls", "Oake"),
        ("Oake™ Bank recalls cards", "Oake Bank"),
        ("Harbour‑Re stops payments", "Harbour-Re"),
        ("O’Dell Foods recalls soup", "O'Dell Foods"),
        ("Cre\u0301dit Vallon falls", "Crédit Vallon"),
        ("Crédit Vallon falls", "Cre\u0301dit Vallon"),
        ("CRÉDIT VALLON falls", "Crédit Vallon"),
        ("Groß & Söhne insolvent", "GROSS & SÖHNE"),
        ("Ｏａｋｅ falls", "Oake"),
        ("GEM falls 7%", "GEM"),
        ("ＧＥＭ falls 7%", "GEM"),
        ("GEM's board meets", "GEM"),
        ("GEM.L and BRK.B fall", "BRK.B"),
        ("3M and A2A", "3M"),
        ("ЗАЛЕСЬЕ БАНК теряет вклады", "Залесье банк"),
        ("Выплаты «Залесье» остановлены", "Залесье"),
        ("Η τράπεζα ΆΛΣΟΣ έκλεισε", "Άλσος"),
        ("市场传北岸银行面临挤兑", "北岸银行"),
        ("北岸銀行が破綻", "北岸銀行"),
        ("カルダー証券が", "カルダー"),
        ("ｶﾙﾀﾞｰ証券が", "カルダー"),
        ("한들은행이 파산했다", "한들은행"),
        ("传Oake银行面临挤兑", "Oake"),
        ("ธนาคารโอ๊คล้มละลาย", "โอ๊ค"),
        ("हाल्डन बैंक डूबा", "हाल्डन बैंक"),
    ],
)
def test_a_name_is_found(text: str, name: str) -> None:
    assert set(find(text, name)) == {name}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Oakes and Oaken furniture", "Oake"),
        ("Soake and Broake", "Oake"),
        ("Oakeé and eéOake", "Oake"),
        ("Oake2 and 2Oake", "Oake"),
        ("oake_bank on social media", "Oake"),
        ("Read https://wire.example/Oake now", "Oake"),
        ("a gem of a deal, a Gem of a quarter", "GEM"),
        ("GEMS and AGEM", "GEM"),
        ("gem", "GEM"),
        ("13M and 3MX", "3M"),
        ("Банкир и сбанком", "Банк"),
        ("Credit Vallon", "Crédit Vallon"),
        ("Oake  and Bank", "Oake Bank"),
        ("हाल्डन", "हाल"),
        ("北岸证券", "北岸银行"),
        ("F and 7203 and --", "F"),
        ("F and 7203 and --", "7203"),
        ("F and 7203 and --", "--"),
        ("", "Oake"),
        ("&nbsp;", "Oake"),
    ],
)
def test_no_name_is_found(text: str, name: str) -> None:
    assert find(text, name) == []


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("Oake Bank falls", ["Oake", "Oake Bank"], ["Oake Bank"]),
        ("Oake Banking falls", ["Oake", "Oake Bank"], ["Oake"]),
        ("Oake Bank sues Oake", ["Oake", "Oake Bank"], ["Oake Bank", "Oake"]),
        ("Halden Oake Bank", ["Halden Oake", "Oake Bank"], ["Halden Oake"]),
        ("Halden Oake Bank", ["Halden Oak", "Oake Bank"], ["Oake Bank"]),
        ("Oake Bank of Halden", ["Oake Bank", "Bank of Halden"], ["Bank of Halden"]),
        ("OAKE NV and Oake", ["OAKE", "Oake NV"], ["Oake NV"]),
        ("GEM Oil meets GEM", ["GEM", "Gem Oil"], ["Gem Oil", "GEM"]),
        ("北岸银行控股跌", ["北岸银行", "北岸", "北岸银行控股"], ["北岸银行控股"]),
        ("a b a b", ["a b", "b a"], ["a b", "a b"]),
        ("Yarrow, Oake, Halden", ["Halden", "Oake", "Yarrow"], ["Yarrow", "Oake", "Halden"]),
    ],
)
def test_of_names_that_overlap_the_longest_is_meant(
    text: str, names: list[str], found: list[str]
) -> None:
    assert find(text, *names) == found


def test_spellings_of_one_key_may_be_a_ticker_and_a_name() -> None:
    finder = NameFinder({"GEM": "GEM", "Gem": "GEM"})
    assert finder.find("a gem and a GEM") == ["GEM", "GEM"]


LETTERS = st.sampled_from(string.ascii_letters + "éßüçøŁДжяΩσςİıǅﬁ")
WORDS = st.text(LETTERS, min_size=2, max_size=9)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
SURROUNDED = st.lists(WORDS, max_size=4).map(" ".join)


@given(NAMES, SURROUNDED, SURROUNDED, st.sampled_from(["NFC", "NFD", "NFKC"]))
def test_every_name_that_stands_between_spaces_is_found(
    name: str, before: str, after: str, form: str
) -> None:
    text = unicodedata.normalize(form, f"{before} {name} {after}")  # type: ignore[arg-type]  # one of the four
    assert name in find(text, name)


@given(NAMES, WORDS, st.booleans())
def test_no_name_is_found_inside_a_word(name: str, more: str, ahead: bool) -> None:
    word = more + name if ahead else name + more
    own = plain(name).casefold()
    text = f"0 {word} 0"
    standing = plain(text).casefold()
    places = [i for i in range(len(standing)) if standing.startswith(own, i)]
    whole = [
        i for i in places if not in_word(standing[i - 1]) and not in_word(standing[i + len(own)])
    ]
    assert bool(find(text, name)) <= bool(whole)


@given(st.lists(NAMES, min_size=1, max_size=5, unique_by=lambda n: plain(n).casefold()), st.data())
def test_what_is_found_stands_in_the_text_and_overlaps_nothing(
    names: list[str], data: st.DataObject
) -> None:
    parts = data.draw(st.lists(st.sampled_from(names) | WORDS, max_size=8))
    text = " ".join(parts)
    found = find(text, *names)
    assert sum(len(plain(name)) for name in found) <= len(plain(text))
    rest = plain(text).casefold()
    for name in found:
        before, sign, rest = rest.partition(plain(name).casefold())
        assert sign, (name, before)


@given(st.text(max_size=60))
def test_any_text_can_be_searched_and_folding_moves_no_place(text: str) -> None:
    assert len(plain(text).casefold()) == len(plain(text))
    find(text, "Oake", "GEM", "北岸")


@given(st.text(min_size=1, max_size=12))
def test_any_spelling_can_be_looked_for(name: str) -> None:
    written = plain(name)
    assert set(find(f" {name} ", name)) <= {name}
    if is_telling(written) and plain(f" {name} ").strip() == written:
        assert find(f"- {written} -", written) == [written] * bool(find(written, written))
