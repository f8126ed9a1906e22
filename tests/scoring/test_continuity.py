"""What a change of model does to the amount of negative news, as told to WATCH."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.judge import Judgement
from monitor.records import ModelChange, NewsItem, Sentiment
from monitor.scoring.continuity import RECENT, RecentNews, Told, model_change, shrunk
from monitor.scoring.watchlist import Watchlist, load_watchlist

COUNTS = st.integers(0, 10_000)
RATIOS = st.floats(0.01, 100)


def judgement(topic: str, *, negative: bool) -> Judgement:
    share = 0.5 if negative else 0.499999
    return Judgement(topic, 0.9, (topic,), Sentiment(share, 1 - share, 0.0), "en", b"")


def told(topic: str, old: bool, new: bool, *, entities: int = 0, after: str = "") -> Told:
    before = judgement(topic, negative=old)
    return Told(before, judgement(after or topic, negative=new), entities)


def change(*items: Told, topics: tuple[str, ...] = ("Macro", "Energy")) -> ModelChange:
    return model_change(items, previous="a", model="b", topics=topics, negative_threshold=0.5)


class TestTheEstimator:
    @given(COUNTS, COUNTS, RATIOS)
    def test_to_exchange_the_models_gives_the_inverse(
        self, old: int, new: int, towards: float
    ) -> None:
        there, back = shrunk(old, new, towards), shrunk(new, old, 1 / towards)
        assert there * back == pytest.approx(1)

    @given(st.integers(1, 10_000), st.integers(1, 10_000), RATIOS)
    def test_it_lies_between_the_belief_and_what_was_counted(
        self, old: int, new: int, towards: float
    ) -> None:
        low, high = sorted((towards, new / old))
        assert low * (1 - 1e-9) <= shrunk(old, new, towards) <= high * (1 + 1e-9)

    @given(RATIOS)
    def test_where_nothing_is_known_it_is_the_belief(self, towards: float) -> None:
        assert shrunk(0, 0, towards) == pytest.approx(towards)

    @given(st.integers(1, 100), st.integers(1, 100), RATIOS)
    def test_where_much_is_known_it_is_what_was_counted(
        self, old: int, new: int, towards: float
    ) -> None:
        assert shrunk(old * 10**7, new * 10**7, towards) == pytest.approx(new / old, rel=1e-3)

    @given(COUNTS, COUNTS, RATIOS)
    def test_more_negative_items_of_the_new_model_raise_it(
        self, old: int, new: int, towards: float
    ) -> None:
        assert shrunk(old, new + 1, towards) > shrunk(old, new, towards) > 0
        assert shrunk(old + 1, new, towards) < shrunk(old, new, towards)


def test_a_change_rests_on_what_each_model_finds_negative() -> None:
    both = [told("Macro", True, True)] * 30
    new_only = [told("Macro", False, True)] * 30
    found = change(*both, *new_only, *[told("Energy", False, False)] * 40)
    assert (found.previous, found.model, found.items) == ("a", "b", 100)
    assert found.all == pytest.approx((60 + 10) / (30 + 10))
    assert found.topics["Macro"] == pytest.approx(shrunk(30, 60, found.all))
    assert found.topics["Energy"] == found.entities == pytest.approx(found.all)


def test_an_item_counts_in_the_topic_where_each_model_puts_it() -> None:
    found = change(*[told("Macro", True, True, after="Energy")] * 50)
    assert found.all == 1
    assert found.topics["Macro"] == pytest.approx(10 / 60)
    assert found.topics["Energy"] == pytest.approx(6)


def test_an_item_counts_once_for_each_entity_that_it_is_about() -> None:
    found = change(told("Macro", True, False, entities=8), told("Macro", False, True))
    assert found.all == 1
    assert found.entities == pytest.approx(10 / 18)


def test_models_that_agree_change_nothing() -> None:
    found = change(*[told("Macro", True, True, entities=1)] * 7, told("Energy", False, False))
    assert {found.all, found.entities, *found.topics.values()} == {1.0}


def test_only_the_topics_asked_for_are_told() -> None:
    assert change(told("New", True, True), topics=("none",)).topics == {"none": 1.0}


@given(
    st.lists(
        st.builds(
            told,
            st.sampled_from(["Macro", "Energy", "Other"]),
            st.booleans(),
            st.booleans(),
            entities=st.integers(0, 8),
            after=st.sampled_from(["Macro", "Energy", "Other"]),
        )
    )
)
def test_a_change_there_and_back_changes_nothing(items: list[Told]) -> None:
    there, back = change(*items), change(*(Told(one.new, one.old, one.entities) for one in items))
    pairs = [(there.all, back.all), (there.entities, back.entities)]
    pairs += [(ratio, back.topics[topic]) for topic, ratio in there.topics.items()]
    for one, other in pairs:
        assert math.isfinite(one)
        assert one * other == pytest.approx(1)


def news(title: str, **fields: object) -> NewsItem:
    return NewsItem(id="x", title=title, **fields)  # type: ignore[arg-type]  # any of its fields


class TestRecentNews:
    def test_the_last_are_kept(self) -> None:
        recent = RecentNews(Watchlist({}), 8)
        for begin in range(0, 1000, 100):
            recent.add([news(f"story {i}") for i in range(begin, begin + 100)])
        assert [one.title for one in recent.items()] == [
            f"story {i}" for i in range(1000 - RECENT, 1000)
        ]
        recent.add([news(f"more {i}") for i in range(5 * RECENT)])
        assert [one.title for one in recent.items()] == [
            f"more {i}" for i in range(4 * RECENT, 5 * RECENT)
        ]

    def test_a_flood_of_one_title_counts_once_and_as_the_latest(self) -> None:
        recent = RecentNews(Watchlist({}), 8)
        recent.add([news("first"), news("second"), *[news("first")] * 1000])
        assert [one.title for one in recent.items()] == ["second", "first"]

    def test_of_an_item_only_what_is_judged_is_kept(self, tmp_path: Path) -> None:
        file = tmp_path / "watchlist.csv"
        file.write_text("key,name,aliases\nHLDN,Halden,HB|Halden Bank\nOKE,Oake,\n")
        recent = RecentNews(load_watchlist(file), 8)
        entities = ("halden bank", "HB", "oke", *(f"E{i}" for i in range(10_000)))
        recent.add([news("t" * 10**6, body="b" * 10**6, language="en", entities=entities)])
        [kept] = recent.items()
        assert (len(kept.title), len(kept.body or "")) == (8192, 8192)
        assert (kept.language, kept.entities) == ("en", ("HLDN", "OKE"))
        assert recent.items()[0].url is None
