"""The watchlist: the names a desk follows, and which of them an item is about.

Owns the file `watchlist.csv` (columns key, name, aliases separated by `|`). An item is about
those whose key, name or alias is among its `entities`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from monitor.errors import SettingsError


class Watchlist:
    """Names by each of their spellings; `keys` are in the file's order."""

    def __init__(self, spellings: dict[str, str]) -> None:
        self._spellings = spellings
        self.keys = tuple(dict.fromkeys(spellings.values()))

    def match(self, entities: Iterable[str], most: int) -> list[str]:
        """The keys of those named, each once, in the order named, at most `most` of them."""
        found = (self._spellings.get(entity.casefold()) for entity in entities)
        return list(dict.fromkeys(key for key in found if key is not None))[:most]


def load_watchlist(path: Path | None) -> Watchlist:
    """Read a watchlist; an empty one without a path.

    Raises:
        SettingsError: when the file can't be read, lacks a column, or gives two keys to one
            spelling.
    """
    if path is None:
        return Watchlist({})
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if "key" not in (reader.fieldnames or ()):
                raise SettingsError(
                    f"watchlist {path}: the first line must name the columns, at least 'key' "
                    f"(also 'name' and 'aliases'); it names {', '.join(reader.fieldnames or ())}"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(
            f"watchlist {path} can't be read: {error}; check the setting score.watchlist"
        ) from None
    spellings: dict[str, str] = {}
    for line, row in rows:
        key = (row["key"] or "").strip()
        if not key:
            raise SettingsError(f"watchlist {path}, line {line}: the key is empty")
        aliases = [key, row.get("name") or "", *(row.get("aliases") or "").split("|")]
        for alias in filter(None, (alias.strip().casefold() for alias in aliases)):
            if spellings.setdefault(alias, key) != key:
                raise SettingsError(
                    f"watchlist {path}, line {line}: {alias!r} already stands for "
                    f"{spellings[alias]!r}; a spelling can mean one key only"
                )
    return Watchlist(spellings)
