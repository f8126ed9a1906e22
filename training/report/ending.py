"""What a training and an evaluation end in: behaviour tests, the report, and its two files.

A report lies beside the bundle and not in it: it quotes labelled texts, and a bundle is copied to
machines that serve, and may be published.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import NewsurgeError
from training.answers import answer
from training.behaviour.judging import Outcome, as_metrics
from training.behaviour.loading import digest_of, load_tests, shipped
from training.behaviour.running import run
from training.evaluation import keep
from training.report.content import Report, encode
from training.report.making import drift_between, evaluated, report
from training.report.page import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.model.bundle import Bundle
    from training.answers import Answers
    from training.behaviour.templates import BehaviourTest
    from training.feeds import Row
    from training.recipe import Recipe

_NOTES = {
    "dev": "A split of the training data. The epoch and the temperatures were chosen on it, so it "
    "flatters a little."
}


class ReportError(NewsurgeError):
    """A report that can't be written where it should be."""


def tests_for(recipe: Recipe, data: Path) -> tuple[BehaviourTest, ...]:
    """Returns the shipped behaviour tests and those of the recipe's own directory.

    Raises:
        BehaviourError: they can't be used.
    """
    return load_tests(shipped(), *([data / recipe.behaviour] if recipe.behaviour else []))


def behave(bundle: Bundle, tests: Sequence[BehaviourTest]) -> tuple[Bundle, tuple[Outcome, ...]]:
    """Runs behaviour tests and keeps their numbers in the bundle, which is returned anew."""
    outcomes = run(bundle, tests)
    kept = {"behaviour": as_metrics(outcomes), "behaviour_sha256": digest_of(tests)}
    return keep(bundle, kept), outcomes


def report_on(
    bundle: Bundle, sets_of_rows: Mapping[str, Sequence[Row]], tests: Sequence[BehaviourTest]
) -> Report:
    """Ends a training: behaviour tests, kept in the bundle, and the report on each set by name.

    The set that training saw least of comes last: its numbers open the page. Empty ones are left
    out.
    """
    bundle, outcomes = behave(bundle, tests)
    sets = [
        evaluated(bundle, name, answer(bundle, rows), note=_NOTES.get(name, ""))
        for name, rows in sets_of_rows.items()
        if rows
    ]
    return report(bundle, sets, behaviour=outcomes, behaviour_sha256=digest_of(tests))


def report_on_file(
    bundle: Bundle,
    name: str,
    answers: Answers,
    dropped: Mapping[str, int],
    *,
    behaviour: tuple[Sequence[BehaviourTest], Sequence[Outcome]],
    against: Path | None,
) -> Report:
    """Ends an evaluation of one file, beside recent news where a file of it is given.

    Raises:
        FeedError: `against` can't be used.
    """
    tests, outcomes = behaviour
    return report(
        bundle,
        [evaluated(bundle, name, answers, dropped=dropped)] if answers.rows else [],
        behaviour=outcomes,
        behaviour_sha256=digest_of(tests),
        drift=drift_between(bundle, name, answers, against) if against and answers.rows else None,
    )


def write(made: Report, html: Path | None, json: Path | None) -> None:
    """Writes the report's files.

    Raises:
        ReportError: one of them can't be written.
    """
    for file, content in ((html, page), (json, encode)):
        if file is None:
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content(made))
        except OSError as error:
            raise ReportError(
                f"{file}: the report can't be written ({error.strerror}); name another file"
            ) from error


def write_beside(bundle: Path, made: Report) -> Path:
    """Writes `BUNDLE.report.html` and `BUNDLE.report.json`, and returns the first."""
    html = bundle.with_name(f"{bundle.name}.report.html")
    write(made, html, html.with_suffix(".json"))
    return html
