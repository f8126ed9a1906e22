"""Things by their keys, in the order they came, that can say what is new since a version. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

Item = TypeVar("Item")
_REMEMBERED = 5_000


class Shelf(Generic[Item]):
    """Items by key; versions are numbers that only grow, and are the caller's.

    Args:
        limit: how many it holds; with more the oldest is let go of, and never taken again, so
            that an item that changes keeps its place. None: no limit, and what was taken out may
            come again.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._items: dict[str, tuple[Item, int]] = {}
        self._gone: dict[str, int] = {}
        self.floor = 0
        """What changed up to this version can't be told apart any more."""

    def put(self, key: str, item: Item, version: int) -> bool:
        """Put an item in, or in the place of the one it replaces; whether anything changed."""
        before = self._items.get(key)
        if before is not None and before[0] == item:
            return False
        if before is None and key in self._gone:
            if self._limit is not None:
                return False
            del self._gone[key]
        self._items[key] = (item, version)
        if self._limit is not None and len(self._items) > self._limit:
            self.take_out(next(iter(self._items)), version)
        return True

    def take_out(self, key: str, version: int) -> bool:
        """Take an item out; whether there was one."""
        if self._items.pop(key, None) is None:
            return False
        self._gone[key] = version
        if len(self._gone) > _REMEMBERED:
            oldest = next(iter(self._gone))
            self.floor = self._gone.pop(oldest)
        return True

    def get(self, key: str) -> Item | None:
        """The item under a key."""
        found = self._items.get(key)
        return None if found is None else found[0]

    def items(self) -> tuple[Item, ...]:
        """All of them."""
        return tuple(item for item, _ in self._items.values())

    def since(self, version: int) -> tuple[Item, ...]:
        """Those that changed after a version."""
        return tuple(item for item, changed in self._items.values() if changed > version)

    def gone_since(self, version: int) -> tuple[str, ...]:
        """The keys of those that were taken out after a version, and did not come again."""
        return tuple(key for key, changed in self._gone.items() if changed > version)
