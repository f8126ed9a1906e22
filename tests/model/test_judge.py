"""What becomes of items: which text is judged, what is not judged, what the wire shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.bundle import Bundle
from monitor.model.judge import Judge, Judgement, _sentiment, load_judge
from monitor.model.language import Languages
from monitor.model.poison import Failed
from monitor.model.runtime import load_scorer
from monitor.model.signature import sign
from monitor.records import NewsItem, Sentiment
from monitor.settings import ModelSettings, Settings
from tests.model.tiny_bundle import tiny_bundle

NEUTRAL = Sentiment(0.0, 1.0, 0.0)
RUN = "Depositors run on Halden bank"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="module")
def make(bundle: Bundle) -> Callable[..., Judge]:
    def judge(threshold: float = 0.35, **meta: Any) -> Judge:
        changed = msgspec.structs.replace(bundle.meta, **meta)
        scorer = load_scorer(Bundle(bundle.path, changed), ModelSettings())
        return Judge(changed, scorer, Languages(changed.languages), threshold)

    return judge


@pytest.fixture(scope="module")
def judge(make: Callable[..., Judge]) -> Judge:
    return make()


def verdicts(judge: Judge, *items: NewsItem | str) -> list[Judgement]:
    """Judgements of items, or of titles."""
    wrapped = [
        item if isinstance(item, NewsItem) else NewsItem(id=str(number), title=item)
        for number, item in enumerate(items)
    ]
    told = judge.infer(judge.prepare(wrapped))
    return [one for one in told if isinstance(one, Judgement)]


def test_a_judged_item(judge: Judge) -> None:
    (told,) = verdicts(judge, RUN)
    assert told.topic == "Financials"
    assert told.topic_probability > 0.9
    assert told.series_topics == ("Financials",)
    assert told.sentiment.negative > 0.8
    assert told.language == "en"
    assert told.unjudged is None
    assert told.signature == sign(RUN)


def test_judgements_are_in_the_order_of_the_items(judge: Judge) -> None:
    titles = ["oil rises", "Nordhafen Bank streicht 400 Stellen nach Verlust", RUN, "oops", ""]
    told = verdicts(judge, *titles, "Court probe on fraud", "oil rises")
    assert [one.topic for one in told] == [
        "Energy and Oil", "none", "Financials", "none", "none", "Legal and Regulation",
        "Energy and Oil",
    ]  # fmt: skip
    assert [one.unjudged for one in told] == [
        None, "language", None, "too_short", "too_short", None, None,
    ]  # fmt: skip
    assert told[0] == told[-1]
    assert verdicts(judge) == []


def test_an_item_that_was_not_judged_is_neutral_and_has_no_topic(judge: Judge) -> None:
    for title in ("海陵银行第三季度亏损扩大,计划裁员四百人", "$HLDN"):
        (told,) = verdicts(judge, title)
        assert told.unjudged is not None
        assert (told.topic, told.topic_probability, told.series_topics) == ("none", 0.0, ("none",))
        assert told.sentiment == NEUTRAL
        assert told.signature == sign(title)


def test_the_publishers_language_counts(judge: Judge) -> None:
    stated, wrong = verdicts(
        judge,
        NewsItem(id="1", title="Nordhafen Bank streicht 400 Stellen", language="en-GB"),
        NewsItem(id="2", title=RUN, language="fr"),
    )
    assert (stated.language, stated.unjudged) == ("en", None)
    assert (wrong.language, wrong.unjudged) == ("fr", "language")


def test_below_the_threshold_the_series_is_none_and_the_topic_stays(
    make: Callable[..., Judge],
) -> None:
    (told,) = verdicts(make(threshold=0.99), "oil rises")
    assert told.topic == "Energy and Oil"
    assert told.topic_probability == pytest.approx(0.93, abs=0.01)
    assert told.series_topics == ("none",)


def test_multi_label_topics_feed_every_series_above_the_threshold(
    make: Callable[..., Judge],
) -> None:
    (told,) = verdicts(make(topic_mode="multi", threshold=0.9), "bank bank lends to oil firm")
    assert told.topic == "Financials"
    assert told.series_topics == ("Financials", "Energy and Oil")


def test_only_the_fields_that_the_bundle_names_are_read(make: Callable[..., Judge]) -> None:
    item = NewsItem(id="1", title="Halden says nothing new", body="oil oil")
    assert verdicts(make(), item)[0].series_topics == ("none",)
    of_both = verdicts(make(input_fields=("title", "body")), item)[0]
    assert of_both.series_topics == ("Energy and Oil",)
    assert of_both.signature == sign("Halden says nothing new oil oil")


def test_what_is_cleaned_away_changes_nothing(judge: Judge) -> None:
    told, again = verdicts(judge, RUN, f"  {RUN}\u200b https://t.example/abc\x00 ")
    assert told == again


def test_a_text_of_a_megabyte_is_cut_before_it_costs_anything(judge: Judge) -> None:
    prepared = judge.prepare([NewsItem(id="1", title="bank " + "x" * 1_000_000 + " oil" * 9)])
    (told,) = judge.infer(prepared)
    assert isinstance(told, Judgement)
    assert told.topic == "Financials"
    (read,) = prepared.reads
    assert not isinstance(read, Failed)
    assert len(read.text) < 10_000


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(any))
def test_sentiments_on_the_wire_sum_to_one(raw: list[float]) -> None:
    row = np.array(raw, dtype=np.float64) / sum(raw)
    told = _sentiment(row.astype(np.float32))
    shares = (told.negative, told.neutral, told.positive)
    assert round(sum(shares), 9) == 1.0
    assert all(0 <= share <= 1 for share in shares)
    assert all(abs(share - exact) < 5e-6 for share, exact in zip(shares, row, strict=True))
    assert max(len(json.dumps(share)) for share in shares) <= len("0.123456")


def test_loading_warms_up_and_names_version_and_runtime(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    judge = load_judge(bundle, Settings(score={"topic_threshold": 0.99}))
    assert judge.version == "tiny-1"
    assert "OpenVINO" in judge.runtime
    assert "model.safetensors" in caplog.text
    assert verdicts(judge, "oil rises")[0].series_topics == ("none",)


def test_another_bundle_judges_otherwise(tmp_path: Path) -> None:
    swapped = load_judge(tiny_bundle(tmp_path / "b", swapped=True, version="tiny-2"), Settings())
    assert verdicts(swapped, RUN)[0].sentiment.positive > 0.8
    assert swapped.version == "tiny-2"
