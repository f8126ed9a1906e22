"""A scorer that fails on marked texts, around one that works."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model.scorer import Prepared, Scorer, Scores

MARK = "opec"  # a word that the tiny bundle has a token for, and that no test needs otherwise


class PanicException(BaseException):
    """As a tokenizer written in Rust panics: not even an Exception."""


class MarkedScorer:
    """Raises `error` where a text is marked, in `infer`, or already in `prepare`.

    With `everything` each call of `infer` raises.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        step: str = "",
        error: BaseException | None = None,
        everything: bool = False,
    ) -> None:
        self._scorer = scorer
        self._step = step
        self._error = error or RuntimeError("this text breaks the network")
        self._everything = everything
        self._marked = scorer.prepare([f"{MARK} {MARK}"]).batches[0].ids[0, 0]
        self.runtime = scorer.runtime
        self.reason = scorer.reason

    def prepare(self, texts: Sequence[str]) -> Prepared:
        if self._step == "prepare" and any(MARK in text for text in texts):
            raise self._error
        return self._scorer.prepare(texts)

    def infer(self, prepared: Prepared) -> Scores:
        found = any((batch.ids == self._marked).any() for batch in prepared.batches)
        if self._everything or (self._step == "infer" and found):
            raise self._error
        return self._scorer.infer(prepared)

    def warm_up(self) -> None:
        self._scorer.warm_up()
