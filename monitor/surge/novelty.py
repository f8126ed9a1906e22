"""Which items tell a new story, and which tell one again.

Pure. An item tells an earlier story when the estimated Jaccard similarity of their words is at
least `SAME_STORY`. Candidates are found by locality-sensitive hashing of the signature's bands
(Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, 3rd ed., section 3.4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import repeat

import msgspec

from monitor.records import NewsItem
from monitor.surge.signature import BANDS, BYTES, bands, equal_bytes, similarity_of

SAME_STORY = 0.6
_EQUAL_BYTES = next(equal for equal in range(BYTES + 1) if similarity_of(equal) >= SAME_STORY)


class Told(msgspec.Struct, eq=False, gc=False):
    """A story: the item that told it first, and how many settled items told it again.

    While its pane is open, a story may yet turn out to be another's, told earlier: once it is
    `settled`, `settled_as` is that other story, or None where it is itself. `contested` tells
    that a story like it was settled while it was not, and `shares` that it is the first of those
    that share some band. A `twin` is not the only one with its signature. `number` is its place
    among all that its track was told.
    """

    # No story is part of a reference cycle, and there are millions of them: the garbage
    # collector need not walk over them.

    item: NewsItem
    event_time: int
    negative: float
    signature: bytes
    pane: int
    number: int = 0
    copies: int = 0
    settled: bool = False
    settled_as: Told | None = None
    contested: bool = False
    shares: bool = False
    twin: bool = False


class NoveltyIndex:
    """Stories by the bands of their signatures, dropped by pane.

    Nearly every band is of one story only. Where several share one, the first is in `_by_band`,
    and the others are in `_sharing`, by the band's place and value. Half of all repetitions are
    literal, so that the signature itself is looked up before its bands: `_by_signature` has the
    first story of each. What was loaded is in none of these, but by its pane only, until any of
    them is needed: a restart must not wait for what nobody asks yet.
    """

    def __init__(self) -> None:
        self._by_signature: dict[bytes, Told] = {}
        self._by_band: tuple[dict[int, Told], ...] = tuple({} for _ in range(BANDS))
        self._sharing: dict[tuple[int, int], list[Told]] = {}
        self._by_pane: dict[int, dict[Told, None]] = defaultdict(dict)
        self._is_loaded = False

    def load(self, stories: Iterable[Told]) -> None:
        """Remember stories, in the order in which they were told; nothing was told before."""
        for story in stories:
            self._by_pane[story.pane][story] = None
        self._is_loaded = True

    def tell(self, story: Told) -> Told | None:
        """Remember a story, unless it was told before: then returns what `find` would."""
        if self._is_loaded:
            self._unload()
        same = self._by_signature.get(story.signature)
        if same is not None and not same.twin:
            return same
        # What has to be looked up and what has to be put in are the same sixteen places.
        keys = bands(story.signature)
        found = list(map(dict.setdefault, self._by_band, keys, repeat(story)))
        if found.count(story) < BANDS:
            earlier = _most_alike(story.signature, self._candidates(keys, found, story))
            if earlier is not None:
                for index, key, first in zip(self._by_band, keys, found, strict=True):
                    if first is story:
                        del index[key]
                return earlier
            self._share(keys, found, story)
        self._by_signature[story.signature] = story
        self._by_pane[story.pane][story] = None
        return None

    def find(self, signature: bytes) -> Told | None:
        """The most similar story that counts as the same, the earliest of equals; or None."""
        return _most_alike(signature, self._like(signature))

    def find_settled(self, signature: bytes) -> Told | None:
        """As `find`, among settled stories only."""
        if self._is_loaded:
            self._unload()
        same = self._by_signature.get(signature)
        if same is not None and same.settled and not same.twin:
            return same
        return _most_alike(signature, (one for one in self._like(signature) if one.settled))

    def contest(self, signature: bytes) -> None:
        """Mark the stories that count as the same, and are not settled yet, as contested."""
        for story in self._like(signature):
            if not story.settled and _is_same(int.from_bytes(signature), story):
                story.contested = True

    def of_pane(self, pane: int) -> list[Told]:
        """The stories first told in this pane, in the order in which they were."""
        return list(self._by_pane.get(pane, ()))

    def panes(self) -> list[int]:
        """The panes in which stories were first told that are remembered."""
        return [pane for pane, stories in self._by_pane.items() if stories]

    def add(self, story: Told) -> None:
        """Remember a story, whatever was told before."""
        if self._is_loaded:
            self._unload()
        self._by_pane[story.pane][story] = None
        self._put(story)

    def _unload(self) -> None:
        """Put what was loaded, and is still remembered, under its bands."""
        self._is_loaded = False
        loaded = [story for stories in self._by_pane.values() for story in stories]
        for story in sorted(loaded, key=lambda story: story.number):
            self._put(story)

    def _put(self, story: Told) -> None:
        same = self._by_signature.setdefault(story.signature, story)
        same.twin = same is not story
        keys = bands(story.signature)
        found = list(map(dict.setdefault, self._by_band, keys, repeat(story)))
        if found.count(story) < BANDS:
            self._share(keys, found, story)

    def remove(self, story: Told) -> None:
        """Forget one story."""
        if self._is_loaded:
            self._unload()
        del self._by_pane[story.pane][story]
        self._remove_bands(story)

    def drop(self, pane: int) -> None:
        """Forget the stories first told in this pane."""
        dropped = self._by_pane.pop(pane, ())
        if not self._is_loaded:
            for story in dropped:
                self._remove_bands(story)

    def _like(self, signature: bytes) -> Collection[Told]:
        """The stories that share a band with a signature."""
        if self._is_loaded:
            self._unload()
        keys = bands(signature)
        found = list(map(dict.get, self._by_band, keys))
        return () if found.count(None) == BANDS else self._candidates(keys, found, None)

    def _candidates(
        self, keys: tuple[int, ...], found: Sequence[Told | None], own: Told | None
    ) -> Collection[Told]:
        """Each story of the bands, once.

        Args:
            keys: the bands.
            found: the first story of each.
            own: what is in `found` for a band that is no story's.
        """
        candidates: dict[Told | None, None] = dict.fromkeys(found)
        candidates.pop(own, None)
        firsts = [story for story in candidates if story is not None]
        if not any(story.shares for story in firsts):
            return firsts
        stories = dict.fromkeys(firsts)
        for place, (key, first) in enumerate(zip(keys, found, strict=True)):
            if first is not None and first.shares and (place, key) in self._sharing:
                stories.update(dict.fromkeys(self._sharing[place, key]))
        return stories

    def _share(self, keys: tuple[int, ...], found: Sequence[Told], story: Told) -> None:
        """Note a story under the bands that are others' already."""
        for place, (key, first) in enumerate(zip(keys, found, strict=True)):
            if first is not story:
                first.shares = True
                self._sharing.setdefault((place, key), []).append(story)

    def _remove_bands(self, story: Told) -> None:
        if self._by_signature[story.signature] is story:
            self._pass_on(story)
        keys = bands(story.signature)
        for place, (index, key) in enumerate(zip(self._by_band, keys, strict=True)):
            others = self._sharing.get((place, key))
            if others is None:
                del index[key]
                continue
            if index[key] is story:
                index[key] = others.pop(0)
                index[key].shares = True
            else:
                others.remove(story)
            if not others:
                del self._sharing[place, key]

    def _pass_on(self, story: Told) -> None:
        """Let another story with the same signature, if there is one, be the first of it."""
        del self._by_signature[story.signature]
        if not story.twin:
            return
        for other in self._like(story.signature):
            if other is not story and other.signature == story.signature:
                other.twin = True
                self._by_signature[story.signature] = other
                return


def _is_same(signature: int, story: Told) -> bool:
    return equal_bytes(signature, story.signature) >= _EQUAL_BYTES


def _most_alike(signature: bytes, candidates: Iterable[Told]) -> Told | None:
    """Of those that count as the same the most similar, the earliest of equals."""
    number = int.from_bytes(signature)
    alike = [
        (-equal, story.event_time, story.item.id, story)
        for story in candidates
        if (equal := equal_bytes(number, story.signature)) >= _EQUAL_BYTES
    ]
    return min(alike, key=lambda one: one[:3])[3] if alike else None
