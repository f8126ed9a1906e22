"""One chunk of news records on its way through SCORE: taken up, prepared, judged.

A chunk is prepared and judged by one and the same judge, whose turn it is when the chunk begins.
It reads no stream and writes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.model.judge import Judgement, PreparedItems
from monitor.records import NewsItem
from monitor.scoring.serving import Turn
from monitor.scoring.take_up import RawRecord, TakenUp, judged, take_up


@dataclass(slots=True)
class Chunk:
    """News records, and what is known of them so far."""

    records: Sequence[RawRecord]
    turn: Turn
    taken: list[TakenUp] = field(default_factory=list)
    prepared: PreparedItems | None = None
    judgements: list[Judgement] = field(default_factory=list)

    def prepare(self, now: int, max_bytes: int, oldest: int) -> None:
        """Decode, time and tokenise the records; the arguments are those of `take_up`."""
        self.taken = take_up(self.records, now, max_bytes, oldest)
        self.records = ()
        self.prepared = self.turn.judge.prepare(self.items)

    def infer(self) -> None:
        """Judge what was prepared. Blocks; to be called off the event loop."""
        if self.prepared is not None:
            told = self.turn.judge.infer(self.prepared)
            self.taken, self.judgements = judged(self.taken, told)

    @property
    def items(self) -> list[NewsItem]:
        """The items of the records that are valid, as far as is known."""
        return [one.item for one in self.taken if one.item is not None]
