"""Which items tell a new story, and which tell one again.

Pure. An item tells an earlier story when the estimated Jaccard similarity of their words is at
least `SAME_STORY`. Candidates are found by locality-sensitive hashing of the signature's bands
(Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, 3rd ed., section 3.4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.records import NewsItem
from monitor.surge.signature import bands, similarity

SAME_STORY = 0.6


@dataclass(slots=True, eq=False)
class Told:
    """A story: the item that told it first, and how many settled items told it again.

    What was a story while its pane was open is `settled_as` another, or the same made final.
    """

    item: NewsItem
    event_time: int
    negative: float
    signature: bytes
    pane: int
    copies: int = 0
    settled_as: Told | None = None


class NoveltyIndex:
    """Stories by the bands of their signatures, dropped by pane."""

    def __init__(self) -> None:
        self._by_band: dict[bytes, list[Told]] = defaultdict(list)
        self._by_pane: dict[int, list[Told]] = defaultdict(list)

    def find(self, signature: bytes) -> Told | None:
        """The most similar story that counts as the same, or None. The earliest wins a tie."""
        best, best_similarity = None, SAME_STORY
        for story in self._candidates(signature):
            likeness = similarity(signature, story.signature)
            if likeness > best_similarity or (likeness == best_similarity and best is None):
                best, best_similarity = story, likeness
        return best

    def add(self, story: Told) -> None:
        """Remember a story."""
        self._by_pane[story.pane].append(story)
        for band in bands(story.signature):
            self._by_band[band].append(story)

    def drop(self, pane: int) -> None:
        """Forget the stories first told in this pane."""
        for story in self._by_pane.pop(pane, ()):
            for band in bands(story.signature):
                bucket = self._by_band[band]
                bucket.remove(story)
                if not bucket:
                    del self._by_band[band]

    def _candidates(self, signature: bytes) -> Iterator[Told]:
        seen: set[int] = set()
        for band in bands(signature):
            for story in self._by_band.get(band, ()):
                if id(story) not in seen:
                    seen.add(id(story))
                    yield story
