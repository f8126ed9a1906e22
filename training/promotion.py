"""`newsurge promote`: measure, hold against the gate, install, log, and move the pointer.

Owns the order of these. What can fail comes before anything in the registry changes, and the log
is written before the pointer moves. What serves when the pointer moves is what was judged beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from monitor.errors import BundleError, NewsurgeError
from monitor.model.bundle import META, Bundle, digest
from monitor.model.installing import changing, install
from monitor.model.overview import find_bundle
from monitor.model.promotion_log import Entry, Held, append, line_of_succession, read_log
from monitor.model.registry import POINTER, VERSIONS, load_version
from monitor.model.rollback import check_unchanged, put_in_charge, serving_or_none
from training.gate import Finding, Verdict, behaviour_numbers, judge
from training.gate_limits import GateError, GateLimits
from training.holdout import Holdout, answers, choices, read_holdouts
from training.label_account import HELD_OUT

Say = Callable[[str], None]


@dataclass(frozen=True)
class Promotion:
    """What became of a challenger; without a holdout there is no verdict."""

    entry: Entry
    verdict: Verdict | None

    @property
    def is_promoted(self) -> bool:
        """Whether it serves from now on."""
        return self.entry.act == "promoted"


def promote(
    registry: Path,
    name: str,
    holdouts: Sequence[Holdout],
    limits: GateLimits,
    *,
    force: str | None = None,
    say: Say = lambda _: None,
) -> Promotion:
    """Have a bundle serve from now on, if it passes the gate.

    A refusal is logged too, and leaves the pointer and the versions as they are.

    Args:
        registry: where; made when there is none.
        name: a version of the registry, or a bundle's directory.
        holdouts: the desk's own, on which it is held against what serves now.
        limits: of the gate.
        force: why it is to serve even though the gate is against it, or can't be asked.
        say: is told each step in one line.

    Raises:
        NewsurgeError: it can't be measured, read or installed, or serves already.
    """
    if force is not None and not force.strip():
        raise GateError("--force demands a reason: it is kept in the promotion log")
    challenger = find_bundle(name, registry)
    meta = digest(challenger.path / META)
    if not holdouts and force is None:
        raise GateError(
            "no holdout to judge on: give --holdout FILE --like FEED, or name the desk's own "
            f"under `holdouts` in {registry / 'gate.yaml'}"
        )
    with changing(registry):
        entries = read_log(registry).entries
        check_unchanged(challenger, entries)
        before = serving_or_none(registry)
        _check_serves_not(registry, before, challenger, meta)
    # Where the first promotion was killed before there was a pointer, this is to put it right.
    others = [each for each in line_of_succession(entries) if each != challenger.meta.version]
    champion, unreadable = _champion(registry, before, others, force)
    verdict: Verdict | None = None
    files: tuple[Held, ...] = ()
    # Judging takes minutes. The registry is free meanwhile, or nobody could roll back.
    if holdouts:
        verdict, files = _judged(challenger, champion, holdouts, limits, say)
    if verdict is not None and unreadable is not None:
        verdict = msgspec.structs.replace(verdict, notes=(*verdict.notes, unreadable))
    told = None if verdict is None else msgspec.to_builtins(verdict)
    has_passed = verdict is not None and verdict.passed
    with changing(registry):
        if serving_or_none(registry) != before:
            raise BundleError(
                f"{serving_or_none(registry)} came to serve while {challenger.meta.version} was "
                f"judged beside {before}; nothing was changed: promote it again"
            )
        if not has_passed and force is None:
            entry = append(
                registry, "refused", challenger.meta.version, meta,
                replaced=before, holdouts=files, verdict=told,
            )  # fmt: skip
            return Promotion(entry, verdict)
        say(f"Installing {challenger.meta.version}")
        bundle = install(registry, challenger.path, meta)
        forced = None if has_passed and unreadable is None else force
        entry = put_in_charge(
            registry, bundle, "promoted", holdouts=files, verdict=told, forced=forced
        )
        return Promotion(entry, verdict)


def _check_serves_not(registry: Path, serving: str | None, challenger: Bundle, meta: str) -> None:
    version = challenger.meta.version
    if serving != version:
        return
    there = registry / VERSIONS / version / META
    if there.is_file() and digest(there) != meta:
        raise BundleError(
            f"{challenger.path}: another bundle of version {version} serves, and versions never "
            "change; give the new one a version of its own"
        )
    raise BundleError(f"{version} serves already; nothing was changed")


def _champion(
    registry: Path, serving: str | None, others: Sequence[str], force: str | None
) -> tuple[Bundle | None, Finding | None]:
    """What serves now; by force also where it can't be read, with a note that says so.

    `others` came to serve before, by the log. Without a pointer that can't be told from a first
    promotion otherwise, which no champion is asked about.
    """
    if serving is None and not others:
        return None, None
    try:
        if serving is None:
            raise BundleError(
                f"{registry / POINTER} is gone, though {others[-1]} was put in charge by the "
                f"promotion log; `newsurge rollback --to {others[-1]}` puts it back"
            )
        return load_version(registry, serving), None
    except NewsurgeError as error:
        if force is None:
            raise
        return None, Finding("champion_unreadable", f"the champion can't be read: {error}")


def _judged(
    challenger: Bundle,
    champion: Bundle | None,
    holdouts: Sequence[Holdout],
    limits: GateLimits,
    say: Say,
) -> tuple[Verdict, tuple[Held, ...]]:
    labelled = read_holdouts(holdouts, challenger)
    say(f"Judging {challenger.meta.version} on {len(labelled.rows):,} rows, as served on a CPU")
    new = answers(challenger, labelled.rows)
    old = None
    if champion is not None:
        say(f"Judging {champion.meta.version}, which serves, on the same rows")
        old = choices(champion, labelled.rows)
    behaviour = behaviour_numbers(challenger.meta.metrics.get("behaviour", {}))
    verdict = judge(new, old, behaviour, limits)
    notes = [Finding("left_out", said) for said in labelled.left_out]
    notes += [*verdict.notes, *_leaks(challenger, labelled.files)]
    if champion is not None:
        notes += _leaks(champion, labelled.files)
    return msgspec.structs.replace(verdict, notes=tuple(notes)), labelled.files


def _leaks(bundle: Bundle, files: tuple[Held, ...]) -> Iterator[Finding]:
    """What a bundle's own account says of the holdouts: learned from, or not held out."""
    learned = {data.sha256 for data in bundle.meta.training_data}
    kept_out = bundle.meta.metrics.get(HELD_OUT, ())
    version = bundle.meta.version
    for file in files:
        if file.sha256 in learned:
            yield Finding(
                "champion_learned", f"{version} learned from {file.file}, which favours it"
            )
        elif file.sha256 not in kept_out:
            yield Finding(
                "not_held_out",
                f"{file.file} is none of the `holdouts` in the recipe of {version}, so {version} "
                "may have learned from texts that are in it",
            )
