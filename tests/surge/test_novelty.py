"""Signatures and the index of stories."""

import pytest

from monitor.records import NewsItem
from monitor.surge.novelty import NoveltyIndex, Told
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
