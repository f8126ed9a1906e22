"""From news items to judgements: what SCORE and `newsurge score` both ask the model.

Owns which text of an item is judged, when it is not judged at all, and how probabilities look on
the wire. It knows no stream; what runs the network is a `Scorer`.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeGuard

import msgspec

from monitor import metrics
from monitor.model.bundle import NO_TOPIC, Bundle, BundleMeta
from monitor.model.language import Languages
from monitor.model.poison import Failed, infer_each, tried
from monitor.model.runtime import load_scorer
from monitor.model.scorer import Floats, Prepared, Scorer, Scores
from monitor.model.signature import sign, words
from monitor.model.text import clean
from monitor.records import NewsItem, Sentiment
from monitor.settings import Settings

log = logging.getLogger(__name__)

Unjudged = Literal["language", "too_short"]
UNJUDGED: tuple[Unjudged, ...] = ("language", "too_short")
_DECIMALS = 6
_NOTHING_SAID = Sentiment(0.0, 1.0, 0.0)
# No honest text has longer tokens on average; what lies behind would be cut off anyway, and a
# megabyte of it must not cost a megabyte's tokenising.
_CHARACTERS_PER_TOKEN = 32


class Judgement(msgspec.Struct, frozen=True):
    """What the model made of one item.

    `topic` is the most probable one. `series_topics` are those probable enough to feed a series,
    most probable first: one at most, or any number with a bundle of several topics a text;
    `("none",)` where none is. An item that the model can't judge has topic `none` with
    probability 0, a neutral sentiment, and the reason in `unjudged`.
    """

    topic: str
    topic_probability: float
    series_topics: tuple[str, ...]
    sentiment: Sentiment
    language: str
    signature: bytes
    unjudged: Unjudged | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What is known of an item before the network has seen it."""

    text: str
    language: str
    signature: bytes
    unjudged: Unjudged | None


@dataclass(frozen=True, slots=True)
class PreparedItems:
    """Items on their way to `Judge.infer`: what was read of each, and the texts to be judged."""

    reads: tuple[_Read | Failed, ...]
    texts: Prepared


