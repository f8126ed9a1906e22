"""What must not reach the trainer: leaks, duplicates, contradictions.

Pure: rows in, rows and counts out. The policy is the recipe's (`training.recipe_data.Hygiene`) and
is told in docs/TRAINING.md; nothing is removed without being counted under its reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from training.feeds import IGNORED, HeldOut, Row
from training.neighbours import clusters, near_any
from training.recipe_data import Hygiene

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training.feeds import FeedReport

LEAK, NEAR_LEAK = "also held out", "near-duplicate of a held-out text"
CONFLICT, DUPLICATE = "conflicting labels", "duplicate"
NEAR, NEAR_CONFLICT = "near-duplicate", "near-duplicate with another label"
_T = TypeVar("_T")


@dataclass
class HoldoutReport:
    """How many rows of the feeds a holdout has met: with the same text, and with nearly the same.

    `texts` is the number of different texts held out.
    """

    holdout: str
    texts: int
    exact: int = 0
    near: int = 0


def tidy(
    rows: Iterable[Row],
    held_out: Sequence[HeldOut],
    reports: Sequence[FeedReport],
    policy: Hygiene | None = None,
) -> tuple[list[Row], list[HoldoutReport]]:
    """Returns one row for each text that may be learned from, and what each holdout has met.

    A text that is held out, or nearly is, leaves train. Rows of one text are merged, so that a
    text that one feed gives a topic and another a sentiment teaches both; where they contradict
    each other on a head, the policy decides what the text's label is, and a text with no label
    left is dropped. Every row comes out with its cluster (`Row.group`).

    Args:
        rows: of all feeds, in any order; the rows that come out are in order of their text.
        held_out: the texts of each holdout.
        reports: of the feeds, in the recipe's order; what is removed is counted there.
        policy: the recipe's, or the defaults.
    """
    policy = policy or Hygiene()
    by_feed = {report.feed: report for report in reports}
    holdouts = [HoldoutReport(each.name, len(each.texts)) for each in held_out]
    unleaked = without_leaks(rows, held_out, holdouts, by_feed, policy)
    merged = merge(unleaked, by_feed, policy)
    apart = without_near_leaks(merged, held_out, holdouts, by_feed, policy)
    grouped = _thinned(_grouped(apart, by_feed, policy), by_feed, policy)
    for row in grouped:
        by_feed[row.feed].kept += 1
    return grouped, holdouts


def without_leaks(
    rows: Iterable[Row],
    held_out: Sequence[HeldOut],
    holdouts: Sequence[HoldoutReport],
    by_feed: dict[str, FeedReport],
    policy: Hygiene,
) -> list[Row]:
    """Returns the rows whose text is not held out."""
    kept = []
    for row in rows:
        met = [n for n, each in enumerate(held_out) if row.key in each.texts]
        for number in met:
            holdouts[number].exact += 1
        if met and policy.across != "keep":
            by_feed[row.feed].drop(LEAK)
            continue
        if met:
            by_feed[row.feed].note(LEAK)
        kept.append(row)
    return kept


def without_near_leaks(
    rows: Sequence[Row],
    held_out: Sequence[HeldOut],
    holdouts: Sequence[HoldoutReport],
    by_feed: dict[str, FeedReport],
    policy: Hygiene,
) -> list[Row]:
    """Returns the rows whose text is not nearly that of a held-out one."""
    met: set[int] = set()
    texts = [row.text for row in rows]
    for report, each in zip(holdouts, held_out, strict=True):
        found = near_any(texts, list(each.texts.values()), policy.near)
        near = {
            index
            for index, (row, other) in enumerate(zip(rows, found, strict=True))
            if other is not None and row.key not in each.texts
        }
        report.near += len(near)
        met |= near
    removes = policy.across == "remove"
    for index in met:
        report_of = by_feed[rows[index].feed]
        (report_of.drop if removes else report_of.note)(NEAR_LEAK)
    return [row for index, row in enumerate(rows) if not (removes and index in met)]


def merge(rows: Iterable[Row], by_feed: dict[str, FeedReport], policy: Hygiene) -> list[Row]:
    """Returns one row for each text, in order of the text; it belongs to the first feed's row."""
    order = {feed: number for number, feed in enumerate(by_feed)}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.key].append(row)
    kept = []
    for _, group in sorted(groups.items()):
        if len(group) == 1:
            kept += group
            continue
        first, *others = sorted(group, key=lambda row: (order[row.feed], row.text, row.line))
        topics = _agreed((row.topics for row in group), policy)
        sentiment = _agreed((_said(row.sentiment) for row in group), policy)
        if topics is None and sentiment is None:
            for row in group:
                by_feed[row.feed].drop(CONFLICT, f"line {row.line}: {row.text[:60]!r}")
            continue
        kept.append(_merged(first, group, topics, sentiment))
        for row in others:
            by_feed[row.feed].drop(DUPLICATE)
    return kept


