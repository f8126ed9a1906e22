"""Which items tell a new story, and which tell one again.

Pure. An item tells an earlier story when the estimated Jaccard similarity of their words is at
least `SAME_STORY`. Candidates are found by locality-sensitive hashing of the signature's bands
(Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, 3rd ed., section 3.4).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from monitor.records import NewsItem
from monitor.surge.signature import BANDS, bands, similarity

SAME_STORY = 0.6


@dataclass(slots=True, eq=False)
class Told:
    """A story: the item that told it first, and how many settled items told it again.

    While its pane is open, a story may yet turn out to be another's, told earlier; once it is
    settled, `settled_as` is that other story, or the story itself. `number` is its place among
    all that its track was told.
    """

    item: NewsItem
    event_time: int
    negative: float
    signature: bytes
    pane: int
    number: int = 0
    copies: int = 0
    settled_as: Told | None = None


class NoveltyIndex:
    """Stories by the bands of their signatures, dropped by pane."""

    def __init__(self) -> None:
        self._by_band: tuple[dict[int, list[Told]], ...] = tuple({} for _ in range(BANDS))
        self._by_pane: dict[int, list[Told]] = defaultdict(list)

    def find(self, signature: bytes, *, settled: bool = False) -> Told | None:
        """The most similar story that counts as the same, the earliest of equals; or None.

        Args:
            signature: the item's signature.
            settled: look among settled stories only.
        """
        buckets = zip(self._by_band, bands(signature), strict=True)
        found = [bucket for index, band in buckets if (bucket := index.get(band)) is not None]
        if not found:
            return None
        alike = [
            (-likeness, story.event_time, story.item.id, story)
            for story in {id(story): story for bucket in found for story in bucket}.values()
            if (not settled or story.settled_as is not None)
            and (likeness := similarity(signature, story.signature)) >= SAME_STORY
        ]
        return min(alike, key=lambda one: one[:3])[3] if alike else None

    def of_pane(self, pane: int) -> list[Told]:
        """The stories first told in this pane, in the order in which they were."""
        return list(self._by_pane.get(pane, ()))

    def panes(self) -> list[int]:
        """The panes in which stories were first told that are remembered."""
        return [pane for pane, stories in self._by_pane.items() if stories]

    def add(self, story: Told) -> None:
        """Remember a story."""
        self._by_pane[story.pane].append(story)
        for index, band in zip(self._by_band, bands(story.signature), strict=True):
            bucket = index.get(band)
            if bucket is None:
                index[band] = [story]
            else:
                bucket.append(story)

    def remove(self, story: Told) -> None:
        """Forget one story."""
        self._by_pane[story.pane].remove(story)
        self._remove_bands(story)

    def drop(self, pane: int) -> None:
        """Forget the stories first told in this pane."""
        for story in self._by_pane.pop(pane, ()):
            self._remove_bands(story)

    def _remove_bands(self, story: Told) -> None:
        for index, band in zip(self._by_band, bands(story.signature), strict=True):
            bucket = index[band]
            if len(bucket) == 1:
                del index[band]
            else:
                bucket.remove(story)
