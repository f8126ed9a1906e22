"""A challenger that judges a sample of the news beside the model that serves, for comparison.

Owns the sample, the queue and the thread: scoring hands over what it has judged and never waits.
Nothing that happens here reaches scoring or a stream; what comes out are metrics.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from monitor import metrics
from monitor.errors import NewsurgeError
from monitor.metric_zeros import begin_shadow
from monitor.model.judge import Judge, Judgement, load_judge
from monitor.model.overview import find_bundle
from monitor.records import NewsItem
from monitor.settings import Settings

log = logging.getLogger(__name__)
WAITING = 512  # items that may wait to be judged; more are dropped and counted
_AT_ONCE = 32
_CHARACTERS = 8192  # of a title or a body, so that what waits takes bounded memory
_LOOK_SECONDS = 0.2
_END_SECONDS = 2.0

_Pair = tuple[NewsItem, Judgement]


class Shadow:
    """What runs beside scoring in one process; idle where `model.shadow` is not set."""

    def __init__(self, settings: Settings) -> None:
        model = settings.model
        # One thread of the network: the challenger is in no hurry, the champion is.
        beside = model.model_copy(update={"threads": 1})
        self._settings = settings.model_copy(update={"model": beside})
        self._limit = round(model.shadow_share * 2**64)
        self._waiting: queue.Queue[_Pair] = queue.Queue(WAITING)
        self._judge: Judge | None = None
        self._is_over = threading.Event()
        self._has_told = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Judge what is handed over, for the length of the block."""
        if self._settings.model.shadow is None or self._limit == 0:
            yield
            return
        begin_shadow()
        self._is_over = threading.Event()
        # A daemon thread, and no executor: a challenger that hangs must not hold up the end.
        thread = threading.Thread(
            target=self._work, args=(self._is_over,), name="shadow", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join(_END_SECONDS)

    def offer(self, items: Sequence[NewsItem], judged: Sequence[Judgement], version: str) -> None:
        """Take the sample of what the model that serves has judged. Costs no time to speak of.

        Args:
            items: the items.
            judged: what was made of each.
            version: of the model that serves; a challenger that has come to serve rests.
        """
        if self._settings.model.shadow is None or self._limit == 0:
            return
        if self._judge is not None and self._judge.version == version:
            return
        for item, judgement in zip(items, judged, strict=True):
            if not self._is_sampled(item.id):
                continue
            try:
                self._waiting.put_nowait((_stripped(item), judgement))
            except queue.Full:
                metrics.shadow_items_total.labels("dropped").inc()

    def _is_sampled(self, item_id: str) -> bool:
        """A share of all ids, the same in every process and after every restart."""
        raw = item_id.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest()) < self._limit

    def _work(self, is_over: threading.Event) -> None:
        judge = self._judge or self._loaded()
        if judge is None:
            return
        self._judge = judge
        while not is_over.is_set():
            pairs = self._next()
            if pairs:
                self._compare(judge, pairs)

    def _loaded(self) -> Judge | None:
        model = self._settings.model
        try:
            return load_judge(find_bundle(str(model.shadow), model.registry), self._settings)
        except NewsurgeError as error:
            log.error("the shadow %s can't be run: %s", model.shadow, error)  # noqa: TRY400 - a message for people
        except Exception:
            log.exception("the shadow %s can't be run", model.shadow)
        metrics.shadow_items_total.labels("failed").inc()
        return None

    def _next(self) -> list[_Pair]:
        pairs: list[_Pair] = []
        try:
            pairs.append(self._waiting.get(timeout=_LOOK_SECONDS))
            while len(pairs) < _AT_ONCE:
                pairs.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return pairs

    def _compare(self, judge: Judge, pairs: list[_Pair]) -> None:
        try:
            prepared = judge.prepare([item for item, _ in pairs])
            told = judge.infer(prepared, count_failures=False)
            both = list(zip(pairs, told, strict=True))
        except Exception:
            metrics.shadow_items_total.labels("failed").inc(len(pairs))
            if not self._has_told:
                log.exception("the shadow %s failed; this is told once", judge.version)
            self._has_told = True
            return
        for (_, old), new in both:
            metrics.shadow_items_total.labels(_note(old, new)).inc()


def _note(old: Judgement, new: object) -> str:
    """Count where two judgements agree; tells what became of the item."""
    if not isinstance(new, Judgement):
        return "failed"
    if old.unjudged is not None or new.unjudged is not None:
        return "unjudged"
    for head, agree in (
        ("topic", old.topic == new.topic),
        ("sentiment", old.sentiment.likeliest == new.sentiment.likeliest),
    ):
        metrics.shadow_agreement_total.labels(head, "yes" if agree else "no").inc()
    return "compared"


def _stripped(item: NewsItem) -> NewsItem:
    return NewsItem(
        id="",
        title=item.title[:_CHARACTERS],
        body=item.body[:_CHARACTERS] if item.body else None,
        language=item.language,
    )