def _merged(
    first: Row, group: Sequence[Row], topics: tuple[int, ...] | None, sentiment: int | None
) -> Row:
    for_head = IGNORED if sentiment is None else sentiment
    times = [row.time for row in group if row.time is not None]
    return replace(
        first,
        topic=IGNORED,  # follows from topics
        topics=topics,
        sentiment=for_head,
        weight=max(row.weight for row in group),
        time=min(times, default=None),
        id=_first(row.id for row in group),
        source=_first(row.source for row in group),
        language=_first(row.language for row in group),
    )


def _said(label: int) -> int | None:
    return None if label == IGNORED else label


def _first(values: Iterable[str | None]) -> str | None:
    """The smallest value that is there: it does not depend on the order of the rows."""
    return min((value for value in values if value is not None), default=None)


def _agreed(labels: Iterable[_T | None], policy: Hygiene) -> _T | None:
    """Returns the one label that the rows of a text name; None where they disagree."""
    named = Counter(label for label in labels if label is not None)
    ranked = named.most_common(2)
    if len(ranked) == 1:
        return ranked[0][0]
    if len(ranked) == 2 and policy.conflicts == "majority" and ranked[0][1] > ranked[1][1]:
        return ranked[0][0]
    return None


def _grouped(rows: Sequence[Row], by_feed: dict[str, FeedReport], policy: Hygiene) -> list[Row]:
    """Returns the rows with the cluster that each belongs to; what is in clusters is noted."""
    firsts = clusters([row.text for row in rows], policy.near)
    grouped = [
        row if first == index else replace(row, group=rows[first].key)
        for index, (row, first) in enumerate(zip(rows, firsts, strict=True))
    ]
    said: dict[str, tuple[set[tuple[int, ...]], set[int]]] = defaultdict(lambda: (set(), set()))
    for row in grouped:
        topics, sentiments = said[row.group]
        if row.topics is not None:
            topics.add(row.topics)
        if row.sentiment != IGNORED:
            sentiments.add(row.sentiment)
    for row in grouped:
        if row.group != row.key:
            by_feed[row.feed].note(NEAR)
        if any(len(labels) > 1 for labels in said[row.group]):
            by_feed[row.feed].note(NEAR_CONFLICT, f"line {row.line}: {row.text[:60]!r}")
    return grouped


def _thinned(rows: list[Row], by_feed: dict[str, FeedReport], policy: Hygiene) -> list[Row]:
    """Returns one row of each cluster and label where the policy asks for it."""
    if policy.within == "keep":
        return rows
    kept: dict[object, Row] = {}
    for row in rows:
        one = kept.setdefault((row.group, row.topics, row.sentiment), row)
        if one is not row:
            by_feed[row.feed].drop(NEAR)
    for report in by_feed.values():
        report.noted.pop(NEAR, None)
    return list(kept.values())
