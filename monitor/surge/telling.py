"""Which items of a track count, and which story each tells: first by arrival, then settled.

Pure. Owns the novelty index and the ids that were seen or withdrawn, and forgets them with time;
it counts nothing, and holds no pane.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import msgspec

from monitor.surge.novelty import NoveltyIndex, Told
from monitor.surge.panes import Entry, due


class Settling(NamedTuple):
    """An entry of a pane that closed, the story that it tells, and whether it is the first to."""

    entry: Entry
    pane: int
    story: Told
    novel: bool


class Telling:
    """The items and stories of one track.

    `ids` are those of items in closed panes, `open_ids` of items in open ones, and `retracted` of
    items withdrawn; each has its pane. `expiry` lists under a pane what is forgotten with it.
    `told` numbers stories. `touched` collects the closed panes that were changed, once a snapshot
    has begun to ask for it (see `monitor.surge.track_state`). `settlings` collects how each entry
    was settled, once somebody has set it to a list (see `monitor.explaining`).

    Args:
        horizon: for how many panes an item and its story are remembered.
    """

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon
        self.told = 0
        self.touched: set[int] | None = None
        self.settlings: list[Settling] | None = None
        self.index = NoveltyIndex()
        self.ids: dict[str, int] = {}
        self.open_ids: dict[str, int] = {}
        self.retracted: dict[str, int] = {}
        self.expiry: dict[int, list[str]] = defaultdict(list)

    def tell(self, entry: Entry, pane: int) -> bool:
        """Say which story an entry of an open pane is taken to tell; False where it counts not."""
        item_id = entry.record.item.id
        if item_id in self.ids or item_id in self.open_ids or item_id in self.retracted:
            return False
        self.open_ids[item_id] = pane
        story = self._story(entry, pane)
        earlier = self.index.tell(story)
        entry.story = earlier or story
        entry.novel = earlier is None
        self.told += entry.novel
        return True

    def untell(self, entry: Entry) -> None:
        """Take back what an entry of an open pane was taken to tell."""
        self.open_ids.pop(entry.record.item.id, None)
        if entry.novel and entry.story:
            self.index.remove(entry.story)
        entry.story, entry.novel = None, False

    def settle(self, entry: Entry, pane: int) -> tuple[Told, bool] | None:
        """The story that an entry of a closing pane tells, and whether it is the first to.

        None where the entry does not count. Entries are to come in the order of settling.
        """
        item_id = entry.record.item.id
        if item_id in self.ids or item_id in self.retracted:
            self.untell(entry)
            return None
        self.open_ids.pop(item_id, None)
        self.ids[item_id] = pane
        self.expiry[pane].append(item_id)
        story, novel = self._settle_story(entry, pane)
        if self.settlings is not None:
            self.settlings.append(Settling(entry, pane, story, novel))
        return story, novel

    def retract(self, item_id: str, pane: int, closed: int | None) -> bool:
        """Remember that an item was withdrawn in a pane; whether it is told in an open one."""
        before = self.retracted.get(item_id)
        # One that should have been forgotten already would never be.
        is_due = closed is not None and pane <= closed - self._horizon
        if not is_due and (before is None or pane > before):
            self.touch(before, pane)
            self.retracted[item_id] = pane
            self.expiry[pane].append(item_id)
        return item_id in self.open_ids

    def forget(self, before: int | None, closed: int) -> None:
        """Forget what is older than the horizon, now that `closed` rather than `before` is."""
        for pane in due(self.expiry, before, closed, self._horizon):
            self.touch(pane)
            self.index.drop(pane)
            for item_id in self.expiry.pop(pane):
                for ids in (self.ids, self.retracted):
                    if ids.get(item_id) == pane:
                        del ids[item_id]

    def touch(self, *panes: int | None) -> None:
        """Note that closed panes have changed."""
        if self.touched is not None:
            self.touched.update(pane for pane in panes if pane is not None)

    def _settle_story(self, entry: Entry, pane: int) -> tuple[Told, bool]:
        """The story that an entry is settled as telling, and whether it is the first to."""
        own = entry.story if entry.novel else None
        if own is not None and not own.contested:
            # It was told as a new one, and none like it has been since.
            own.settled = True
            return own, True
        earlier = self.index.find_settled(entry.record.signature)
        if earlier is not None:
            earlier.copies += 1
            self.touch(earlier.pane)
            if own is not None:
                self.index.remove(own)
                own.settled, own.settled_as = True, earlier
            return earlier, False
        story = own or self._tell_late(entry, pane)
        story.settled = True
        return story, True

    def _tell_late(self, entry: Entry, pane: int) -> Told:
        """Tell a story at its close that was taken for another's before."""
        story = self._story(entry, pane)
        self.told += 1
        self.index.contest(story.signature)
        self.index.add(story)
        return story

    def _story(self, entry: Entry, pane: int) -> Told:
        record = entry.record
        item = record.item
        if item.entities or item.extra:
            # Stories are kept for the whole horizon: without what nobody asks of them.
            item = msgspec.structs.replace(item, entities=(), extra={})
        return Told(
            item,
            record.event_time,
            record.sentiment.negative,
            record.signature,
            pane,
            self.told + 1,
        )
