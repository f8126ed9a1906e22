"""The report on a training's data as tables. Text from feeds is shown so that no terminal obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from training.feeds import FeedReport
    from training.gathering import DataReport


def data_tables(report: DataReport) -> list[Table]:
    """Returns what became of the rows of each feed, what each holdout met, and the classes."""
    tables = [feed_table(report.feeds)]
    if report.holdouts:
        tables.append(_holdout_table(report))
    if report.classes:
        tables.append(_class_table(report))
    return tables


def feed_table(reports: Iterable[FeedReport]) -> Table:
    """Returns the table of what became of each feed's rows."""
    table = _table("Labelled feeds", "feed", "rows", "first at")
    for report in reports:
        table.add_row(safe(report.feed), f"{report.read:,} read")
        for reason, count in report.dropped.most_common():
            table.add_row("", f"{count:,} dropped: {reason}", safe(report.first.get(reason, "")))
        for reason, count in report.noted.most_common():
            place = report.first.get(reason) or report.first.get(reason.partition(",")[0], "")
            table.add_row("", f"{count:,} noted: {reason}", safe(place))
        if report.held_out:
            table.add_row("", f"{report.held_out:,} held out for good")
        table.add_row("", f"{report.kept:,} used", end_section=True)
    return table


def _holdout_table(report: DataReport) -> Table:
    table = _table("Held out", "holdout", "texts", "also in the feeds", "nearly")
    for each in report.holdouts:
        table.add_row(safe(each.holdout), *(f"{n:,}" for n in (each.texts, each.exact, each.near)))
    return table


def _class_table(report: DataReport) -> Table:
    table = _table("Classes", "head", "class", "train", "dev", "held out")
    for each in report.classes:
        counts = (each.train, each.dev, each.holdout)
        table.add_row(each.head, safe(each.name), *(f"{count:,}" for count in counts))
    if report.notes:
        from rich.text import Text

        table.caption = Text("\n".join(report.notes))
    return table


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    return Table(*columns, title=title, title_justify="left", caption_justify="left")


def safe(text: str) -> str:
    """Returns text from outside as a cell or a title that holds nothing but it."""
    from rich.markup import escape

    from monitor.logs import printable

    return escape(printable(text))
