"""How much negative news a new model sees where the old one saw some, on recent news.

Owns which news is kept for that, and the estimator. Pure: it runs no model and knows no stream.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec

from monitor.model.judge import Judgement
from monitor.records import ModelChange, NewsItem
from monitor.scoring.watchlist import Watchlist

RECENT = 512
_CHARACTERS = 8192  # of a title or a body; more would only matter to a model of 256 tokens or more
_WEIGHT = 10.0
"""How many negative items under each model weigh as much as what is believed beforehand."""
_ALL, _ENTITIES = "all", "entities"


class RecentNews:
    """The last news items that were taken up, at most `RECENT`, each title once.

    Kept of an item is what a model reads of it and the names of the watchlist that it is about,
    so that the memory is bounded whatever is published.
    """

    def __init__(self, watchlist: Watchlist, max_entities: int) -> None:
        self._watchlist = watchlist
        self._max_entities = max_entities
        self._items: dict[str, NewsItem] = {}

    def follow(self, watchlist: Watchlist) -> None:
        """Keep of items to come the names of another watchlist."""
        self._watchlist = watchlist

    def add(self, items: Iterable[NewsItem]) -> None:
        """Take note of news, in its order."""
        for item in items:
            title = item.title[:_CHARACTERS]
            self._items.pop(title, None)
            self._items[title] = NewsItem(
                id="",
                title=title,
                body=item.body[:_CHARACTERS] if item.body else None,
                language=item.language,
                entities=tuple(self._watchlist.match(item, self._max_entities)),
            )
        while len(self._items) > RECENT:
            del self._items[next(iter(self._items))]

    def items(self) -> list[NewsItem]:
        """The items, oldest first; their `entities` are keys of the watchlist."""
        return list(self._items.values())


class Told(msgspec.Struct, frozen=True):
    """One item as both models judge it; `entities` is how many entity series it feeds."""

    old: Judgement
    new: Judgement
    entities: int


def model_change(
    told: Sequence[Told],
    *,
    previous: str,
    model: str,
    topics: Collection[str],
    negative_threshold: float,
) -> ModelChange:
    """What changes for each series when a model takes over from another.

    The ratio of everything is `shrunk` towards 1, and those of topics and entities towards that.

    Args:
        told: the items that both have judged.
        previous: the version of the old model.
        model: the version of the new one.
        topics: the topic series that both know.
        negative_threshold: the probability from which an item is negative.
    """
    old = _negative(((one.old, one.entities) for one in told), negative_threshold)
    new = _negative(((one.new, one.entities) for one in told), negative_threshold)
    overall = shrunk(old[_ALL, ""], new[_ALL, ""], 1.0)
    return ModelChange(
        previous=previous,
        model=model,
        topics={
            topic: shrunk(old["topic", topic], new["topic", topic], overall)
            for topic in sorted(topics)
        },
        entities=shrunk(old[_ENTITIES, ""], new[_ENTITIES, ""], overall),
        all=overall,
        items=len(told),
    )


def shrunk(old: int, new: int, towards: float) -> float:
    """The ratio of negative items, new to old, drawn to a belief where there are few.

    With R the belief and w a weight of ten items: R · (new / √R + w) / (old · √R + w). It is
    R where there is no item, new / old where there are very many, and between the two otherwise.
    This is the mean of a Gamma posterior for a Poisson rate, with the counts brought to a common
    scale by √R first: so to exchange the models, and R for 1 / R, gives exactly the inverse, and
    a swap there and back changes nothing.

    Args:
        old: negative items under the old model.
        new: negative items under the new model.
        towards: R, above 0.
    """
    scale = math.sqrt(towards)
    return towards * (new / scale + _WEIGHT) / (old * scale + _WEIGHT)


def _negative(
    judged: Iterable[tuple[Judgement, int]], threshold: float
) -> Counter[tuple[str, str]]:
    """How many negative records a model makes, by kind of series; topics by name."""
    counts: Counter[tuple[str, str]] = Counter()
    for judgement, entities in judged:
        if judgement.sentiment.negative >= threshold:
            counts[_ALL, ""] += 1
            counts[_ENTITIES, ""] += entities
            counts.update(("topic", topic) for topic in judgement.series_topics)
    return counts
