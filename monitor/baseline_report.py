"""`newsurge baseline fit` for a person: progress and doubts on stderr, then what was fitted.

Owns wording and layout; it fits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from monitor.baselines import FitOptions, Fitted, fit_baseline
from monitor.logs import printable
from monitor.prior_file import write_prior
from monitor.settings import Settings
from monitor.surge.prior import Prior, SeriesPrior

_REPORTED = 20
_FACTORS = (2.0, 8.0)


def fit_command(
    paths: Sequence[Path], output: Path, settings: Settings, options: FitOptions
) -> None:
    """Fit a prior, write it, and show what it says.

    Raises:
        NewsurgeError: as `fit_baseline` and `write_prior`.
    """
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task("reading")
        fitted = fit_baseline(
            paths, settings, options, lambda what: bar.update(task, description=printable(what))
        )
    write_prior(fitted.prior, output)
    for line in _complaints(fitted):
        errors.print(printable(line))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(_table(fitted.prior))
    console.print(
        f"{output}: prior {fitted.prior.digest}, fitted on {printable(fitted.prior.fitted_on)}; "
        f"{fitted.counted.records:,} records, {len(fitted.bad):,} rows that could not be used"
    )
    console.print(
        f"Use it with `newsurge run --set watch.prior={output}`, or in the settings file:"
    )
    console.print(f"watch:\n  prior: {output}")


def _complaints(fitted: Fitted) -> list[str]:
    lines = [f"{row.file}: line {row.line}: {row.reason}" for row in fitted.bad[:_REPORTED]]
    if len(fitted.bad) > _REPORTED:
        lines.append(f"and {len(fitted.bad) - _REPORTED:,} more rows that can't be used")
    return lines + fitted.doubts


def _table(prior: Prior) -> Table:
    table = Table(box=None)
    table.add_column("series")
    table.add_column("negative stories a day", justify="right")
    table.add_column("share", justify="right")
    for factor in _FACTORS:
        table.add_column(f"tail slope x{factor:g}", justify="right")
    for name, belief in sorted(prior.series.items()):
        table.add_row(*_row(name, belief))
    table.add_row(*_row("any other", prior.unknown))
    return table


def _row(name: str, belief: SeriesPrior) -> list[str]:
    slopes = [f"{belief.volume_tails.at(factor).slope:.2f}" for factor in _FACTORS]
    return [printable(name), f"{belief.rate * 24:.2f}", f"{belief.share:.3f}", *slopes]
