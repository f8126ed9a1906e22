"""Makes reports: asks the bundle, lets the pure modules count, puts the parts together."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from monitor.errors import FeedError
from monitor.feeds import read_feed
from monitor.model.text import clean
from monitor.scoring.news import InvalidNewsError, decode_news
from monitor.settings import StreamSettings
from training.averages import confusion, numbers, numbers_of_several
from training.behaviour.judging import Outcome
from training.curves import curves
from training.drift import ClassShare, Drift, TextNumbers, class_drift, word_drift
from training.metrics import SAID
from training.mistakes import mistakes
from training.reading import languages, read
from training.reliability import reliability, uncalibrated
from training.report.content import Evaluated, HeadReport, Report, Subject
from training.served import served
from training.slices import Facts, facts_of, slices
from training.targets import is_labelled
from training.tune_result import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitor.model.bundle import Bundle
    from training.answers import Answers, HeadAnswers
    from training.averages import HeadNumbers
    from training.metrics import Numbers

SAMPLE = 2000  # texts of each side that drift is measured on; a larger body is sampled
SEED = 7
_Item = TypeVar("_Item")


def evaluated(
    bundle: Bundle,
    name: str,
    answers: Answers,
    *,
    note: str = "",
    dropped: Mapping[str, int] | None = None,
) -> Evaluated:
    """Returns everything that is counted on one set of labelled rows.

    Args:
        bundle: which gave the answers.
        name: of the set, as shown.
        answers: on one row or more.
        note: what a reader must know of the set, in a sentence.
        dropped: rows that were not judged, by reason.
    """
    texts = [row.text for row in answers.rows]
    facts = facts_of(answers.rows, read(bundle, texts).tokens.tolist(), languages(bundle, texts))
    return Evaluated(
        name,
        note,
        len(texts),
        dict(dropped or {}),
        tuple(
            _head(bundle, head, texts, facts)
            for head in answers.heads
            if is_labelled(head.labels).any()
        ),
    )


def report(
    bundle: Bundle,
    sets: Sequence[Evaluated],
    *,
    behaviour: Sequence[Outcome] = (),
    behaviour_sha256: str | None = None,
    drift: Drift | None = None,
) -> Report:
    """Puts the parts together, with the learning curves that the bundle keeps."""
    meta = bundle.meta
    return Report(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        bundle=Subject(
            meta.name, meta.version, meta.created_at, meta.base_model.id, meta.languages
        ),
        sets=tuple(sets),
        behaviour=tuple(behaviour),
        behaviour_sha256=behaviour_sha256,
        curves=curves(meta.metrics),
        tuning=_tuning(meta.metrics.get("tuning")),
        drift=drift,
    )


def drift_between(bundle: Bundle, name: str, answers: Answers, recent: Path) -> Drift:
    """Holds a file of recent news against the labelled rows of `answers`.

    Raises:
        FeedError: the file can't be read, or holds no news that the daemon could score.
    """
    titles = _sample(_titles(recent))
    rows = _sample(range(len(answers.rows)))
    before = [answers.rows[row].text for row in rows]
    judged = served(bundle, titles)
    distances, shares = {}, []
    for head, now in zip(answers.heads, judged, strict=True):
        old, new = head.probabilities[rows].argmax(1), now.argmax(1)
        distances[head.head] = class_drift(old, new, len(head.classes))
        shares += [
            ClassShare(
                head.head,
                cls,
                round(float((old == index).mean()), 4),
                round(float((new == index).mean()), 4),
            )
            for index, cls in enumerate(head.classes)
        ]
    words, new_words = word_drift(before, titles)
    return Drift(
        _texts(bundle, name, before),
        _texts(bundle, recent.name, titles),
        words,
        new_words,
        distances,
        tuple(shares),
    )


def _head(
    bundle: Bundle, head: HeadAnswers, texts: Sequence[str], facts: Sequence[Facts]
) -> HeadReport:
    labelled: list[int] = np.flatnonzero(is_labelled(head.labels)).tolist()
    truth, several = head.labels[labelled], head.labels.ndim == 2
    probabilities: Numbers = head.probabilities[labelled].astype(np.float64)
    temperature = float(getattr(bundle.meta.temperatures, head.head))

    def measure(chosen: NDArray[np.bool_]) -> HeadNumbers:
        is_of, given = truth[chosen], probabilities[chosen]
        if several:
            says = (given >= SAID).astype(np.float64)
            return numbers_of_several(is_of.astype(np.float64), says, head.classes)
        return numbers(confusion(is_of, given.argmax(1), len(head.classes)), head.classes)

    before = uncalibrated(probabilities, temperature, several=several)
    return HeadReport(
        head.head,
        measure(np.ones(len(labelled), dtype=bool)),
        reliability(before, truth, 1.0),
        reliability(probabilities, truth, temperature),
        slices([facts[row] for row in labelled], measure),
        mistakes([texts[row] for row in labelled], probabilities, truth, head.classes),
    )


def _tuning(kept: Any) -> Found | None:
    """The tuning that chose a bundle's values; None where it keeps none that is known here."""
    try:
        return msgspec.convert(kept, Found)
    except msgspec.ValidationError:
        return None


def _texts(bundle: Bundle, name: str, texts: Sequence[str]) -> TextNumbers:
    seen = read(bundle, texts)
    return TextNumbers(
        name,
        len(texts),
        round(float(seen.tokens.mean()), 1),
        round(float((seen.tokens > bundle.meta.max_length).mean()), 4),
        round(float(seen.unknown.sum() / max(1, seen.tokens.sum())), 4),
    )


def _titles(file: Path) -> list[str]:
    """The titles of a file of news that the daemon would score."""
    titles, limit = [], StreamSettings().max_record_bytes
    for record in read_feed(file):
        try:
            titles.append(clean(decode_news(record.value, limit).title))
        except InvalidNewsError:
            continue
    if not titles:
        raise FeedError(f"{file}: holds no news that could be scored; give JSONL or CSV of news")
    return titles


def _sample(items: Sequence[_Item]) -> list[_Item]:
    if len(items) <= SAMPLE:
        return list(items)
    chosen = random.Random(SEED).sample(range(len(items)), SAMPLE)
    return [items[index] for index in sorted(chosen)]