class Judge:
    """Judges items with one bundle.

    `prepare` and `infer` may run in two threads at once.

    Args:
        meta: the bundle's description.
        scorer: what runs its network.
        languages: tells the languages of texts.
        topic_threshold: the probability from which a topic's series gets the item.
    """

    def __init__(
        self, meta: BundleMeta, scorer: Scorer, languages: Languages, topic_threshold: float
    ) -> None:
        self._meta = meta
        self._scorer = scorer
        self._languages = languages
        self._threshold = topic_threshold

    @property
    def version(self) -> str:
        """The version of the bundle, as it stands in every scored record."""
        return self._meta.version

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that the bundle knows."""
        return self._meta.topics

    @property
    def runtime(self) -> str:
        """What runs the network."""
        return self._scorer.runtime

    def prepare(self, items: Sequence[NewsItem]) -> PreparedItems:
        """Clean, sign and tokenise items, and find those that the model can't judge."""
        reads = [tried(partial(self._read, item)) for item in items]
        texts = tried(partial(self._tokenised, reads), logging.WARNING)
        if isinstance(texts, Failed):
            reads = [self._read_if_tokenised(read) for read in reads]
            texts = self._tokenised(reads)
        return PreparedItems(tuple(reads), texts)

    def infer(
        self, prepared: PreparedItems, *, count_failures: bool = True
    ) -> list[Judgement | Failed]:
        """Judge prepared items, in their order. Blocks; to be called off the event loop.

        An item on which the model fails, even alone, has no judgement but the reason; it costs
        its batch mates time and nothing else (see `monitor.model.poison`). Failed tries are told
        by a metric, unless the judge is not the one that serves.
        """
        outcome = infer_each(self._scorer, prepared.texts)
        for one in outcome.tries if count_failures else ():
            kind = "out_of_memory" if one.is_memory else "other"
            metrics.inference_failures_total.labels(kind).inc()
        judged = self._judged(outcome.scores)
        place = itertools.count()
        told: list[Judgement | Failed] = []
        for read in prepared.reads:
            if isinstance(read, Failed):
                told.append(read)
            elif read.unjudged is not None:
                told.append(_unjudged(read))
            else:
                failure = outcome.failed.get(next(place))
                told.append(failure or self._judgement(read, *next(judged)))
        return told

    def _tokenised(self, reads: Sequence[_Read | Failed]) -> Prepared:
        return self._scorer.prepare([read.text for read in reads if _is_judged(read)])

    def _read_if_tokenised(self, read: _Read | Failed) -> _Read | Failed:
        if not _is_judged(read):
            return read
        alone = tried(partial(self._scorer.prepare, [read.text]))
        return alone if isinstance(alone, Failed) else read

    def _read(self, item: NewsItem) -> _Read:
        fields = (getattr(item, name, None) for name in self._meta.input_fields)
        text = " ".join(clean(field) for field in fields if field)
        text = text[: self._meta.max_length * _CHARACTERS_PER_TOKEN]
        language = self._languages.tell(text, item.language)
        return _Read(text, language, sign(text), self._obstacle(text, language))

    def _obstacle(self, text: str, language: str) -> Unjudged | None:
        if not self._languages.supports(language):
            return "language"
        return "too_short" if len(words(text)) < self._meta.minimum_words else None

    def _judged(
        self, scores: Scores | None
    ) -> Iterator[tuple[str, float, tuple[str, ...], Sentiment]]:
        if scores is None:
            return
        best = scores.topic.argmax(axis=1)
        for row, index in enumerate(best):
            topic = self._meta.topics[index]
            probability = round(float(scores.topic[row, index]), _DECIMALS)
            series = self._series_topics(scores.topic[row], topic, probability)
            yield topic, probability, series, _sentiment(scores.sentiment[row])

    def _series_topics(self, row: Floats, topic: str, probability: float) -> tuple[str, ...]:
        if probability < self._threshold:
            return (NO_TOPIC,)
        if self._meta.topic_mode != "multi":
            return (topic,)
        # Rounded as `probability` is, or the most probable topic could miss its own series.
        shares = [round(float(share), _DECIMALS) for share in row]
        ranked = sorted(range(len(shares)), key=lambda index: -shares[index])
        return tuple(self._meta.topics[i] for i in ranked if shares[i] >= self._threshold)

    def _judgement(
        self,
        read: _Read,
        topic: str,
        probability: float,
        series: tuple[str, ...],
        sentiment: Sentiment,
    ) -> Judgement:
        return Judgement(topic, probability, series, sentiment, read.language, read.signature)


def load_judge(bundle: Bundle, settings: Settings) -> Judge:
    """Load everything that judging needs, and warm it up.

    Raises:
        BundleError: when the bundle can't be run as the settings ask.
    """
    with ThreadPoolExecutor(1, "languages") as aside:
        loading = aside.submit(Languages, bundle.meta.languages)
        scorer = load_scorer(bundle, settings.model)
        scorer.warm_up()
        languages = loading.result()
    log.info(
        "model %s %s runs on %s: %s",
        bundle.meta.name, bundle.meta.version, scorer.runtime, scorer.reason,
    )  # fmt: skip
    return Judge(bundle.meta, scorer, languages, settings.score.topic_threshold)


def _is_judged(read: _Read | Failed) -> TypeGuard[_Read]:
    return not isinstance(read, Failed) and read.unjudged is None


def _unjudged(read: _Read) -> Judgement:
    return Judgement(
        topic=NO_TOPIC,
        topic_probability=0.0,
        series_topics=(NO_TOPIC,),
        sentiment=_NOTHING_SAID,
        language=read.language,
        signature=read.signature,
        unjudged=read.unjudged,
    )


def _sentiment(row: Floats) -> Sentiment:
    """Rounded for the wire, the largest so that the sum stays 1."""
    shares = [round(float(share), _DECIMALS) for share in row]
    largest = shares.index(max(shares))
    rest = sum(share for index, share in enumerate(shares) if index != largest)
    shares[largest] = round(1.0 - rest, _DECIMALS)
    return Sentiment(*shares)
