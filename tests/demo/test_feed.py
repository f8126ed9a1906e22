"""The bundled feed is what its marker file and the README say it is."""

import itertools
import re
from importlib import resources
from typing import Any

import msgspec
import pytest

from monitor.records import NewsItem
from monitor.scoring.news import InvalidNewsError, decode_news, parse_time

DEMO = resources.files("monitor.demo")
MAX_BYTES = 262_144
# Titles of different stories share fewer of their words than this.
ALIKE = 0.6


@pytest.fixture(scope="module")
def meta() -> dict[str, Any]:
    return msgspec.json.decode(DEMO.joinpath("feed.meta.json").read_bytes(), type=dict[str, Any])


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    content = DEMO.joinpath("feed.jsonl").read_bytes()
    assert content.endswith(b"\n")
    return content[:-1].split(b"\n")


@pytest.fixture(scope="module")
def items(lines: list[bytes], meta: dict[str, Any]) -> dict[int, NewsItem]:
    broken = {fault["line"] for fault in meta["dead_letters"]}
    return {
        number: decode_news(line, MAX_BYTES)
        for number, line in enumerate(lines, 1)
        if number not in broken
    }


def time_of(item: NewsItem) -> int:
    assert item.published_at is not None
    return item.published_at


def words(item: NewsItem) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", item.title.lower()))


def test_it_is_as_long_as_its_marker_says(lines: list[bytes], meta: dict[str, Any]) -> None:
    assert len(lines) == meta["items"] >= 640


def test_broken_records_fail_for_the_marked_reasons(
    lines: list[bytes], meta: dict[str, Any]
) -> None:
    reasons = set()
    for fault in meta["dead_letters"]:
        with pytest.raises(InvalidNewsError) as caught:
            decode_news(lines[fault["line"] - 1], MAX_BYTES)
        assert caught.value.reason == fault["reason"]
        reasons.add(fault["reason"])
    assert len(reasons) >= 5


def test_it_spans_a_working_day_in_order(items: dict[int, NewsItem], meta: dict[str, Any]) -> None:
    times = [time_of(item) for item in items.values()]
    assert times == sorted(times)
    assert times[0] == parse_time(meta["first"])
    assert times[-1] == parse_time(meta["last"])
    assert 7.5 < (times[-1] - times[0]) / 3_600_000 < 8.5


def test_ids_differ_and_every_item_names_its_wire(items: dict[int, NewsItem]) -> None:
    assert len({item.id for item in items.values()}) == len(items)
    assert len({item.source for item in items.values()}) >= 5
    assert all((item.url or "").startswith("https://news.example/") for item in items.values())


def test_it_covers_many_desks(items: dict[int, NewsItem]) -> None:
    desks = {(item.url or "").split("/")[3] for item in items.values()}
    assert len(desks) >= 10


def test_entities_are_tickers_and_some_fields_are_optional(items: dict[int, NewsItem]) -> None:
    tickers = {ticker for item in items.values() for ticker in item.entities}
    assert len(tickers) > 30
    assert all(re.fullmatch("[A-Z]{4}", ticker) for ticker in tickers)
    for field in ("body", "extra", "language"):
        assert 10 < sum(bool(getattr(item, field)) for item in items.values()) < len(items) / 2


def test_the_surge_begins_where_marked_and_is_dense(
    items: dict[int, NewsItem], meta: dict[str, Any]
) -> None:
    surge = meta["surge"]
    onset, last = parse_time(surge["onset"]), parse_time(surge["last"])
    assert len(surge["lines"]) == surge["items"] >= 50
    assert time_of(items[surge["first_line"]]) == onset
    assert time_of(items[surge["last_line"]]) == last
    assert all(onset <= time_of(items[line]) <= last for line in surge["lines"])
    assert last - onset <= 40 * 60_000
    hours_in = (onset - parse_time(meta["first"])) / 3_600_000
    assert 4.5 < hours_in < 5.5
    assert last < parse_time(surge["rescue"]) < parse_time(meta["last"])


def test_the_retraction_names_an_earlier_item(
    items: dict[int, NewsItem], meta: dict[str, Any]
) -> None:
    line = meta["retraction"]["line"]
    withdrawn = meta["retraction"]["retracts"]
    assert items[line].retracts == withdrawn
    assert withdrawn in {item.id for number, item in items.items() if number < line}
    assert sum(item.retracts is not None for item in items.values()) == 1


def test_hostile_titles_are_there(items: dict[int, NewsItem], meta: dict[str, Any]) -> None:
    titles = [items[line].title for line in meta["hostile_lines"]]
    assert any("<script>" in title for title in titles)
    assert any("\x1b" in title and "\u202e" in title for title in titles)


def test_stories_differ_unless_they_are_syndicated(items: dict[int, NewsItem]) -> None:
    """Alike titles come from several wires within minutes: nothing else is alike."""
    told = [(item, words(item)) for item in items.values()]
    pairs = 0
    for (one, a), (other, b) in itertools.combinations(told, 2):
        if len(a & b) >= ALIKE * len(a | b):
            assert time_of(other) - time_of(one) <= 15 * 60_000, (one.title, other.title)
            assert one.source != other.source, (one.title, other.title)
            pairs += 1
    assert pairs > 50
