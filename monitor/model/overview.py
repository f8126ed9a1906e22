"""What a registry holds, for people: its versions with their numbers, and its log held to account.

Reads only. It prints nothing and decides nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from monitor.errors import BundleError, NewsurgeError
from monitor.model.bundle import FROZEN, HOLDOUT, LABELS, META, Bundle, digest, load_bundle
from monitor.model.installing import installed
from monitor.model.promotion_log import Log
from monitor.model.registry import VERSIONS, is_version, load_version
from monitor.model.rollback import serving_or_none

_NUMBERS = ("rows", "accuracy", "macro_f1", "ece")
_SPLITS = (
    "topics", "topic_mode", "feeds", "holdouts", "holdout_share", "split", "split_seed", "hygiene",
)  # fmt: skip


class _Frozen(msgspec.Struct):
    sha256: str


_FROZEN = msgspec.json.Decoder(_Frozen)


class Version(msgspec.Struct, frozen=True):
    """One version of a registry.

    `metrics` is holdout → head → number → value. `fault` says why it can't be served, if so.
    """

    version: str
    serving: bool
    created_at: str = ""
    languages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    fault: str | None = None


def overview(registry: Path) -> list[Version]:
    """Every version of a registry, in order of their making; digests are checked.

    Raises:
        BundleError: when the registry can't be read.
    """
    serving = serving_or_none(registry)
    names = installed(registry)
    if serving is not None and serving not in names:
        names.append(serving)
    if not names:
        raise BundleError(f"{registry}: no bundle there; `newsurge promote BUNDLE` puts one in")
    found = [_version(registry, name, name == serving) for name in names]
    return sorted(found, key=lambda one: (one.created_at, one.version))


def find_bundle(name: str, registry: Path | None) -> Bundle:
    """The bundle of a version of the registry, or in the directory of that name.

    Raises:
        BundleError: when there is none, or it is damaged.
    """
    if registry is not None and is_version(name) and (registry / VERSIONS / name).is_dir():
        return load_version(registry, name)
    if not Path(name).is_dir():
        shelf = f"version of the registry {registry}" if registry else "version (no registry given)"
        raise BundleError(
            f"{name}: no {shelf}, and no bundle's directory; `newsurge models list` shows versions"
        )
    return load_bundle(Path(name))


def numbers_of(bundle: Bundle) -> dict[str, dict[str, dict[str, float]]]:
    """The metrics that a bundle carries: holdout → head → number → value; `dev` flatters."""
    metrics = bundle.meta.metrics
    found = {"dev": metrics.get("dev"), **_mapping(metrics.get("evaluations"))}
    return {
        name: {
            head: {key: numbers[key] for key in _NUMBERS if _is_number(numbers.get(key))}
            for head, numbers in _mapping(heads).items()
            if isinstance(numbers, dict)
        }
        for name, heads in found.items()
        if heads
    }


def measured_alike(one: Bundle, other: Bundle) -> tuple[list[str], list[str]]:
    """The holdouts that both bundles have numbers of: on the same rows, and on others.

    The split `dev` is the same where labels and whatever decides the split are. The frozen holdout
    is by its digest. Of an evaluation that a person named, the counts of rows are all there is.
    """
    first, second = numbers_of(one), numbers_of(other)
    both = [name for name in first if name in second]
    alike = [name for name in both if _has_same_rows(name, one, other)]
    return alike, [name for name in both if name not in alike]


def _has_same_rows(name: str, one: Bundle, other: Bundle) -> bool:
    if name == "dev":
        labels = one.meta.metrics.get(LABELS)
        if not labels or labels != other.meta.metrics.get(LABELS):
            return False
        return _dev_split(one) == _dev_split(other)
    if name == FROZEN and _frozen(one) != _frozen(other):
        return False
    first, second = numbers_of(one)[name], numbers_of(other)[name]
    return all(
        first[head].get("rows") == second[head].get("rows") for head in first if head in second
    )


def _dev_split(bundle: Bundle) -> list[Any]:
    recipe = bundle.meta.recipe
    return [*(recipe.get(key) for key in _SPLITS), _mapping(recipe.get("hyper")).get("dev_share")]


def _frozen(bundle: Bundle) -> str | None:
    try:
        return _FROZEN.decode((bundle.path / HOLDOUT).read_bytes()).sha256
    except (OSError, msgspec.MsgspecError):
        return None


def faults(registry: Path, log: Log) -> list[str]:
    """What does not fit together between a log, its bundles and the pointer; a sentence each."""
    found = []
    serving = serving_or_none(registry)
    moves = [entry for entry in log.entries if entry.act != "refused"]
    if moves and moves[-1].version != serving:
        found.append(
            f"entry {moves[-1].number} put {moves[-1].version} in charge, but the pointer names "
            f"{serving or 'none'}: it was moved by hand, entries were cut off, or the move was "
            f"interrupted; promote what is to serve"
        )
    latest = {entry.version: entry for entry in moves}
    for version, entry in latest.items():
        try:
            actual = digest(registry / VERSIONS / version / META)
        except OSError:
            found.append(f"entry {entry.number}: the bundle {version} is gone from {registry}")
            continue
        if actual != entry.bundle:
            found.append(
                f"entry {entry.number}: {META} of {version} is not the one that was promoted"
            )
            continue
        try:
            load_version(registry, version)
        except BundleError as error:
            found.append(f"entry {entry.number}: {version} is not as it was promoted: {error}")
    return found


def _version(registry: Path, name: str, serving: bool) -> Version:
    try:
        bundle = load_version(registry, name)
    except NewsurgeError as error:
        return Version(name, serving, fault=str(error))
    meta = bundle.meta
    return Version(name, serving, meta.created_at, meta.languages, meta.topics, numbers_of(bundle))


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
