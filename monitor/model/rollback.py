"""Going back to a model that served before: logged first, then the pointer.

Owns the order of the two, for promotions too: the log says what was meant to serve before it
can. It gives no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monitor.errors import BundleError
from monitor.model.bundle import META, Bundle, digest
from monitor.model.installing import changing
from monitor.model.promotion_log import Act, Entry, append, line_of_succession, read_log
from monitor.model.registry import POINTER, load_version, point_at, serving_version


def serving_or_none(registry: Path) -> str | None:
    """The version that the pointer names; None where there is no pointer yet.

    Raises:
        BundleError: when there is one that names no version.
    """
    return serving_version(registry) if (registry / POINTER).exists() else None


def put_in_charge(registry: Path, bundle: Bundle, act: Act, **more: Any) -> Entry:
    """Log that a bundle of the registry serves from now on, then point at it.

    To be called under `installing.changing`. When the process is killed between the two, the log
    names a version that does not serve: `newsurge models log` tells it, and to promote it again
    puts it right.

    Args:
        registry: which registry.
        bundle: one of its own.
        act: what is being done.
        more: further fields of the log's entry.
    """
    version = bundle.meta.version
    replaced = serving_or_none(registry)
    entry = append(registry, act, version, digest(bundle.path / META), replaced=replaced, **more)
    point_at(registry, version)
    return entry


def roll_back(registry: Path, why: str, to: str | None = None) -> Entry:
    """Have the model serve again that served before this one, or the one named.

    Raises:
        BundleError: when there is none, its bundle can't be read, or it is not what was promoted.
    """
    if not registry.is_dir():
        raise BundleError(f"there is no registry {registry}; check --registry, or model.registry")
    with changing(registry):
        entries = read_log(registry).entries
        serving = serving_or_none(registry)
        version = to or _before(registry, line_of_succession(entries), serving)
        if version == serving:
            raise BundleError(f"{version} serves already; `newsurge models list` shows the others")
        bundle = load_version(registry, version)
        check_unchanged(bundle, entries)
        return put_in_charge(registry, bundle, "rolled_back", why=why)


def _before(registry: Path, line: list[str], serving: str | None) -> str:
    """The version before the one that serves, which the log may not know of."""
    if serving is not None and serving in line:
        line = line[: len(line) - 1 - line[::-1].index(serving)]
    if not line:
        before = f" before {serving}" if serving else ""
        raise BundleError(
            f"the promotion log of {registry} tells of no model{before}; name one with --to "
            "(`newsurge models list` shows them)"
        )
    return line[-1]


def check_unchanged(bundle: Bundle, entries: Iterable[Entry]) -> None:
    """Check that a bundle is the one that came to serve under its version, if one did.

    A challenger that was refused never came into the registry, so its version is not taken.

    Raises:
        BundleError: it is another.
    """
    version = bundle.meta.version
    known = [each for each in entries if each.version == version and each.act != "refused"]
    if known and known[-1].bundle != digest(bundle.path / META):
        raise BundleError(
            f"{bundle.path}: its {META} is not the one that the promotion log has of version "
            f"{version} (entry {known[-1].number}), and versions never change; if it was changed "
            "since, put the original back, and give a new bundle a version of its own"
        )
