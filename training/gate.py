"""The gate: may a challenger take over from the champion? Numbers in, a verdict with reasons out.

Pure arithmetic: it opens no file, runs no model and reads no clock, so that the same answers and
limits give the same verdict. Who measures is `training.promotion`'s, what is promoted too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from training.gate_limits import GateLimits, Head
from training.paired import class_f1, difference_interval, macro_f1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Chosen:
    """What one model said of the labelled rows of a holdout, for one head.

    Attributes:
        classes: names, in the order of the columns.
        said: [rows, classes], what the model chose; several in a row where it is multi-label.
    """

    classes: tuple[str, ...]
    said: Flags


@dataclass(frozen=True)
class HeadAnswers(Chosen):
    """What a challenger said, and how right that is.

    Attributes:
        truth: [rows, classes], the labels.
        ece: the expected calibration error of its probabilities there, 0 to 1.
    """

    truth: Flags
    ece: float


class Finding(msgspec.Struct, frozen=True):
    """One thing that the gate looked at; `reason` is its name, `said` the sentence with numbers."""

    reason: str
    said: str


class HeadNumbers(msgspec.Struct, frozen=True, omit_defaults=True):
    """One head, measured. `difference` is challenger minus champion in macro-F1.

    `low` and `high` are the ends of its bootstrap interval; the three are None where there is
    nothing to compare with. `f1` has the classes that the holdout has rows of.
    """

    rows: int
    macro_f1: float
    ece: float
    f1: dict[str, float]
    champion_macro_f1: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """Whether the challenger passes: it does where no reason speaks against it.

    `against` are the reasons of a refusal. `notes` are what a reader should know and what refuses
    nothing, such as a class with too few rows to be judged.
    """

    passed: bool
    against: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    heads: dict[str, HeadNumbers]


def judge(
    challenger: Mapping[str, HeadAnswers],
    champion: Mapping[str, Chosen] | None,
    behaviour: Mapping[str, float],
    limits: GateLimits,
) -> Verdict:
    """Hold a challenger against its limits, and against the champion where there is one.

    A head whose set of classes is not the champion's is held against the limits alone.

    Args:
        challenger: its answers by head, on the rows of the holdout that have a label of the head.
        champion: the champion's on the very same rows, its columns in any order.
        behaviour: the challenger's behaviour tests: name of the number → its value.
        limits: what is asked for.
    """
    against: list[Finding] = []
    notes: list[Finding] = []
    heads: dict[str, HeadNumbers] = {}
    for head in limits.heads:
        answers = challenger.get(head)
        rows = 0 if answers is None else len(answers.truth)
        if answers is None or rows < limits.min_rows:
            against.append(
                Finding(
                    "too_few_rows",
                    f"{head}: {rows} labelled rows in the holdout, {limits.min_rows} are asked "
                    "for; give more of them",
                )
            )
            continue
        before, note = _comparable(head, answers, (champion or {}).get(head), champion is None)
        notes += note
        numbers = _numbers(answers, before, limits)
        heads[head] = numbers
        against += _below_floors(head, answers, numbers, limits)
        against += _lost(head, numbers, limits)
        notes += _unjudged(head, answers, limits)
    found, missing = _behaviour(behaviour, limits)
    against += found
    notes += missing
    return Verdict(not against, tuple(against), tuple(notes), heads)


def _numbers(answers: HeadAnswers, before: Flags | None, limits: GateLimits) -> HeadNumbers:
    once = np.ones((1, len(answers.truth)))
    f1 = class_f1(once, answers.truth, answers.said)[0]
    present = answers.truth.sum(axis=0) > 0
    of_classes = {
        name: round(float(value), 4)
        for name, value, is_there in zip(answers.classes, f1, present, strict=True)
        if is_there
    }
    macro = float(macro_f1(once, answers.truth, answers.said)[0])
    measured = HeadNumbers(len(answers.truth), round(macro, 4), round(answers.ece, 4), of_classes)
    if before is None:
        return measured
    was = float(macro_f1(once, answers.truth, before)[0])
    low, high = difference_interval(answers.truth, answers.said, before, limits)
    return msgspec.structs.replace(
        measured,
        champion_macro_f1=round(was, 4),
        difference=round(macro - was, 4),
        low=round(low, 4),
        high=round(high, 4),
    )


def _comparable(
    head: Head, answers: HeadAnswers, before: Chosen | None, is_first: bool
) -> tuple[Flags | None, list[Finding]]:
    """The champion's answers with the challenger's order of columns, or why there are none."""
    if before is not None and set(before.classes) == set(answers.classes):
        order = [before.classes.index(name) for name in answers.classes]
        return before.said[:, order], []
    if is_first:
        return None, [Finding("no_champion", f"{head}: no champion, judged on limits alone")]
    if before is None:
        return None, [Finding("not_compared", f"{head}: the champion has no answers to compare")]
    new = sorted(set(answers.classes) - set(before.classes))
    gone = sorted(set(before.classes) - set(answers.classes))
    said = "; ".join(
        f"{word}: {', '.join(names)}" for word, names in (("new", new), ("gone", gone)) if names
    )
    return None, [
        Finding("classes_changed", f"{head}: other classes ({said}), judged on limits alone")
    ]


def _below_floors(
    head: Head, answers: HeadAnswers, numbers: HeadNumbers, limits: GateLimits
) -> Iterator[Finding]:
    if numbers.macro_f1 < limits.min_macro_f1.get(head, 0.0):
        yield Finding(
            "macro_f1_floor",
            f"{head}: macro-F1 is {numbers.macro_f1:.4f}, below the floor of "
            f"{limits.min_macro_f1[head]:.4f}",
        )
    for name in sorted(set(limits.floors.get(head, {})) - set(answers.classes)):
        yield Finding(
            "class_floor",
            f"{head}: the limits have a floor for {name}, which is no class of the challenger; "
            "correct its name in the gate file, or take it out",
        )
    support = dict(zip(answers.classes, answers.truth.sum(axis=0).tolist(), strict=True))
    for name, f1 in numbers.f1.items():
        floor = limits.floor(head, name)
        if support[name] >= limits.min_support and f1 < floor:
            yield Finding(
                "class_floor",
                f"{head}: F1 of {name} is {f1:.4f} on {support[name]} rows, below its floor of "
                f"{floor:.4f}",
            )
    if not numbers.ece <= limits.max_ece:  # what is no number is above every limit
        yield Finding(
            "calibration",
            f"{head}: the calibration error (ECE) is {numbers.ece:.4f}, above {limits.max_ece:.4f}",
        )


def _lost(head: Head, numbers: HeadNumbers, limits: GateLimits) -> Iterator[Finding]:
    if numbers.low is None or numbers.high is None or numbers.low >= -limits.max_loss:
        return
    told = (
        f"{head}: macro-F1 is {numbers.macro_f1:.4f}, the champion's "
        f"{numbers.champion_macro_f1:.4f}; the difference is {numbers.difference:+.4f}, its "
        f"{limits.confidence:.0%} interval {numbers.low:+.4f} to {numbers.high:+.4f}"
    )
    if numbers.high < 0:
        yield Finding("worse", f"{told}: worse than the champion")
    else:
        yield Finding(
            "not_shown_as_good",
            f"{told}: a loss of more than max_loss = {limits.max_loss:.4f} can't be excluded on "
            f"{numbers.rows} rows; a larger holdout would tell",
        )


def _unjudged(head: Head, answers: HeadAnswers, limits: GateLimits) -> Iterator[Finding]:
    for name, rows in zip(answers.classes, answers.truth.sum(axis=0).tolist(), strict=True):
        if rows < limits.min_support:
            yield Finding(
                "class_unjudged",
                f"{head}: {name} has {rows} rows in the holdout, fewer than {limits.min_support}: "
                "no floor is asked of it",
            )


def behaviour_numbers(found: Any, within: str = "") -> dict[str, float]:
    """Every number in nested results by its dotted path, such as `entity_swap.flip_rate`."""
    if isinstance(found, Mapping):
        return {
            name: value
            for key, part in found.items()
            for name, value in behaviour_numbers(part, f"{within}.{key}" if within else key).items()
        }
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return {within: float(found)} if is_number and within else {}


def _behaviour(
    measured: Mapping[str, float], limits: GateLimits
) -> tuple[list[Finding], list[Finding]]:
    against, missing = [], []
    for name, most in limits.behaviour.items():
        value = measured.get(name)
        if value is None:
            missing.append(
                Finding("behaviour_unmeasured", f"behaviour: {name} is not in the bundle")
            )
        elif not value <= most:
            against.append(Finding("behaviour", f"behaviour: {name} is {value:.4f}, above {most}"))
    return against, missing
