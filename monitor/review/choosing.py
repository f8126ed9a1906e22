"""Which items are most worth a person's label: uncertain, disputed, or from a source that drifts.

Pure: judged items in, a choice out, each with its reasons. It reads no stream and runs no model.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import msgspec

from monitor.records import NewsItem, Sentiment
from monitor.surge.signature import bands, similarity

Reason = Literal["disputed", "uncertain", "drift"]

_MIN_ITEMS = 50  # of a source in each half of the time, before drift is looked for
_MIN_EXPECTED = 5.0  # of a cell of the test; rarer ones are counted together
_DRIFTS = 4.0  # standard deviations
# Of two texts more alike than this, one label tells most of what two would. Less than what makes
# them one story to WATCH: there a story too few is an error, here it is a click saved.
_ALIKE = 0.5


class View(msgspec.Struct, frozen=True):
    """What one model makes of an item."""

    topic: str
    topic_probability: float
    sentiment: Sentiment


class Candidate(msgspec.Struct, frozen=True):
    """A scored item; `time` (milliseconds) orders it, `shadow` is another model's view of it."""

    item: NewsItem
    time: int
    view: View
    model: str
    signature: bytes
    shadow: View | None = None


class Choice(msgspec.Struct, frozen=True):
    """A candidate and what speaks for it; `worth` (0 to 1) is how uncertain the model is."""

    candidate: Candidate
    reasons: tuple[Reason, ...]
    worth: float


def choose(candidates: Sequence[Candidate], most: int, known: Iterable[bytes] = ()) -> list[Choice]:
    """At most `most` items, the reasons taking turns, each story once.

    Disputed are items of which two models say another topic or another sentiment, the farther
    apart the sooner. Uncertain are all, the more the sooner. The newer ones of drifting sources
    come the sooner the more the source drifts, and then the more uncertain they are.

    Args:
        candidates: judged items.
        most: how many are wanted.
        known: signatures of texts that need no label any more.
    """
    worth = [uncertainty(one.view) for one in candidates]
    drifting, middle = drifts(candidates), _middle(_of_one_model(candidates))
    places = range(len(candidates))
    disputed = sorted(
        (place for place in places if _disputes(candidates[place])),
        key=lambda place: (-_distance(candidates[place]), place),
    )
    drifted = sorted(
        (place for place in places if _drifted(candidates[place], drifting, middle)),
        key=lambda place: (-drifting[candidates[place].item.source or ""], -worth[place], place),
    )
    uncertain = sorted(places, key=lambda place: (-worth[place], place))
    told = _Stories(known)
    chosen: list[Choice] = []
    for place in _in_turn(disputed, uncertain, drifted):
        if len(chosen) == most:
            break
        one = candidates[place]
        if told.adds(one.signature):
            reasons = _reasons(one, drifting, middle)
            chosen.append(Choice(one, reasons, round(worth[place], 4)))
    return chosen


def uncertainty(view: View) -> float:
    """How little a model knows what to say, 0 to 1: the mean over its two heads.

    Of the sentiment, the entropy over its maximum. Of the topic, of which only the most probable
    is known, one minus the least margin that its probability p allows, 2p - 1.
    """
    shares = (view.sentiment.negative, view.sentiment.neutral, view.sentiment.positive)
    entropy = -sum(share * math.log(share) for share in shares if share > 0) / math.log(3)
    return (entropy + min(1.0, 2 * (1 - view.topic_probability))) / 2


def drifts(candidates: Sequence[Candidate]) -> dict[str, float]:
    """The sources of which newer news is judged otherwise than older, and by how much.

    The candidates that one model judged are halved by time: another model that came to serve would
    make every source look as if it drifted. For each source, the G-test of whether both halves have
    the same shares of (topic, sentiment), as standard deviations above what chance brings:
    (G - df) / sqrt(2 df). (Sokal & Rohlf, Biometry, 1995, section 17.4.)
    """
    candidates = _of_one_model(candidates)
    middle = _middle(candidates)
    halves: dict[str, tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]] = defaultdict(
        lambda: (Counter(), Counter())
    )
    for one in candidates:
        if one.item.source:
            halves[one.item.source][one.time >= middle][one.view.topic, _tone(one.view)] += 1
    found = {source: _deviations(*pair) for source, pair in halves.items()}
    return {source: by for source, by in found.items() if by >= _DRIFTS}


