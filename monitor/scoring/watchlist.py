"""The watchlist: the names a desk follows, and which of them an item is about.

Owns `watchlist.csv` and what is wrong with it; names are found in texts by `monitor.scoring.names`.
docs/WATCHLIST.md tells an owner the rules.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from monitor.errors import SettingsError
from monitor.records import NewsItem
from monitor.scoring.names import NameFinder, is_telling, plain

NEEDED = ("key", "name")
OPTIONAL = ("aliases", "group")
COLUMNS = (*NEEDED, *OPTIONAL)
MOST_CHARACTERS = 20_000
"""Of a title or a body; who is named further down is hardly what an item is about."""
_MOST_FAULTS = 100
_SEPARATORS = {";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Watchlist:
    """The names that entity series are made of. Equal where the names and groups are.

    Args:
        spellings: keys, names and aliases as they are written, and the key each stands for.
        groups: the keys of each group, in the order of the list.
    """

    spellings: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: tuple[str, ...] = field(init=False)
    _by_spelling: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _finder: NameFinder = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded = {folded_spelling(each): key for each, key in self.spellings.items()}
        # A publisher's entity is compared as it came, so what it may come as is a key here.
        folded |= {each.casefold(): key for each, key in self.spellings.items()}
        object.__setattr__(self, "keys", tuple(dict.fromkeys(self.spellings.values())))
        object.__setattr__(self, "_by_spelling", folded)
        object.__setattr__(self, "_finder", NameFinder(self.spellings))

    def match(self, item: NewsItem, most: int) -> list[str]:
        """The keys of those that an item is about, each once, at most `most` of them.

        First those among its `entities`, as the publisher names them, then those in its title,
        then those in its body, each in the order of appearance.
        """
        if not self.keys:
            return []
        named = (self._by_spelling.get(entity.casefold()) for entity in item.entities)
        found = dict.fromkeys(key for key in named if key is not None)
        for text in (item.title, item.body):
            if text and len(found) < most:
                found |= dict.fromkeys(self._finder.find(text[:MOST_CHARACTERS]))
        return list(found)[:most]


def folded_spelling(spelling: str) -> str:
    """Equal for two spellings that are one to a reader; a watchlist gives it one key."""
    return plain(spelling).casefold()


def load_watchlist(path: Path | None) -> Watchlist:
    """Read a watchlist; an empty one without a path.

    Raises:
        SettingsError: when it can't be used: one line for each fault, with file, line, column
            and how to mend it.
    """
    if path is None:
        return Watchlist({})
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"watchlist {path} can't be read ({error.strerror}); give its path in the setting "
            "score.watchlist"
        ) from None
    reading = _Reading()
    reading.take(data)
    if reading.faults:
        raise SettingsError(_told(path, reading.faults))
    groups = {group: tuple(keys) for group, keys in reading.groups.items()}
    return Watchlist(reading.spellings, groups)


class _Fault(NamedTuple):
    """What is wrong, and on which line and in which column of the CSV, if it is in one."""

    line: int
    column: str
    what: str


def _told(path: Path, faults: list[_Fault]) -> str:
    lines = [
        f"{path}:{line}: {f'{column}: ' if column else ''}{what}"
        for line, column, what in sorted(faults)[:_MOST_FAULTS]
    ]
    if len(faults) > _MOST_FAULTS:
        lines.append(f"{path}: and {len(faults) - _MOST_FAULTS} more faults")
    return "\n".join(lines)


class _Reading:
    """What has been read of a file so far, and its faults."""

    def __init__(self) -> None:
        self.spellings: dict[str, str] = {}
        self.groups: dict[str, list[str]] = {}
        self.faults: list[_Fault] = []
        self._lines: dict[str, int] = {}  # of each key
        self._owners: dict[str, tuple[str, int]] = {}  # of each spelling, folded: key and line
        self._first: dict[str, tuple[str, int]] = {}  # of each group, folded: how and where written

    def take(self, data: bytes) -> None:
        """Read the whole of a file."""
        rows = self._rows(self._decoded(data))
        line, cells = next(rows, (1, []))
        columns = [cell.strip() for cell in cells]
        if not self._takes_header(line, columns):
            return
        for line, cells in rows:
            if len(cells) > len(columns):
                self._fault(
                    line,
                    "",
                    f"has {len(cells)} cells, and the first line names {len(columns)} columns; "
                    "put a name that holds a comma in double quotes",
                )
            elif any(cell.strip() for cell in cells):
                self._take_row(line, dict(zip(columns, map(str.strip, cells), strict=False)))

    def _fault(self, line: int, column: str, what: str) -> None:
        self.faults.append(_Fault(line, column, what))

    def _decoded(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            lines = data[: error.start].split(b"\n")
            self._fault(
                len(lines),
                "",
                f"is not UTF-8 at its byte {len(lines[-1]) + 1} (0x{data[error.start]:02x}); "
                "save the file as UTF-8 (in Excel as 'CSV UTF-8')",
            )
            # To find other faults a good guess will do; of UTF-16 none would be one.
            return "" if b"\0" in data else data.removeprefix(BOM_UTF8).decode("latin-1")

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, each with the line that it begins on."""
        # A quote that is never closed would swallow the rest of the file, were it not for `strict`.
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        before = 0
        try:
            for cells in reader:
                line, before = before + 1, reader.line_num
                if cells:
                    yield line, cells
        except csv.Error as error:
            self._fault(before + 1, "", f"is not valid CSV ({error}); look at its double quotes")

    def _takes_header(self, line: int, columns: list[str]) -> bool:
        """Whether rows can be read under it."""
        for column in dict.fromkeys(columns):
            if column not in COLUMNS:
                self._fault(line, column, f"there is no such column; {_meant(column)}")
            elif columns.count(column) > 1:
                self._fault(line, column, "is given twice; leave one of these columns")
        missing = [column for column in NEEDED if column not in columns]
        if missing and (not self.faults or len(columns) > 1):
            self._fault(
                line,
                "",
                f"the first line names the columns, and lacks {' and '.join(missing)}; write "
                f"{','.join(COLUMNS)} ({' and '.join(OPTIONAL)} may be left out)",
            )
        return not missing

    def _take_row(self, line: int, row: dict[str, str]) -> None:
        key = row["key"]
        if not key:
            self._fault(line, "key", "is empty; give the name its key")
        elif not key.isprintable():
            self._fault(line, "key", f"{key!r} holds an invisible character; type it anew")
        elif key in self._lines:
            self._fault(
                line,
                "key",
                f"{key!r} has line {self._lines[key]} already; put its other names there, as "
                "aliases separated by |",
            )
        else:
            self._lines[key] = line
            self._take_spelling(line, "key", key, key)
            for column, name in _names(row):
                self._take_name(line, column, name, key)
            if row.get("group"):
                self._take_group(line, row["group"], key)

    def _take_name(self, line: int, column: str, name: str, key: str) -> None:
        if not plain(name):
            self._fault(line, column, "is empty; write the name as news writes it")
        elif not is_telling(plain(name)):
            self._fault(
                line,
                column,
                f"{name!r} would be found in too many texts; write a name of two letters or digits "
                "at least, one of them a letter",
            )
        else:
            self._take_spelling(line, column, name, key)

    def _take_spelling(self, line: int, column: str, spelling: str, key: str) -> None:
        owner, since = self._owners.setdefault(folded_spelling(spelling), (key, line))
        if owner == key:
            self.spellings[spelling] = key
            return
        self._fault(
            line,
            column,
            f"{spelling!r} stands for {owner!r} on line {since}, and can stand for one key only; "
            "take it from one of them, or write more of the name",
        )

    def _take_group(self, line: int, group: str, key: str) -> None:
        first, since = self._first.setdefault(group.casefold(), (group, line))
        if first != group:
            self._fault(line, "group", f"{group!r} is {first!r} on line {since}; write both alike")
        self.groups.setdefault(group, []).append(key)


def _names(row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The column and text of each name of a row; what is between two bars may be empty."""
    yield "name", row.get("name", "")
    for alias in row.get("aliases", "").split("|"):
        if alias.strip():
            yield "aliases", alias.strip()


def _meant(column: str) -> str:
    for separator, name in _SEPARATORS.items():
        if separator in column:
            return f"separate columns by commas, not by {name}"
    near = get_close_matches(column.casefold(), COLUMNS, n=1)
    return f"did you mean {near[0]}?" if near else f"the columns are {', '.join(COLUMNS)}"
