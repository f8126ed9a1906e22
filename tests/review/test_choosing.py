"""Which items are chosen for labelling, in which order, and that no story comes twice."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from monitor.model.signature import sign
from monitor.records import NewsItem, Sentiment
from monitor.review.choosing import Candidate, View, choose, drifts, uncertainty
from monitor.surge.signature import similarity

SURE = View("Banks", 0.99, Sentiment(0.01, 0.98, 0.01))
UNSURE = View("Banks", 0.4, Sentiment(0.34, 0.33, 0.33))
BAD = View("Banks", 0.99, Sentiment(0.98, 0.01, 0.01))
WORDS = ["halden", "oake", "bank", "oil", "court", "gains", "falls", "rates", "profit", "ruling"]


def candidate(
    number: int, view: View = SURE, *, shadow: View | None = None, source: str = "Wire",
    title: str | None = None, model: str = "a",
) -> Candidate:  # fmt: skip
    """An item whose words are its own, unless a title is given."""
    told = title or " ".join(f"{source}{number}x{word}" for word in range(8))
    item = NewsItem(f"n{number}", told, source=source)
    return Candidate(item, number, view, model, sign(told), shadow)


def ids(chosen: list[object]) -> list[str]:
    return [one.candidate.item.id for one in chosen]  # type: ignore[attr-defined]


def test_the_most_uncertain_come_first() -> None:
    views = [View("Banks", p, Sentiment(1 - p, p, 0.0)) for p in (0.95, 0.6, 0.75, 0.99)]
    chosen = choose([candidate(n, view) for n, view in enumerate(views)], 3)
    assert ids([*chosen]) == ["n1", "n2", "n0"]
    assert chosen[0].reasons == ("uncertain",)


def test_disputed_and_uncertain_take_turns_the_wider_dispute_first() -> None:
    near = View("Banks", 0.99, Sentiment(0.5, 0.4, 0.1))
    pool = [
        candidate(0),
        candidate(1, UNSURE),
        candidate(2, SURE, shadow=near),
        candidate(3, SURE, shadow=BAD),
        candidate(4, SURE, shadow=SURE),
        candidate(5, SURE, shadow=View("Oil", 0.9, SURE.sentiment)),
    ]
    chosen = choose(pool, 4)
    assert ids([*chosen]) == ["n5", "n1", "n3", "n0"]
    assert [one.reasons[0] for one in chosen] == ["disputed", "uncertain"] * 2


def test_a_story_is_taken_once_and_known_texts_are_left_out() -> None:
    story = "Halden bank halts withdrawals after run on deposits in the north"
    pool = [
        candidate(0, UNSURE, title=story),
        candidate(1, UNSURE, title=story.upper() + "!"),
        candidate(2, UNSURE, title=f"Update {story}"),
        candidate(3, UNSURE),
    ]
    assert ids([*choose(pool, 9)]) == ["n0", "n3"]
    assert ids([*choose(pool, 9, [sign(story)])]) == ["n3"]


def test_a_source_that_is_judged_otherwise_than_before_drifts() -> None:
    mixed = [SURE, BAD]
    steady = [candidate(n, mixed[n % 2], source="Steady") for n in range(400)]
    turned = [candidate(n, SURE if n < 200 else BAD, source="Turned") for n in range(400)]
    few = [candidate(n, SURE if n < 200 else BAD, source="Few") for n in range(180, 220)]
    found = drifts([*steady, *turned, *few])
    assert found.keys() == {"Turned"}
    chosen = choose([*steady, *turned], 2)
    assert chosen[1].candidate.item.source == "Turned"
    assert chosen[1].candidate.time >= 200
    assert "drift" in chosen[1].reasons


def test_another_model_is_no_drift() -> None:
    """The new model finds all of it bad, the old one none; then one source turns, under the new."""
    swapped = [
        candidate(n, SURE if n < 300 else BAD, source="Wire", model="a" if n < 300 else "b")
        for n in range(700)
    ]
    assert drifts(swapped) == {}
    turned = [
        candidate(n, SURE if n < 500 else BAD, source="Turned", model="b") for n in range(300, 700)
    ]
    assert drifts([*swapped, *turned]).keys() == {"Turned"}


def test_chance_alone_is_seldom_called_drift() -> None:
    chance = random.Random(5)
    topics = ["Banks", "Oil", "Macro", "Courts"]
    found = 0
    for _ in range(100):
        views = [
            View(chance.choice(topics), 0.9, chance.choice((SURE, BAD)).sentiment)
            for _ in range(300)
        ]
        found += len(drifts([candidate(n, view) for n, view in enumerate(views)]))
    assert found <= 2


def test_uncertainty_is_from_nothing_to_one() -> None:
    assert uncertainty(View("Banks", 1.0, Sentiment(1.0, 0.0, 0.0))) == 0
    assert uncertainty(View("Banks", 0.5, Sentiment(1 / 3, 1 / 3, 1 / 3))) > 0.999


TITLES = st.lists(st.lists(st.sampled_from(WORDS), min_size=2, max_size=6).map(" ".join))


@given(TITLES, st.integers(0, 10), st.randoms())
def test_no_two_chosen_tell_one_story_and_there_are_no_more_than_asked(
    titles: list[str], most: int, chance: random.Random
) -> None:
    views = [SURE, UNSURE, BAD]
    pool = [
        candidate(n, chance.choice(views), shadow=chance.choice(views), title=title)
        for n, title in enumerate(titles)
    ]
    chosen = choose(pool, most)
    assert len(chosen) <= most
    for one, other in itertools.combinations(chosen, 2):
        # Bands find near-duplicates with great probability, not always: equal ones always.
        assert one.candidate.signature != other.candidate.signature
        assert similarity(one.candidate.signature, other.candidate.signature) < 0.85
