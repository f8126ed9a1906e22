"""The report's sections on one set of rows: what each head got right, and where it did not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from training.averages import Estimate
from training.metrics import SAID
from training.report import charts
from training.report.elements import Html, el, join, num, said, share, table

if TYPE_CHECKING:
    from training.averages import Average, HeadNumbers
    from training.mistakes import Mistake
    from training.reliability import Reliability
    from training.report.content import Evaluated, HeadReport
    from training.slices import Slice

_SHADES = 10
_GAPS = "Bars: how often it was right. Orange: surer than right. Blue outline: less sure."


def evaluated(each: Evaluated, place: str) -> Html:
    """Everything on one set of rows. `place` is the section's id."""
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in each.dropped.items())
    left_out = f" Not judged: {dropped}." if dropped else ""
    return el(
        "section",
        el("h2", each.name, id=place),
        el("p", f"{each.texts:,} texts. {each.note}{left_out}", class_="soft"),
        *(_head(head, f"{place}-{head.head}") for head in each.heads),
    )


def value(estimate: Estimate) -> Html:
    """A number with its interval, as a cell."""
    bounds = f"{estimate.low:.3f} to {estimate.high:.3f}" if estimate.low < estimate.high else ""
    return el("td", f"{estimate.value:.3f}", el("span", bounds, class_="range"), class_="num")


def card(title: str, *parts: Html) -> Html:
    """A box with a title."""
    return el("div", el("h3", title), *parts, class_="card")


def _head(head: HeadReport, place: str) -> Html:
    found = head.numbers
    parts = [
        el("h2", f"{head.head.capitalize()}, {found.rows:,} rows", id=place, class_="sub"),
        card("By class", _several(found), _classes(found)),
        _matrix(found),
        el(
            "div",
            _reliability("Before temperature scaling", head.before),
            _reliability(f"As served, temperature {head.after.temperature:g}", head.after),
            class_="pair",
        ),
    ]
    if head.slices:
        parts.append(card("Parts of the rows", _slices(head.slices)))
    if head.mistakes:
        parts.append(_mistakes(head.mistakes))
    return join(parts)


def _several(found: HeadNumbers) -> Html:
    """What a reader must know of a head with several classes a text."""
    if found.confusion:
        return join([])
    right = found.accuracy
    says = (
        f"A text may have several classes; a class is said from a probability of {SAID:g}. All "
        f"classes of a text are right in {share(right.value)} of the texts "
        f"({share(right.low)} to {share(right.high)})."
    )
    return el("p", says, class_="soft")


def _classes(found: HeadNumbers) -> Html:
    rows = [
        (
            el("th", each.name, scope="row"),
            num(f"{each.support:,}"),
            *(
                (value(each.precision), value(each.recall), value(each.f1))
                if each.support
                else (num("no rows"), num(""), num(""))
            ),
            charts.interval(each.f1) if each.support else "",
        )
        for each in found.classes
    ]
    return table(
        [
            "class",
            el("th", "support", class_="num", scope="col"),
            *(el("th", what, class_="num", scope="col") for what in ("precision", "recall", "F1")),
            "F1, 0 to 1",
        ],
        [*rows, *_averages(found)],
    )


def _averages(found: HeadNumbers) -> Iterator[tuple[str, ...]]:
    for name, each in (
        ("macro average", found.macro),
        ("weighted average", found.weighted),
        ("micro average (accuracy)" if found.confusion else "micro average", found.micro),
    ):
        yield _average(name, each, found.rows)


def _average(name: str, each: Average, rows: int) -> tuple[str, ...]:
    return (
        el("th", el("strong", name), scope="row"),
        num(f"{rows:,}"),
        value(each.precision),
        value(each.recall),
        value(each.f1),
        charts.interval(each.f1),
    )


def _matrix(found: HeadNumbers) -> Html:
    if not found.confusion:
        return join([])
    names = [each.name for each in found.classes]
    many = len(names) > 6
    heads = [
        el("th", str(number) if many else name, title=name, scope="col")
        for number, name in enumerate(names, 1)
    ]
    rows = [
        [
            el("th", f"{name} {row + 1}" if many else name, scope="row"),
            *(
                _shaded(count, sum(line), right=row == column, told=f"{name}: said {names[column]}")
                for column, count in enumerate(line)
            ),
        ]
        for row, (name, line) in enumerate(zip(names, found.confusion, strict=True))
    ]
    return card(
        "What was taken for what",
        el("p", "Rows are true classes, columns what the model said.", class_="soft"),
        table([el("th", ""), *heads], rows, class_="matrix"),
    )


def _shaded(count: int, whole: int, *, right: bool, told: str) -> Html:
    shade = -(-count * _SHADES // whole) if whole else 0
    tone = f"{'r' if right else 'w'}{shade}" if shade else "zero"
    return el("td", f"{count:,}" if count else "·", class_=tone, title=f"{told}, {count:,}")


def _reliability(title: str, diagram: Reliability) -> Html:
    return card(
        title,
        el("p", f"ECE {diagram.ece:.4f}. {_GAPS}", class_="soft"),
        charts.reliability(diagram),
    )


def _slices(slices: tuple[Slice, ...]) -> Html:
    rows: list[Html] = []
    for by, some in groupby(slices, key=lambda each: each.by):
        rows.append(el("tr", el("th", f"by {by}", colspan=5, scope="rowgroup"), class_="kind"))
        rows += [
            el(
                "tr",
                el("th", each.name, scope="row", dir="auto"),
                num(f"{each.rows:,}"),
                value(each.accuracy),
                value(each.macro_f1),
                el("td", charts.interval(each.macro_f1)),
            )
            for each in some
        ]
    heads = el(
        "tr",
        el("th", "part", scope="col"),
        *(el("th", name, class_="num", scope="col") for name in ("rows", "accuracy", "macro-F1")),
        el("th", "macro-F1, 0 to 1", scope="col"),
    )
    inner = el("table", el("thead", heads), el("tbody", *rows))
    return el("div", inner, class_="scroll", tabindex=0)


def _mistakes(found: tuple[Mistake, ...]) -> Html:
    rows = (
        (
            said(each.text),
            each.truth,
            f"{each.said}, {share(each.probability)}",
            num(share(each.probability_of_truth)),
        )
        for each in found
    )
    return card(
        "The most confident mistakes",
        el(
            "p",
            "Surest first. Look at the label, too: it is wrong in some of these.",
            class_="soft",
        ),
        el(
            "details",
            el("summary", f"{len(found)} texts"),
            table(["text", "label", "said", el("th", "gave the label", class_="num")], rows),
        ),
    )
