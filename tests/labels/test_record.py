"""A line of a file as a label: what is taken, and what is told of the others."""

import json
from typing import Any

import pytest

from monitor.labels.record import InvalidLabelError, Label, decode_label, read_line
from monitor.records import encode

NOW = 1_772_438_400_000
FULL = {
    "title": "Tarnhill cuts its dividend", "topic": ["Dividend"], "sentiment": "negative",
    "id": "t1", "source": "Harbour Wire", "language": "en",
    "published_at": "2026-03-01T08:00:00Z", "at": str(NOW - 5), "who": "ada",
}  # fmt: skip


def line(value: Any, who: str | None = "desk") -> Label:
    return read_line(json.dumps(value).encode(), NOW, who)


def test_a_full_line() -> None:
    label = line({**FULL, "entities": ["TARN"]})
    assert label == Label(
        text="Tarnhill cuts its dividend",
        at=NOW - 5,
        who="ada",
        topic=("Dividend",),
        sentiment="negative",
        id="t1",
        source="Harbour Wire",
        language="en",
        published_at=1_772_352_000_000,
    )
    assert decode_label(encode(label)) == label


def test_what_a_line_leaves_out() -> None:
    label = line({"text": "Tarnhill cuts", "sentiment": "neutral", "topic": " "})
    assert (label.at, label.who, label.topic) == (NOW, "desk", None)


def test_a_person_has_one_word_on_an_item() -> None:
    by_text = [line({"text": t, "topic": "Dividend"}) for t in ("Tarnhill CUTS!", "tarnhill cuts")]
    assert by_text[0].subject == by_text[1].subject
    assert line({**FULL, "text": "other"}).subject == line(FULL).subject
    assert line({**FULL, "who": "bo"}).subject != line(FULL).subject


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "not a label"),
        ({"text": 5, "topic": "x"}, "not a label"),
        ({"topic": "Dividend"}, "it has no text"),
        ({"text": " \u200b", "topic": "Dividend"}, "it has no text"),
        ({"text": "Tarnhill"}, "neither a topic nor a sentiment"),
        ({"text": "Tarnhill", "sentiment": "bearish"}, "'bearish' is none of negative"),
        ({"text": "Tarnhill", "topic": "x", "at": "soon"}, "at 'soon' is no time"),
    ],
)
def test_what_is_no_label(value: Any, told: str) -> None:
    with pytest.raises(InvalidLabelError, match=told):
        line(value)


def test_someone_must_have_said_it() -> None:
    with pytest.raises(InvalidLabelError, match="use --who"):
        line({"text": "Tarnhill", "topic": "x"}, who=None)
