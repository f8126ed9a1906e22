"""How log records look: one line each, as text or JSON, safe to read in a terminal.

`configure` is called by the command line only; nothing sets up logging on import.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import math
import sys
from typing import Any, Literal, TextIO

import msgspec

from monitor.log_repeats import Repeats

# While a broker is away, aiokafka says several times a second, for each client, that it is.
_REPEAT_SECONDS = 60.0
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(form: Literal["text", "json"], level: str) -> None:
    """Send the logs of newsurge and its libraries to standard error."""
    handler = _Sparing(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    # It tells of every rebalance as a warning or an error, which our own listeners tell better.
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.CRITICAL)


def printable(text: str) -> str:
    """The text with every character that could steer a terminal or hide a line escaped."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def _context(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Sparing(logging.StreamHandler[TextIO]):
    """Writes what aiokafka repeats once in an interval; the rest is counted and told."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._repeats = Repeats("aiokafka", _REPEAT_SECONDS)

    def emit(self, record: logging.LogRecord) -> None:
        for told in self._repeats.due(record.created):
            super().emit(told)
        if self._repeats.let_through(record):
            super().emit(record)

    def close(self) -> None:
        with self.lock or contextlib.nullcontext():
            for told in self._repeats.due(math.inf):
                super().emit(told)
        super().close()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = "".join(f" {key}={value}" for key, value in _context(record).items())
        line = f"{_time(record)} {record.levelname:7} {record.name}: {record.getMessage()}"
        lines = [line + context]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        return "\n".join(printable(each) for each in lines)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode("utf-8", "replace")
