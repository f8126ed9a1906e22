"""What must not reach the trainer: leaks, duplicates, contradictions. Also the split for choices.

Pure: rows in, rows and counts out. The policy is the same for every feed and is told in
docs/TRAINING.md; nothing is removed without being counted under its reason.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

from training.feeds import IGNORED, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training.feeds import FeedReport

LEAK, CONFLICT, DUPLICATE = "also held out", "conflicting labels", "duplicate"


def tidy(rows: Iterable[Row], held_out: set[str], reports: Sequence[FeedReport]) -> list[Row]:
    """Returns one row for each text, in order of first appearance; adds to `reports`.

    A text that is also held out leaves train. Rows of one text are merged, so that a text that
    one feed gives a topic and another a sentiment teaches both; where they contradict each other
    on a head, that head's label is dropped, and so is a text with no label left.
    """
    by_feed = {report.feed: report for report in reports}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.key in held_out:
            by_feed[row.feed].dropped[LEAK] += 1
        else:
            groups[row.key].append(row)
    kept = []
    for group in groups.values():
        first = group[0]
        topic = _agreed(row.topic for row in group)
        sentiment = _agreed(row.sentiment for row in group)
        if topic == sentiment == IGNORED:
            for row in group:
                by_feed[row.feed].dropped[CONFLICT] += 1
            continue
        weight = max(row.weight for row in group)
        kept.append(Row(first.text, first.key, first.feed, topic, sentiment, weight))
        by_feed[first.feed].kept += 1
        for row in group[1:]:
            by_feed[row.feed].dropped[DUPLICATE] += 1
    return kept


def _agreed(labels: Iterable[int]) -> int:
    """Returns the one class that the rows of a text name, or `IGNORED` where they disagree."""
    named = {label for label in labels if label != IGNORED}
    return named.pop() if len(named) == 1 else IGNORED


def split(rows: Sequence[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Splits rows of different texts into train and dev, stratified by feed and classes.

    The same rows and seed give the same split. A stratum too small to be split stays in train.
    """
    strata: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        strata[row.feed, row.topic, row.sentiment].append(index)
    chance = random.Random(seed)
    dev: set[int] = set()
    for indices in strata.values():
        dev.update(chance.sample(indices, round(len(indices) * share)))
    return (
        [row for index, row in enumerate(rows) if index not in dev],
        [row for index, row in enumerate(rows) if index in dev],
    )
