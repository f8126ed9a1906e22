"""Behaviour tests as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from training.behaviour.judging import Outcome


def behaviour_table(outcomes: Iterable[Outcome]) -> Table:
    """Returns one line for each test, and beneath it one for each thing that is swapped."""
    from rich.table import Table
    from rich.text import Text

    table = Table("test", title="Behaviour, on invented sentences", title_justify="left")
    for column in ("texts", "flips", "mean shift", "passes"):
        table.add_column(column, justify="right")
    for each in outcomes:
        parts = {} if len(each.by_swap) < 2 else each.by_swap
        lines = [(each.test, each.swapped), *((f"  {name}", part) for name, part in parts.items())]
        for name, found in lines if each.swapped else ():
            if found is not None:
                numbers = (str(found.cases), f"{found.flip_rate:.1%}", f"{found.mean_shift:.3f}")
                table.add_row(Text(name), *numbers, "")
        if each.pass_rate is not None:
            table.add_row(Text(each.test), str(each.cases), "", "", f"{each.pass_rate:.1%}")
    return table
