"""What the files say that a running daemon reads again: rules, receivers' secrets, watchlist.

Owns that all of them are read together, before any is used, and that all faults are told at
once. It decides nothing about when, and hands nothing to a role.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from monitor.delivery.receivers import Receiver, WebhookTarget, resolve
from monitor.errors import NewsurgeError, RulesError
from monitor.model.bundle import Bundle
from monitor.model.registry import serving_bundle
from monitor.rules.file import RuleFile, load_rules
from monitor.rules.groups import Groups
from monitor.scoring.watchlist import Watchlist, load_watchlist
from monitor.settings import Settings


class Sighting(NamedTuple):
    """A file as it was seen: when it was last written, its size, and a digest of what it says."""

    modified_ns: int
    size: int
    digest: str


Seen = Mapping[Path, Sighting | None]
"""Files as they were seen; None where there is none that can be read."""


@dataclass(frozen=True)
class Deployed:
    """What the files say; `receivers` are empty in a process that tells none."""

    rules: RuleFile
    watchlist: Watchlist
    receivers: tuple[WebhookTarget, ...]
    bundle: Bundle


@dataclass(frozen=True)
class Reading:
    """One reading of all files: as each was seen just before it was read, and what came of it.

    `content` is None where there are faults.
    """

    seen: Seen
    content: Deployed | None
    faults: tuple[NewsurgeError, ...] = ()

    def check(self) -> Deployed:
        """The content.

        Raises:
            NewsurgeError: with every fault, where there are any.
        """
        if len(self.faults) == 1:
            raise self.faults[0]
        if self.content is None:
            raise RulesError("\n".join(map(str, self.faults)))
        return self.content


def sight(files: Iterable[Path], before: Seen | None = None) -> Seen:
    """See how files are now. Blocks: it reads those that are not as they were `before`."""
    known = before or {}
    return {file: _sight(file, known.get(file)) for file in files}


def read_files(settings: Settings, environ: Mapping[str, str]) -> Reading:
    """Read all files. Blocks.

    Args:
        settings: the deployment, which names them.
        environ: the environment variables, for receivers.
    """
    seen = dict(sight(filter(None, (settings.rules, settings.score.watchlist))))
    faults: list[NewsurgeError] = []
    watchlist, rules, bundle = Watchlist({}), None, None
    groups: Groups = _AnyGroup()  # what is wrong with the watchlist is no fault of the rules
    try:
        watchlist = load_watchlist(settings.score.watchlist)
        groups = watchlist.groups
    except NewsurgeError as error:
        faults.append(error)
    try:
        bundle = serving_bundle(settings.model)
    except NewsurgeError as error:
        faults.append(error)
    try:
        rules = load_rules(
            settings.rules,
            settings.watch.slide_seconds,
            settings.score.dimensions,
            watchlist.keys,
            bundle.meta.topics if bundle else None,
            groups,
        )
    except NewsurgeError as error:
        faults.append(error)
    targets: list[WebhookTarget] = []
    if rules is not None and "notify" in settings.roles:
        base = settings.rules.parent
        seen |= sight(base / file for each in rules.receivers for file in _files_of(each))
        for receiver in rules.receivers:
            try:
                targets.append(resolve(receiver, environ, base))
            except NewsurgeError as error:
                faults.append(error)
    if faults or rules is None or bundle is None:
        return Reading(seen, None, tuple(faults))
    return Reading(seen, Deployed(rules, watchlist, tuple(targets), bundle))


class _AnyGroup(dict[str, tuple[str, ...]]):
    """The groups of a watchlist that can't be read: any may be there."""

    def __contains__(self, group: object) -> bool:
        return True

    def __missing__(self, group: str) -> tuple[str, ...]:
        return ()


def _files_of(receiver: Receiver) -> Iterator[Path]:
    for file in (receiver.webhook.url_file, receiver.webhook.secret_file):
        if file is not None:
            yield file


def _sight(file: Path, before: Sighting | None) -> Sighting | None:
    try:
        found = file.stat()
        if before is not None and before[:2] == (found.st_mtime_ns, found.st_size):
            return before
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    except OSError:
        return None
    return Sighting(found.st_mtime_ns, found.st_size, digest)
