"""Signatures and the index of stories."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.records import NewsItem
from monitor.surge.novelty import SAME_STORY, NoveltyIndex, Told
from monitor.surge.signature import BYTES, bands, similarity
from tests.surge.log import signature_bytes


def altered(signature: bytes, places: int) -> bytes:
    """The signature with its last `places` bytes changed."""
    return signature[: BYTES - places] + bytes(255 - byte for byte in signature[BYTES - places :])


def told(signature: bytes, at: int = 0, pane: int = 1) -> Told:
    return Told(NewsItem(id=f"at {at}", title=""), at, 0.9, signature, pane)


A = signature_bytes("a")


def test_similarity_is_the_share_of_equal_bytes_less_what_chance_makes_equal() -> None:
    assert similarity(A, A) == 1
    assert similarity(A, altered(A, 32)) == pytest.approx((0.5 - 1 / 256) / (1 - 1 / 256))
    assert similarity(A, altered(A, 64)) == 0


def test_bands_are_compared_place_by_place() -> None:
    assert len(bands(A)) == 16
    assert [one == other for one, other in zip(bands(A), bands(altered(A, 5)), strict=True)] == (
        [True] * 14 + [False] * 2
    )


@pytest.mark.parametrize(("places", "same"), [(0, True), (25, True), (26, False), (64, False)])
def test_the_same_story_is_at_least_six_tenths_alike(places: int, same: bool) -> None:
    index = NoveltyIndex()
    index.add(told(A))
    assert (index.find(altered(A, places)) is not None) == same


def test_the_most_alike_is_found_and_the_earliest_of_equals() -> None:
    index = NoveltyIndex()
    far, late, early = told(altered(A, 20), 1), told(altered(A, 8), 3), told(altered(A, 8), 2)
    for story in (far, late, early):
        index.add(story)
    assert index.find(A) is early
    assert index.find(altered(A, 20)) is far


def test_forgetting_one_pane_leaves_the_stories_of_others() -> None:
    index = NoveltyIndex()
    old, new = told(A, pane=1), told(altered(A, 8), pane=2)
    index.add(old)
    index.add(new)
    index.drop(1)
    assert index.find(A) is new
    index.drop(2)
    index.drop(3)
    assert index.find(A) is None


def test_what_was_told_before_is_not_remembered_again() -> None:
    index = NoveltyIndex()
    first, again, other = told(A, 1), told(altered(A, 8), 2), told(signature_bytes("b"), 3)
    assert index.tell(first) is None
    assert index.tell(again) is first
    assert index.tell(other) is None
    assert index.of_pane(1) == [first, other]
    index.remove(first)
    assert index.find(A) is None


def test_only_open_stories_that_are_alike_are_contested() -> None:
    index = NoveltyIndex()
    stories = _, settled, other = told(A), told(altered(A, 8)), told(signature_bytes("b"))
    settled.settled = True
    for story in stories:
        index.add(story)
    index.contest(altered(A, 4))
    assert [story.contested for story in stories] == [True, False, False]
    assert other is index.find(other.signature)


# Few values, in whole bands, so that bands are shared by stories that are alike and by others.
signatures = st.lists(st.integers(0, 2), min_size=16, max_size=16).map(
    lambda values: b"".join(bytes([value]) * 4 for value in values)
)


@given(st.data())
def test_the_index_finds_what_a_look_at_every_story_finds(data: st.DataObject) -> None:
    index, kept = NoveltyIndex(), list[Told]()
    asked = data.draw(st.lists(signatures, min_size=1, max_size=5))
    loaded = data.draw(st.lists(st.sampled_from(asked) | signatures, max_size=6))
    kept += [told(each, 100 + at, pane=at % 3) for at, each in enumerate(loaded)]
    index.load(kept)
    if data.draw(st.booleans()):
        index.drop(0)
        kept = [one for one in kept if one.pane]
    for at in data.draw(st.lists(st.integers(0, 99), max_size=25, unique=True)):
        signature = data.draw(st.sampled_from(asked) | signatures)
        story = told(signature, at, pane=data.draw(st.integers(1, 2)))
        story.settled = data.draw(st.booleans())
        match data.draw(st.sampled_from(["tell", "add", "remove"])):
            case "tell":
                earlier = most_alike(signature, kept)
                assert index.tell(story) is earlier
                kept += [story] if earlier is None else []
            case "add":
                index.add(story)
                kept.append(story)
            case "remove" if kept:
                index.remove(kept.pop(data.draw(st.integers(0, len(kept) - 1))))
        settled = [one for one in kept if one.settled]
        assert index.find_settled(asked[0]) is most_alike(asked[0], settled)
    index.drop(2)
    kept = [one for one in kept if one.pane != 2]
    assert [index.find(each) for each in asked] == [most_alike(each, kept) for each in asked]


def most_alike(signature: bytes, stories: list[Told]) -> Told | None:
    alike = [one for one in stories if similarity(signature, one.signature) >= SAME_STORY]
    return max(
        alike,
        key=lambda one: (similarity(signature, one.signature), -one.event_time),
        default=None,
    )


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_of_stories_with_one_signature_the_earliest_left_is_found(order: tuple[int, ...]) -> None:
    index = NoveltyIndex()
    stories = [told(A, at) for at in order]
    for story in stories:
        story.settled = True
        index.add(story)
    while stories:
        earliest = min(stories, key=lambda one: one.event_time)
        assert index.find_settled(A) is index.tell(told(A, 9)) is earliest
        index.remove(stories.pop(0))
    assert index.tell(told(A)) is None
