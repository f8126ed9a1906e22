"""How much negative news each model finds, so that a better one doesn't ring every bell.

Pure. A model that finds more of the same news negative than the one before would look like a
surge on every series. SCORE tells the ratio when a model takes over; from then on each negative
story counts for what the first model of the log would have found of it.
"""

from __future__ import annotations

import msgspec

from monitor.records import ModelChange, Series

WHOLE = 1_000_000
"""Weights are whole millionths, so that sums don't depend on the order of addition."""


class Scale(msgspec.Struct, frozen=True):
    """What one model finds, as multiples of what the first one found."""

    all: float = 1.0
    entities: float = 1.0
    topics: dict[str, float] = {}

    def of(self, series: Series) -> float:
        """The multiple on one series; a topic that was not told of goes by all news."""
        if series.by == "topic":
            return self.topics.get(series.key, self.all)
        return self.entities if series.by == "entity" else self.all

    def then(self, change: ModelChange) -> Scale:
        """The scale of the model that takes over from one of this scale."""
        topics = {*self.topics, *change.topics}
        return Scale(
            all=self.all * change.all,
            entities=self.entities * change.entities,
            topics={
                each: self.topics.get(each, self.all) * change.topics.get(each, change.all)
                for each in sorted(topics)
            },
        )


FIRST = Scale()


class Scales:
    """The scales of the models of one log, as far as it has told of them."""

    def __init__(self) -> None:
        self.known: dict[str, Scale] = {}

    def learn(self, change: ModelChange) -> bool:
        """Take a change. Returns whether it tells anything new: the first word on a model holds."""
        if change.model in self.known:
            return False
        before = self.known.setdefault(change.previous, FIRST)
        self.known[change.model] = before.then(change)
        return True

    def weight(self, series: Series, model: str) -> int:
        """What a negative story that this model found counts for, in `WHOLE`ths."""
        return round(WHOLE / self.known.get(model, FIRST).of(series))
