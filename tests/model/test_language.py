"""Languages: the publisher's word first; a text is called foreign on strong evidence only."""

import csv
import json
from pathlib import Path

import pytest

from monitor.model.language import Languages, primary
from monitor.model.text import clean

FOREIGN = [
    pytest.param(language, headline, id=f"{language}-{number}")
    for language, headlines in json.loads(
        (Path(__file__).parent / "foreign.json").read_text(encoding="utf-8")
    ).items()
    for number, headline in enumerate(headlines)
]
LABELLED = Path(__file__).parents[3] / "shared" / "data" / "labelled"
SETS = (("twitter_topic_valid.csv", "text"), ("sentfin.csv", "Title"))


@pytest.fixture(scope="module")
def english() -> Languages:
    return Languages(("en",))


@pytest.mark.parametrize(("language", "headline"), FOREIGN)
def test_foreign_headlines_are_recognised(english: Languages, language: str, headline: str) -> None:
    told = english.tell(headline, None)
    assert not english.supports(told), f"taken for {told}"
    assert told == language


@pytest.mark.parametrize(
    "headline",
    [
        "$NFLX",
        "ICYMI",
        "$BKSY $DNY $NCNO",
        "Orla Hotels declares $0.275 dividend",
        "Veldkamp NV Q3 EPS $0.33 vs. $0.30",
        "Kalbrück AG raises its forecast after strong quarter",
        "",
    ],
)
def test_short_texts_and_foreign_names_stay_english(english: Languages, headline: str) -> None:
    assert english.tell(headline, None) == "en"


@pytest.mark.parametrize("file", [name for name, _ in SETS])
def test_real_english_headlines_stay_english(english: Languages, file: str) -> None:
    if not (LABELLED / file).is_file():
        pytest.skip(f"needs {LABELLED / file}, which is no part of the project")
    with (LABELLED / file).open(encoding="utf-8", newline="") as stream:
        texts = [clean(row[dict(SETS)[file]]) for row in csv.DictReader(stream)]
    foreign = [text for text in texts if english.tell(text, None) != "en"]
    assert len(foreign) <= 0.005 * len(texts), foreign[:20]


def test_the_publishers_word_counts(english: Languages) -> None:
    assert english.tell("Nordhafen Bank streicht 400 Stellen nach Verlust", "en-GB") == "en"
    assert english.tell("Halden Bank halts withdrawals", "de") == "de"


@pytest.mark.parametrize("stated", ["und", "zxx", "", "  ", "English!", "<script>", "x", None])
def test_a_tag_that_names_no_language_is_passed_over(
    english: Languages, stated: str | None
) -> None:
    assert english.tell("Halden Bank halts withdrawals as depositors run", stated) == "en"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en-GB", "en"), ("EN_us", "en"), ("eng", "en"), ("zh-Hant-TW", "zh"), (" de ", "de")],
)
def test_tags_are_read_as_bcp_47_or_three_letters(tag: str, language: str) -> None:
    assert primary(tag) == language


def test_a_model_of_several_languages() -> None:
    both = Languages(("de", "en"))
    assert both.tell("Nordhafen Bank streicht 400 Stellen nach Verlust", None) == "de"
    assert both.tell("Halden Bank halts withdrawals as depositors run", None) == "en"
    assert both.tell("La banque Valmeret supprime 300 postes après une perte", None) == "fr"
    assert both.tell("?!", None) == "de"