def _of_one_model(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those judged by the model that judged the most of the newer half."""
    middle = _middle(candidates)
    models = Counter(one.model for one in candidates if one.time >= middle)
    most = max(models, key=models.__getitem__, default="")
    return [one for one in candidates if one.model == most]


def _deviations(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> float:
    before, after = old.total(), new.total()
    if min(before, after) < _MIN_ITEMS:
        return 0.0
    pooled: Counter[tuple[str, str]] = Counter()
    later: Counter[tuple[str, str]] = Counter()
    least = min(before, after) / (before + after)
    for cell in old.keys() | new.keys():
        count = old[cell] + new[cell]
        name = cell if count * least >= _MIN_EXPECTED else ("", "")
        pooled[name] += old[cell]
        later[name] += new[cell]
    freedom = len(pooled) - 1
    if freedom == 0:
        return 0.0
    statistic = 0.0
    for name in pooled:
        both = pooled[name] + later[name]
        for seen, half in ((pooled[name], before), (later[name], after)):
            if seen:
                statistic += 2 * seen * math.log(seen * (before + after) / (both * half))
    return (statistic - freedom) / math.sqrt(2 * freedom)


class _Stories:
    """The stories that were chosen, or are known: near-duplicates are found by their bands."""

    def __init__(self, known: Iterable[bytes]) -> None:
        self._by_band: dict[tuple[int, int], list[bytes]] = defaultdict(list)
        for signature in known:
            self._put(signature)

    def adds(self, signature: bytes) -> bool:
        """Whether it tells a story that was not told; it is told from then on."""
        near = itertools.chain.from_iterable(
            self._by_band.get(band, ()) for band in enumerate(bands(signature))
        )
        if any(similarity(signature, one) >= _ALIKE for one in near):
            return False
        self._put(signature)
        return True

    def _put(self, signature: bytes) -> None:
        for band in enumerate(bands(signature)):
            self._by_band[band].append(signature)


def _in_turn(*ranked: Sequence[int]) -> Iterable[int]:
    """Places from each ranking in turn, none twice."""
    seen: set[int] = set()
    for row in itertools.zip_longest(*ranked):
        for place in row:
            if place is not None and place not in seen:
                seen.add(place)
                yield place


def _reasons(one: Candidate, drifting: Collection[str], middle: int) -> tuple[Reason, ...]:
    found: list[Reason] = ["disputed"] if _disputes(one) else []
    if _drifted(one, drifting, middle):
        found.append("drift")
    return (*found, "uncertain")


def _drifted(one: Candidate, drifting: Collection[str], middle: int) -> bool:
    return one.time >= middle and (one.item.source or "") in drifting


def _middle(candidates: Sequence[Candidate]) -> int:
    times = sorted(one.time for one in candidates)
    return times[len(times) // 2] if times else 0


def _disputes(one: Candidate) -> bool:
    if one.shadow is None:
        return False
    return one.shadow.topic != one.view.topic or _tone(one.shadow) != _tone(one.view)


def _distance(one: Candidate) -> float:
    """How far apart two views are: total variation of the sentiments, and 1 for another topic."""
    if one.shadow is None:
        return 0.0
    ours, other = one.view.sentiment, one.shadow.sentiment
    moved = (
        abs(ours.negative - other.negative)
        + abs(ours.neutral - other.neutral)
        + abs(ours.positive - other.positive)
    )
    return moved / 2 + (one.shadow.topic != one.view.topic)


def _tone(view: View) -> str:
    shares: dict[str, float] = msgspec.structs.asdict(view.sentiment)
    return max(shares, key=shares.__getitem__)
