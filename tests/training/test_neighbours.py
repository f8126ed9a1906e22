"""Near-duplicates are found, in any script, and clusters are what a comparison of all finds."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model.signature import words
from training.neighbours import clusters, near_any

LONG = "Tarnhill warns that its loss for the third quarter will be larger than it had expected"


def test_a_chain_makes_one_cluster() -> None:
    texts = [LONG, f"{LONG} today", f"{LONG} today again", "Oake Mining names a finance chief"]
    assert clusters(texts, 0.9) == [0, 0, 0, 3]
    assert clusters([texts[0], texts[2]], 0.95) == [0, 1]


def test_case_order_and_punctuation_make_no_difference() -> None:
    shuffled = " ".join(reversed(LONG.upper().split())) + "!"
    assert clusters([LONG, shuffled], 1.0) == [0, 0]


def test_the_nearest_of_held_out_texts_is_the_first_one() -> None:
    texts = ["Oake Mining names a finance chief", f"{LONG}, it says"]
    assert near_any(texts, ["Larkfen holds its payout", LONG, LONG.upper()], 0.8) == [None, 1]
    assert near_any(texts, [], 0.8) == [None, None]
    assert near_any([], texts, 0.8) == []


def test_full_width_chinese_is_the_same_text() -> None:
    texts = [
        "橡树矿业第三季度净利润同比下降４０％，股价下跌",  # noqa: RUF001
        "橡树矿业第三季度净利润同比下降40%,股价下跌",
        "橡树矿业：第三季度净利润同比下降40%,股价下跌",  # noqa: RUF001
        "湖岸银行宣布派发中期股息每股两角",
    ]
    assert clusters(texts, 0.8) == [0, 0, 0, 3]


def test_a_template_of_a_thousand_companies_is_not_one_cluster() -> None:
    companies = [f"{a}{b}" for a, b in itertools.product("abcdefghij", repeat=2)] * 10
    texts = [f"{name}{n} to report quarterly earnings" for n, name in enumerate(companies)]
    assert clusters(texts, 0.8) == list(range(1000))


VOCABULARY = [f"w{n}" for n in range(12)]
TEXTS = st.lists(
    st.lists(st.sampled_from(VOCABULARY), min_size=4, max_size=10, unique=True).map(" ".join),
    max_size=12,
)


def similarity(a: str, b: str) -> float:
    one, other = set(words(a)), set(words(b))
    return len(one & other) / len(one | other)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from([0.8, 0.9, 1.0]))
def test_clusters_join_near_texts_and_no_others(texts: list[str], threshold: float) -> None:
    found = clusters(texts, threshold)
    near = [
        (a, b)
        for a, b in itertools.combinations(range(len(texts)), 2)
        if similarity(texts[a], texts[b]) >= threshold
    ]
    joined = list(range(len(texts)))
    for _ in texts:
        for a, b in near:
            joined[a] = joined[b] = min(joined[a], joined[b])
    # Hashing may miss a near pair (one in 5,000 at 0.8), and finds none that is not one.
    wholes = {index: {joined[i] for i, f in enumerate(found) if f == index} for index in found}
    assert all(len(whole) == 1 for whole in wholes.values())
    if threshold == 1.0:
        assert found == joined


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS)
def test_whatever_is_near_a_held_out_text_is_so(texts: list[str], others: list[str]) -> None:
    for text, other in zip(texts, near_any(texts, others, 0.8), strict=True):
        if other is not None:
            assert similarity(text, others[other]) >= 0.8
        else:
            assert text not in others
