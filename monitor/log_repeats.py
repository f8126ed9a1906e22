"""What a library says again and again is let through once in a while, with the count of the rest.

Pure: it is told the time by the records themselves, and writes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

_Key = tuple[str, int, str]


@dataclass(slots=True)
class _Said:
    last: logging.LogRecord
    until: float
    more: int = 0


class Repeats:
    """Lets the first record of each message through, and then one in each interval.

    Records with the same logger, level and unformatted message say the same. So what is kept is
    bounded by the number of messages that the library's source has.

    Args:
        library: the name of the logger above those to be spared.
        interval_seconds: how long a message is held back after it was let through.
    """

    def __init__(self, library: str, interval_seconds: float) -> None:
        self._library = library
        self._interval = interval_seconds
        self._said: dict[_Key, _Said] = {}

    def let_through(self, record: logging.LogRecord) -> bool:
        """Whether to write a record; if not, it is counted, and `due` will tell of it."""
        if record.name.partition(".")[0] != self._library:
            return True
        key = (record.name, record.levelno, str(record.msg))
        said = self._said.get(key)
        if said is None:
            self._said[key] = _Said(record, record.created + self._interval)
            return True
        said.last = record
        said.more += 1
        return False

    def due(self, now: float) -> list[logging.LogRecord]:
        """What was held back for an interval by `now` (seconds since 1970), each with its count.

        The last record of each message stands for all of them.
        """
        told = []
        for key, said in [*self._said.items()]:
            if said.until > now:
                continue
            if said.more == 0:
                del self._said[key]
                continue
            told.append(_counted(said))
            said.more, said.until = 0, now + self._interval
        return told


def _counted(said: _Said) -> logging.LogRecord:
    record = logging.makeLogRecord(vars(said.last))
    others = said.more - 1
    record.msg = record.getMessage() + (f" (and {others} more like it)" if others else "")
    record.args = ()
    return record
