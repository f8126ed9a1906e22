"""Signatures: what they depend on, how well they estimate, and that they stay what they are."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.signature import sign, words
from monitor.surge.novelty import SAME_STORY
from monitor.surge.signature import BYTES, bands, similarity

HEADLINE = "Halden Bank halts withdrawals as depositors run, regulator steps in"


def estimate(a: str, b: str) -> float:
    return similarity(sign(a), sign(b))


def test_a_stored_signature_can_still_be_compared() -> None:
    # Signatures lie in streams for weeks. If this fails, what is stored is no longer comparable:
    # a new schema version is due, not a new golden value.
    assert base64.b64encode(sign(HEADLINE)).decode() == (
        "HjvFHoOjXXAq/Z0udKYO04rKVE4BZkNFjqsHBGbkj5xJtuzoUzToh5yvHAHxOW5OY35rb65XELkL7Exje5iywg=="
    )


@given(st.text())
def test_any_text_has_a_signature_and_equals_itself(text: str) -> None:
    assert len(sign(text)) == BYTES
    assert estimate(text, text) == 1.0


def test_case_punctuation_links_order_and_repetition_do_not_matter() -> None:
    told_again = "REGULATOR steps in - as depositors run: Halden Bank halts withdrawals run https://t.example/x"
    assert sign(HEADLINE) == sign(told_again)


def test_texts_without_a_word_are_different_stories() -> None:
    assert estimate("!!!", "???") < SAME_STORY


@pytest.mark.parametrize("jaccard", [0.0, 0.25, 0.5, 0.6, 0.75, 0.9])
def test_similarity_estimates_the_jaccard_similarity_of_the_words(jaccard: float) -> None:
    draw = random.Random(7)
    estimates = []
    for _ in range(300):
        size = 40
        common = round(2 * size * jaccard / (1 + jaccard))
        names = [f"w{draw.getrandbits(40)}" for _ in range(2 * size - common)]
        shared, rest = names[:common], names[common:]
        a, b = shared + rest[: size - common], shared + rest[size - common :]
        estimates.append(estimate(" ".join(a), " ".join(b)) - common / (2 * size - common))
    # 64 independent comparisons: a standard deviation of at most 0.0625 each.
    assert abs(sum(estimates) / len(estimates)) < 0.02
    assert sum(abs(error) > 0.19 for error in estimates) <= 0.02 * len(estimates)


def test_near_duplicates_are_found_by_a_band_and_strangers_are_not_the_same() -> None:
    again = "UPDATE 1: " + HEADLINE
    a, b = sign(HEADLINE), sign(again)
    assert any(one == other for one, other in zip(bands(a), bands(b), strict=True))
    assert similarity(a, b) >= SAME_STORY
    other = sign("Orrin Oil lifts full-year output forecast on new wells")
    assert similarity(a, other) < 0.2


def test_scripts_without_spaces_are_compared_by_pairs_of_characters() -> None:
    assert words("海陵银行亏损") == ["海陵", "陵银", "银行", "行亏", "亏损"]
    assert words("Acme宣布 裁员") == ["acme", "宣布", "裁员"]
    assert words("亏") == ["亏"]
    near = estimate(
        "海陵银行第三季度亏损扩大,计划裁员四百人", "海陵银行第三季度亏损扩大,计划裁员四百余人"
    )
    assert near >= SAME_STORY
    assert estimate("海陵银行第三季度亏损扩大", "央行维持利率不变") < 0.2
