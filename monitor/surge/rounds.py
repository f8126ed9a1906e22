"""Rounds of snapshots of one scored partition, and the way back from what they wrote.

Pure: it says which records to write and in what order; writing them, and when, is up to WATCH.
A round begins with what the partition holds at that moment, then takes each series that has
changed by itself, at whatever offset the partition has come to; its last record is the commit.
So a round can be spread over many polls without holding up the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

import msgspec

from monitor.records import AlertEvent
from monitor.surge.following import Following
from monitor.surge.ledger import Chunk, Key, Ledger, StateRecord
from monitor.surge.partition import PartitionWatch
from monitor.surge.plan import WatchPlan
from monitor.surge.series_state import StoredSeries, changed_parts, series_state, track_name
from monitor.surge.state import (
    STATE_VERSION,
    PartitionState,
    RefusedError,
    SeriesState,
    TrackName,
)


class _Versioned(msgspec.Struct):
    version: int


_NOWHERE: Mapping[int, int] = MappingProxyType({})
_key_decoder = msgspec.json.Decoder(Key)
_version_decoder = msgspec.json.Decoder(_Versioned)
# Made before there are threads: two that decode a struct's type for the first time at once crash
# the process (msgspec 0.22).
_commit_decoder = msgspec.json.Decoder(PartitionState)
_core_decoder = msgspec.json.Decoder(SeriesState)
_chunk_decoder = msgspec.json.Decoder(Chunk)


class Rounds:
    """The rounds of one partition under one owner.

    The first round of an owner writes every series' core anew, so that a core of an owner before
    it, beside its commit, can only come from a process that went on after it had lost the
    partition. `committed` is the offset of its newest commit, or None.

    Args:
        watch: the partition.
        epoch: a number above that of every owner before.
    """

    def __init__(self, watch: PartitionWatch, epoch: int = 1) -> None:
        self.committed: int | None = None
        self._watch = watch
        self._epoch = epoch
        self._ledgers: dict[TrackName, Ledger] = {}
        self._unfollowed: list[Ledger] = []
        self._waiting: deque[Following] = deque()
        self._commit: PartitionState | None = None

    @property
    def under_way(self) -> bool:
        """Whether a round has begun and its commit is still to come."""
        return self._commit is not None

    def begin(self, offset: int, alerts: Mapping[int, int] = _NOWHERE) -> None:
        """Begin a round, before the record at `offset`; one that is under way is given up.

        Args:
            offset: how far the partition has come.
            alerts: by partition of `alerts`, a position behind what was written until now.
        """
        state = self._watch.state(offset)
        self._commit = msgspec.structs.replace(state, epoch=self._epoch, alerts=dict(alerts))
        self._waiting = deque(one for one in self._watch.followings() if one.changed)

    def step(self, offset: int, series: int) -> list[StateRecord]:
        """The next records of the round, before the record at `offset`, in the order to write.

        Args:
            offset: how far the partition has come.
            series: how many series at most.
        """
        if self._commit is None:
            return []
        records = [record for ledger in self._unfollowed for record in ledger.erase()]
        self._unfollowed = []
        for _ in range(min(series, len(self._waiting))):
            records += self._take(self._waiting.popleft(), offset)
        if not self._waiting:
            key = Key(self._watch.partition, None)
            records.append(StateRecord(msgspec.json.encode(key), msgspec.json.encode(self._commit)))
            self.committed, self._commit = self._commit.as_of, None
        return records

    def under(self, watch: PartitionWatch) -> Rounds:
        """The rounds of a partition that goes on as `watch`; one that is under way is given up.

        Every series is written anew in the next, which is due.
        """
        rounds = Rounds(watch, self._epoch)
        rounds.know(self._ledgers)
        rounds._unfollowed += self._unfollowed
        return rounds

    def know(self, ledgers: Mapping[TrackName, Ledger]) -> None:
        """Go on with what lies in the stream; what no rule is about any more will be erased."""
        followed = {track_name(one) for one in self._watch.followings()}
        for name, ledger in ledgers.items():
            if name in followed:
                self._ledgers[name] = ledger
            else:
                self._unfollowed.append(ledger)

    def _take(self, following: Following, offset: int) -> list[StateRecord]:
        name = track_name(following)
        ledger = self._ledgers.setdefault(name, Ledger(self._watch.partition, name))
        # A series that was restored from further on than the log has come stays as it is there.
        as_of = max(offset, following.as_of)
        core = series_state(following, as_of, ledger.next_number, self._epoch)
        following.changed = False
        return ledger.write(core, changed_parts(following))


@dataclass(frozen=True, slots=True)
class Restored:
    """A partition as it was: the next record to apply is that at `as_of`.

    What was written to `alerts` later than that lies from the positions `alerts` on. `withdrawn`
    are the ends of alerts that fired and that no rule stands for any more.
    """

    watch: PartitionWatch
    rounds: Rounds
    as_of: int
    alerts: Mapping[int, int]
    withdrawn: list[AlertEvent] = field(default_factory=list)


def restore(
    partition: int,
    plan: WatchPlan,
    records: Iterable[tuple[bytes, bytes | None]],
    epoch: int = 1,
) -> Restored | None:
    """A partition from the records of `state`, in their order; None where no round was committed.

    Records of other partitions, and what else lies in `state`, are passed over.

    Args:
        partition: the number of the scored partition.
        plan: what is watched.
        records: keys and values.
        epoch: the new owner's, which is raised above that of the owner before.

    Raises:
        RefusedError: when what lies there can't be gone on from, with a named reason.
    """
    found = _latest(partition, records)
    committed = found.pop(Key(partition, None), None)
    if committed is None:
        return None
    commit = _decode(committed, _commit_decoder)
    stored, ledgers = _sort(partition, found)
    if any(each.core.epoch < commit.epoch for each in stored):
        raise RefusedError("overtaken", "a process wrote to it that had lost the partition")
    watch = PartitionWatch(partition, plan)
    withdrawn = watch.restore(commit, stored)
    newest = max([commit.epoch, *(each.core.epoch for each in stored)])
    rounds = Rounds(watch, max(epoch, newest + 1))
    rounds.committed = commit.as_of
    rounds.know(ledgers)
    return Restored(watch, rounds, commit.as_of, commit.alerts, withdrawn)


def committed(key: bytes, value: bytes | None) -> tuple[int, PartitionState] | None:
    """The number of a partition and what it held, of a record of `state` that is a commit.

    None for any other record, and for one that this newsurge can't read.
    """
    try:
        of = _key_decoder.decode(key)
        if of.name is None and value is not None:
            return of.partition, _decode(value, _commit_decoder)
    except (msgspec.MsgspecError, RefusedError):
        pass
    return None


def erase(partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> list[StateRecord]:
    """Records that erase all of a partition, for one that is to begin anew: the commit first."""
    found = sorted(_latest(partition, records), key=lambda key: key.name is not None)
    return [StateRecord(msgspec.json.encode(key), None) for key in found]


def _latest(partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> dict[Key, bytes]:
    found: dict[Key, bytes] = {}
    for raw, value in records:
        try:
            key = _key_decoder.decode(raw)
        except msgspec.MsgspecError:
            continue  # the record of partition counts, whose key is no JSON
        if key.partition != partition:
            continue
        found.pop(key, None)
        if value is not None:
            found[key] = value
    return found


def _sort(
    partition: int, found: dict[Key, bytes]
) -> tuple[list[StoredSeries], dict[TrackName, Ledger]]:
    cores: dict[TrackName, SeriesState] = {}
    chunks: dict[TrackName, list[tuple[Key, Chunk]]] = {}
    for key, value in found.items():
        if key.name is None:
            continue
        if not key.part:
            cores[key.name] = _decode(value, _core_decoder)
        else:
            chunks.setdefault(key.name, []).append((key, _decode(value, _chunk_decoder)))
    stored, ledgers = [], {}
    for name in {**cores, **chunks}:
        core = cores.get(name)
        ledgers[name], parts = Ledger.read(partition, name, core, chunks.get(name, ()))
        if core is not None:
            stored.append(StoredSeries(core, parts))
    return stored, ledgers


_T = TypeVar("_T", bound=msgspec.Struct)


def _decode(value: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    try:
        version = _version_decoder.decode(value).version
        if version != STATE_VERSION:
            raise RefusedError(
                "version", f"it is of version {version}; this newsurge reads {STATE_VERSION}"
            )
        return decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise RefusedError("unreadable", str(error)) from error
