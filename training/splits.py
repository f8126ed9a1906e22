"""Splits of rows, for choices and for holding out: whole clusters, by time or by chance.

Pure. The same rows, share and seed give the same split, whatever the order of the rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal

from training.feeds import IGNORED, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

By = Literal["time", "stratified"]
Cluster = list[Row]


def split(
    rows: Sequence[Row], share: float, seed: int, by: By = "time"
) -> tuple[list[Row], list[Row]]:
    """Splits rows into those to learn from and a `share` of them that is kept apart.

    No cluster of near-duplicates (`Row.group`) is in both. With `time`, of the rows that have a
    time the newest are kept apart: a cluster is as new as its newest row, and nothing that is
    newer is left to learn from. All other rows are split by chance, stratified by feed and
    classes; a stratum too small to be split is left whole to learn from, and a cluster larger
    than its stratum's share is too.

    Returns:
        Both parts, in the order of `rows`.
    """
    by_group: dict[str, Cluster] = defaultdict(list)
    for row in rows:
        by_group[row.group].append(row)
    timed: list[Cluster] = []
    plain: list[Cluster] = []
    for cluster in by_group.values():
        is_timed = by == "time" and any(row.time is not None for row in cluster)
        (timed if is_timed else plain).append(cluster)
    apart = {
        row.group
        for cluster in (*_newest(timed, share, seed), *_drawn(plain, share, seed))
        for row in cluster
    }
    return (
        [row for row in rows if row.group not in apart],
        [row for row in rows if row.group in apart],
    )


def _newest(clusters: Sequence[Cluster], share: float, seed: int) -> list[Cluster]:
    """The newest clusters, at most `share` of the rows, though one where that is a row or more."""
    target = round(sum(map(len, clusters)) * share)
    taken: list[Cluster] = []
    count = 0
    for cluster in sorted(clusters, key=lambda each: (-_time(each), _rank(each, seed))):
        if count + len(cluster) > target and (taken or not target):
            break
        taken.append(cluster)
        count += len(cluster)
    return taken


def _time(cluster: Cluster) -> int:
    return max(row.time for row in cluster if row.time is not None)


def _drawn(clusters: Sequence[Cluster], share: float, seed: int) -> list[Cluster]:
    """Clusters drawn by chance, `share` of each stratum's rows."""
    common = Counter(topic for cluster in clusters for row in cluster for topic in row.topics or ())
    strata: dict[tuple[str, int, int], list[Cluster]] = defaultdict(list)
    for cluster in clusters:
        first = min(cluster, key=lambda row: (row.key, row.feed))
        strata[first.feed, _rarest(first, common), first.sentiment].append(cluster)
    return [
        cluster
        for stratum in strata.values()
        for cluster in _fitting(stratum, round(sum(map(len, stratum)) * share), seed)
    ]


def _rarest(row: Row, common: Counter[int]) -> int:
    """The topic that a row of several stands for: the one with the fewest rows."""
    return min(row.topics or (IGNORED,), key=lambda topic: (common[topic], topic))


def _fitting(clusters: Iterable[Cluster], target: int, seed: int) -> list[Cluster]:
    taken: list[Cluster] = []
    for cluster in sorted(clusters, key=lambda each: _rank(each, seed)):
        if len(cluster) <= target:
            taken.append(cluster)
            target -= len(cluster)
    return taken


def _rank(cluster: Cluster, seed: int) -> bytes:
    """Where chance puts a cluster: by its name alone, so that other rows don't move it."""
    return hashlib.blake2b(f"{seed}:{cluster[0].group}".encode(), digest_size=16).digest()
