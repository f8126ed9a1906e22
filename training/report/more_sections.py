"""The report's other sections: behaviour, drift, learning curves, and how it was all measured."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from training.averages import RESAMPLES
from training.behaviour.judging import MARGIN
from training.drift import SHUFFLES
from training.report import charts
from training.report.elements import Html, el, join, num, said, share, table
from training.report.sections import card
from training.tune_picture import picture

if TYPE_CHECKING:
    from training.behaviour.judging import Failure, Invariance, Judged, Outcome
    from training.curves import Curve, Curves
    from training.drift import Distance, Drift
    from training.tune_result import Found

FLIPS_AT_MOST = 0.05  # of entity swaps; more is shown as bad
_PASSES_AT_LEAST = 0.8
_FIRST = "entity_swap"

_METHOD = (
    (
        "As served",
        "Every probability comes from the scorer that the daemon runs on a CPU, on this bundle's "
        "own files.",
    ),
    (
        "Intervals",
        f"95 %: percentiles of {RESAMPLES:,} bootstrap draws of the rows, seeded (Efron and "
        "Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3). They tell what other "
        "rows of the same kind would give, not what another training would. None is shown where "
        "the draws don't differ, as in a class without a mistake: few rows tell little then.",
    ),
    (
        "Averages",
        "Macro: the mean over the classes that have rows here. Weighted: by their rows. Micro: "
        "over all rows and classes at once; where each row has one class and gets one, it is the "
        "accuracy.",
    ),
    (
        "ECE",
        "Expected calibration error over 15 equal-width bins of confidence (Guo et al., On "
        "Calibration of Modern Neural Networks, 2017).",
    ),
    (
        "Behaviour",
        "Invented templates with invented names, after CheckList (Ribeiro et al., Beyond Accuracy, "
        "ACL 2020). Flip rate: the share of pairs of variants of a template that get different "
        "classes, each template counted alike. Shift: the mean absolute difference of their "
        f"scores, positive less negative. Higher and lower: by {MARGIN:g} or more.",
    ),
    (
        "Drift",
        "Words: Jensen-Shannon divergence in bits (Lin, 1991), from 0 to 1. Classes: half the sum "
        "of the differences of their shares (total variation). By chance: the most that "
        f"{SHUFFLES} shuffles of the same texts gave.",
    ),
)


def behaviour(outcomes: tuple[Outcome, ...], sha256: str | None) -> Html:
    """The behaviour tests, with what failed in each."""
    rows: list[Html] = []
    outcomes = tuple(sorted(outcomes, key=lambda each: each.test != _FIRST))
    for each in outcomes:
        if each.swapped is not None:
            rows.append(_swap_row(each.test, each.what, each.swapped))
            if len(each.by_swap) > 1:
                rows += [_swap_row(name, "", part) for name, part in each.by_swap.items()]
        elif each.pass_rate is not None:
            rows.append(_passes_row(each, each.pass_rate))
    heads = el(
        "tr",
        el("th", "test", scope="col"),
        el("th", "texts", class_="num", scope="col"),
        el("th", "flips, or passes", class_="num", scope="col"),
        el("th", "", scope="col"),
        el("th", "mean shift", class_="num", scope="col"),
    )
    inner = el("table", el("thead", heads), el("tbody", *rows))
    return el(
        "section",
        el("h2", "Behaviour", id="behaviour"),
        el("p", f"Invented sentences. Cases {(sha256 or '')[:12]}.", class_="soft"),
        el("div", el("div", inner, class_="scroll", tabindex=0), class_="card"),
        *(_failures(each) for each in outcomes if each.failures),
    )


def _swap_row(name: str, what: str, found: Invariance) -> Html:
    return _row(
        name,
        what,
        found.cases,
        f"{share(found.flip_rate)} flip",
        charts.bar(found.flip_rate, bad=found.flip_rate > FLIPS_AT_MOST),
        f"{found.mean_shift:.3f}",
    )


def _passes_row(each: Outcome, rate: float) -> Html:
    picture = charts.bar(rate, bad=rate < _PASSES_AT_LEAST)
    return _row(each.test, each.what, each.cases, f"{share(rate)} pass", picture, "")


def _row(name: str, what: str, cases: int, result: str, picture: Html, shift: str) -> Html:
    told = [el("br"), el("span", what, class_="soft")] if what else []
    return el(
        "tr",
        el("th", name.replace("_", " "), *told, scope="row"),
        num(f"{cases:,}"),
        num(result),
        el("td", picture),
        num(shift),
        class_=None if what else "part",
    )


def _failures(each: Outcome) -> Html:
    rows = ((said(f.text), _judged(f.said), *_expected(f)) for f in each.failures)
    plural = "" if each.failed == 1 else "s"
    kind = (
        f"template{plural} flipped" if each.kind == "invariance" else f"expectation{plural} not met"
    )
    shown = "" if each.failed == len(each.failures) else f", {len(each.failures)} shown"
    return el(
        "details",
        el("summary", f"{each.test.replace('_', ' ')}: {each.failed:,} {kind}{shown}"),
        table(["text", "judged", "should be", "beside", "judged"], rows),
    )


def _expected(failure: Failure) -> tuple[str, ...]:
    against = said(failure.against or "")
    return failure.expected, against, _judged(failure.said_of_it) if failure.said_of_it else ""


def _judged(found: Judged) -> Html:
    return el("td", f"{found.sentiment} {found.score:+.2f}", class_="whole")


def drift(found: Drift) -> Html:
    """Recent text beside the text that was measured."""
    old, new = found.reference, found.recent
    facts = [
        (el("th", name, scope="row"), num(before), num(now))
        for name, before, now in (
            ("texts", f"{old.texts:,}", f"{new.texts:,}"),
            ("tokens in a text", f"{old.mean_tokens:g}", f"{new.mean_tokens:g}"),
            ("texts cut at the model's limit", share(old.cut), share(new.cut)),
            ("tokens the model does not know", share(old.unknown), share(new.unknown)),
        )
    ]
    distances = [("words", found.words), *((f"{h} classes", d) for h, d in found.classes.items())]
    most: dict[str, float] = {}
    for each in found.shares:
        most[each.head] = max(most.get(each.head, 0.0), each.before, each.now)
    shares = [
        (
            el("th", each.name, scope="row"),
            each.head,
            num(share(each.before)),
            num(share(each.now)),
            charts.moved(each.before, each.now, most[each.head]),
        )
        for each in found.shares
    ]
    right = {"class_": "num", "scope": "col"}
    return el(
        "section",
        el("h2", "Drift", id="drift"),
        el("p", f"{new.name} beside {old.name}.", class_="soft"),
        el(
            "div",
            card("Text", table(["", *(el("th", n, **right) for n in (old.name, new.name))], facts)),
            card("Distances", _distances(distances)),
            class_="pair",
        ),
        card(
            "New words",
            el("p", "The words that are more frequent now and set the two apart.", class_="soft"),
            el("ul", *(el("li", word, dir="auto") for word in found.new_words), class_="words"),
        ),
        card(
            "What the model says of both",
            table(
                ["class", "head", el("th", "before", **right), el("th", "now", **right), ""], shares
            ),
        ),
    )


def _distances(found: list[tuple[str, Distance]]) -> Html:
    rows = (
        (
            el("th", name, scope="row"),
            num(f"{each.value:.3f}"),
            num(f"{each.by_chance:.3f}"),
            "moved" if each.value > each.by_chance else "no more than chance",
        )
        for name, each in found
    )
    right = {"class_": "num", "scope": "col"}
    return table(["", el("th", "distance", **right), el("th", "by chance", **right), ""], rows)


def learning(found: Curves) -> Html:
    """Losses and dev scores by epoch."""
    return el(
        "section",
        el("h2", "Learning", id="learning"),
        *(
            _curves(title, some)
            for title, some in (("Loss", found.losses), ("Macro-F1 on dev", found.macro_f1))
            if some
        ),
    )


def _curves(title: str, some: tuple[Curve, ...]) -> Html:
    return card(title, charts.lines(some, f"{title} by epoch"))


def tuning(found: Found) -> Html:
    """The trials that chose the recipe's values, as a picture and in a sentence."""
    values = ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in sorted(found.best.values.items())
    )
    told = (
        f"{len(found.trials):,} trials on parts of train: {found.texts.learned:,} texts to learn "
        f"from, {found.texts.judged:,} to judge on; neither dev nor a holdout was looked at. Best: "
        f"trial {found.best.number}, mean macro-F1 {found.best.quality or 0:.4f}, with {values}."
    )
    # As an image its styles are its own, whatever the page's policy allows.
    drawn = base64.b64encode(picture(found).encode()).decode()
    image = el(
        "img",
        src=f"data:image/svg+xml;base64,{drawn}",
        alt="Quality by trial, and by each value",
        class_="wide",
    )
    return el(
        "section",
        el("h2", "Tuning", id="tuning"),
        el("p", told, class_="soft"),
        el("div", image, class_="card"),
    )


def method() -> Html:
    """How the numbers are come by, and where from."""
    terms = join(part for term, text in _METHOD for part in (el("dt", term), el("dd", text)))
    return el("section", el("h2", "How it was measured", id="method"), el("dl", terms))
