"""From a recipe to the rows that are learned from, chosen on and held out, and the one report.

The whole data half of a training on one page: read, hold out, tidy, split. It writes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from monitor.errors import FeedError
from monitor.model.bundle import FROZEN, SENTIMENTS
from training import frozen as freezing
from training.feeds import IGNORED, FeedReport, HeldOut, Row, read_feed, read_held_out
from training.hygiene import HoldoutReport, merge, tidy
from training.splits import split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.frozen import Frozen
    from training.recipe import Recipe

SMALL = "class too small to split"


@dataclass(frozen=True)
class ClassCount:
    """How many texts of a class each part has."""

    head: str
    name: str
    train: int
    dev: int
    holdout: int


@dataclass
class DataReport:
    """What became of all rows: by feed, by holdout, by class; and what else is to be said."""

    feeds: list[FeedReport]
    holdouts: list[HoldoutReport] = field(default_factory=list)
    classes: list[ClassCount] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Gathered:
    """The rows of a training: to learn from, for choices, and the recipe's own holdout.

    `frozen` is the holdout's manifest where there is one, and `is_new` tells that it is not
    written down yet.
    """

    train: list[Row]
    dev: list[Row]
    holdout: list[Row]
    report: DataReport
    frozen: Frozen | None = None
    is_new: bool = False


def gather(recipe: Recipe, data: Path) -> Gathered:
    """Reads all feeds of a recipe, and tidies and splits their rows.

    Raises:
        FeedError: a feed or a holdout can't be used, what the recipe's hygiene refuses is met,
            or too little is left.
    """
    rows, reports = read_feeds(recipe, data)
    held_out = [read_held_out(holdout, data) for holdout in recipe.holdouts]
    file = freezing.place_of(recipe, data)
    frozen = freezing.load(file)
    own: list[Row] = []
    if frozen is not None:
        own, rows = freezing.separated(rows, frozen)
        own, torn = _held_out_again(own, reports, recipe)
        freezing.check(frozen, own, recipe.topics, file, torn)
        held_out.append(HeldOut(FROZEN, {row.key: row.text for row in own}))
    tidied, holdouts = tidy(rows, held_out, reports, recipe.hygiene)
    is_new = frozen is None and recipe.holdout_share > 0
    if is_new:
        tidied, own = split(tidied, recipe.holdout_share, recipe.split_seed, recipe.split)
        frozen = freezing.freeze(recipe, own)
        holdouts.append(HoldoutReport(FROZEN, len(own)))
        _count_held_out(own, reports)
    train, dev = split(tidied, recipe.hyper.dev_share, recipe.split_seed, recipe.split)
    report = DataReport(reports, holdouts)
    train = _without_small(recipe, train, dev, report)
    report.classes = _classes(recipe, train, dev, own)
    report.notes += _unlabelled(recipe, train, dev)
    if not train or not dev:
        raise FeedError(
            f"{len(train)} texts to learn from and {len(dev)} to choose on are too few"
            f"{_removed(reports)}; label more texts, or raise hyper.dev_share"
        )
    return Gathered(train, dev, own, report, frozen, is_new)


def read_feeds(recipe: Recipe, data: Path) -> tuple[list[Row], list[FeedReport]]:
    """Reads all feeds of a recipe; nothing is removed between rows yet.

    Raises:
        FeedError: a feed can't be read as the recipe says.
    """
    rows: list[Row] = []
    reports: list[FeedReport] = []
    for feed in recipe.feeds:
        found, report = read_feed(
            feed,
            recipe.topics,
            data,
            several=recipe.topic_mode == "multi",
            policy=recipe.hygiene,
        )
        rows += found
        reports.append(report)
    return rows, reports


def as_json(report: DataReport) -> dict[str, Any]:
    """What a bundle keeps of a report: holdouts, classes and notes (feeds are kept beside)."""
    return {
        "holdouts": [vars(each) for each in report.holdouts],
        "classes": [
            {"head": c.head, "class": c.name, "train": c.train, "dev": c.dev, "holdout": c.holdout}
            for c in report.classes
        ],
        "notes": report.notes,
    }


def _held_out_again(
    rows: list[Row], reports: list[FeedReport], recipe: Recipe
) -> tuple[list[Row], list[Row]]:
    """Merges the rows of frozen texts as they were when frozen, and counts them as held out.

    The second list has the last row of each text on whose labels its rows disagree.
    """
    by_feed = {report.feed: report for report in reports}
    merged = merge(rows, by_feed, recipe.hygiene)
    for row in merged:
        by_feed[row.feed].held_out += 1
    torn = {row.key: row for row in rows}
    for row in merged:
        del torn[row.key]
    return merged, list(torn.values())


def _count_held_out(rows: Sequence[Row], reports: Sequence[FeedReport]) -> None:
    by_feed = {report.feed: report for report in reports}
    for row in rows:
        by_feed[row.feed].kept -= 1
        by_feed[row.feed].held_out += 1


def _without_small(
    recipe: Recipe, train: list[Row], dev: Sequence[Row], report: DataReport
) -> list[Row]:
    """Finds the classes that dev has no text of, and does with them as the policy says."""
    small: dict[str, set[int]] = {}
    for head, names in (("topic", recipe.topics), ("sentiment", SENTIMENTS)):
        learned, chosen = _counts(train, head), _counts(dev, head)
        small[head] = {index for index in learned if not chosen[index]}
        for index in sorted(small[head]):
            report.notes.append(
                f"{head} {names[index]!r}: {learned[index]:,} texts, too few to be split, so none "
                "of them is in dev"
            )
    if not any(small.values()) or recipe.hygiene.small_classes == "keep":
        return train
    if recipe.hygiene.small_classes == "refuse":
        raise FeedError(
            f"{'; '.join(report.notes)}: the recipe's hygiene refuses that; label more texts, or "
            "take the class out of the recipe"
        )
    by_feed = {each.feed: each for each in report.feeds}
    kept = []
    for row in train:
        spared = _spared(row, small)
        if spared is None:
            by_feed[row.feed].kept -= 1
            by_feed[row.feed].drop(SMALL)
        else:
            kept.append(spared)
    return kept


def _removed(reports: Sequence[FeedReport]) -> str:
    """What was dropped from all feeds, for the message that nothing is left."""
    dropped = sum((report.dropped for report in reports), Counter())
    told = ", ".join(f"{count:,} {reason}" for reason, count in dropped.most_common())
    return f" (dropped: {told})" if told else ""


def _unlabelled(recipe: Recipe, train: Sequence[Row], dev: Sequence[Row]) -> list[str]:
    """What is to be said of a head that no text has a label of: its answers mean nothing."""
    learns = "" if recipe.hyper.distil else "it learns nothing and "
    return [
        f"{head}: no text has a label, so {learns}dev says nothing of it"
        for head in ("topic", "sentiment")
        if not _counts([*train, *dev], head)
    ]


def _spared(row: Row, small: dict[str, set[int]]) -> Row | None:
    """A row without the labels of small classes; None where no label is left."""
    topics = None if row.topics and small["topic"].intersection(row.topics) else row.topics
    sentiment = IGNORED if row.sentiment in small["sentiment"] else row.sentiment
    if topics is None and sentiment == IGNORED:
        return None
    if (topics, sentiment) == (row.topics, row.sentiment):
        return row
    return replace(row, topic=IGNORED, topics=topics, sentiment=sentiment)


def _classes(
    recipe: Recipe, train: Sequence[Row], dev: Sequence[Row], holdout: Sequence[Row]
) -> list[ClassCount]:
    found = []
    for head, names in (("topic", recipe.topics), ("sentiment", SENTIMENTS)):
        parts = [_counts(rows, head) for rows in (train, dev, holdout)]
        if any(parts):
            found += [
                ClassCount(head, name, *(counts[index] for counts in parts))
                for index, name in enumerate(names)
            ]
    return found


def _counts(rows: Sequence[Row], head: str) -> Counter[int]:
    if head == "topic":
        return Counter(topic for row in rows for topic in row.topics or ())
    return Counter(row.sentiment for row in rows if row.sentiment != IGNORED)
