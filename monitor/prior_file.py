"""The prior's file: which one a deployment uses, and how one is written.

Owns the bytes on disk; what a prior means is in `monitor.surge.prior`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import PriorError
from monitor.surge.prior import Prior, decode_prior

SHIPPED = Path(__file__).parent / "prior.json"
"""The prior that newsurge ships (see docs/BASELINE.md)."""


def load_prior(path: Path | None) -> Prior:
    """The prior in a file, or the shipped one without a path.

    Raises:
        PriorError: when the file can't be read or used.
    """
    file = path or SHIPPED
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PriorError(
            f"prior file {file} can't be read ({error.strerror}); check the setting watch.prior, "
            "or leave it out to use the prior that newsurge ships"
        ) from None
    return decode_prior(content, str(file))


def write_prior(prior: Prior, path: Path) -> None:
    """Write a prior into a file, whole or not at all.

    Raises:
        PriorError: when it can't be written.
    """
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(encode_prior(prior))
        beside.replace(path)
    except OSError as error:
        raise PriorError(
            f"prior file {path} can't be written ({error.strerror}); give another path with -o"
        ) from None


def encode_prior(prior: Prior) -> bytes:
    """A prior as JSON for people: a line for each field, kind of day and series."""
    fields = msgspec.to_builtins(prior)
    lists = ("rhythm", "series")
    lines = [
        f"  {_json(name)}: " + (_lines(value) if name in lists else _json(value))
        for name, value in fields.items()
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _lines(entries: Mapping[str, Any]) -> str:
    if not entries:
        return "{}"
    lines = [f"    {_json(name)}: {_json(value)}" for name, value in entries.items()]
    return "{\n" + ",\n".join(lines) + "\n  }"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
