"""The judge that serves now, and the one that takes over when the registry's pointer moves.

Owns the swap: everything that can fail is done beside scoring, and a new judge gets the next
chunk or none. It writes no record, and chooses no bundle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from monitor import metrics
from monitor.errors import BundleError, NewsurgeError
from monitor.metric_zeros import begin_topics
from monitor.model.bundle import NO_TOPIC, check_topics
from monitor.model.judge import Judge, Judgement, load_judge
from monitor.model.poison import Failed
from monitor.model.registry import Sighting, load_version, serving_version, sight
from monitor.records import ModelChange, NewsItem
from monitor.scoring.continuity import RecentNews, Told, model_change
from monitor.scoring.watchlist import Watchlist
from monitor.settings import Settings

log = logging.getLogger(__name__)
_POLL_SECONDS = 1.0
_PIECE = 32  # items that both models judge at once: a chunk waits for no more


@dataclass(frozen=True, slots=True)
class Turn:
    """A judge, and what is to be written before its first record."""

    judge: Judge
    changes: tuple[ModelChange, ...] = ()


class Serving:
    """Who judges the news of one process.

    Args:
        settings: the deployment.
        judge: the one to begin with.
        watchlist: the names that entity series are made of.
        topics: those that rules name; a bundle that lacks one is refused.
    """

    def __init__(
        self, settings: Settings, judge: Judge, watchlist: Watchlist, topics: frozenset[str]
    ) -> None:
        self._settings = settings
        self._judge = judge
        self._topics = topics
        self._recent = RecentNews(watchlist, settings.score.max_entities)
        self._changes: tuple[ModelChange, ...] = ()
        self._unwritten: tuple[ModelChange, ...] = ()

    def follow_rules(self, watchlist: Watchlist, topics: frozenset[str]) -> None:
        """Go on with another watchlist, and with other topics that rules name."""
        self._recent.follow(watchlist)
        self._topics = topics

    def turn(self) -> Turn:
        """Whose turn it is to judge the next chunk; each change of model is told once."""
        turn = Turn(self._judge, self._changes)
        self._unwritten += self._changes
        self._changes = ()
        return turn

    def written(self, turn: Turn) -> None:
        """What a turn had to tell has been written."""
        self._unwritten = tuple(one for one in self._unwritten if one not in turn.changes)

    def begin(self) -> None:
        """Begin to score, perhaps anew: what was not written the last time is to be told again."""
        self._changes = self._unwritten + self._changes
        self._unwritten = ()

    def note(self, items: Sequence[NewsItem]) -> None:
        """Keep in mind what was scored, to compare the next model on it."""
        if self._settings.model.registry is not None:
            self._recent.add(items)

    async def follow(self, preparing: ThreadPoolExecutor, inferring: ThreadPoolExecutor) -> None:
        """Follow the registry's pointer, where there is a registry, without end.

        Args:
            preparing: where judges prepare, one call at a time.
            inferring: where they infer, likewise. Both are shared with scoring, which goes on.
        """
        registry = self._settings.model.registry
        seen: Sighting | None = None
        while registry is not None:
            now = sight(registry)
            if now != seen:
                seen = now
                await self._look(registry, preparing, inferring)
            await asyncio.sleep(_POLL_SECONDS)

    async def _look(
        self, registry: Path, preparing: ThreadPoolExecutor, inferring: ThreadPoolExecutor
    ) -> None:
        """Have the bundle that the pointer names take over, if it is another and it can."""
        version = f"in {registry}"
        try:
            version = serving_version(registry)
            if version == self._judge.version:
                return
            bundle = await asyncio.to_thread(load_version, registry, version)
            check_topics(bundle, self._topics)
            judge = await asyncio.to_thread(load_judge, bundle, self._settings)
            change = await self._compare(judge, preparing, inferring)
            if serving_version(registry) != version:
                return  # it has moved on meanwhile, which the next look sees
            check_topics(bundle, self._topics)  # so may the rules have done
        except NewsurgeError as error:
            self._refuse(version, str(error))
        except Exception:
            log.exception("the model %s can't be loaded", version)
            self._refuse(version, "see the error above; train it or copy it again")
        else:
            self._take_over(judge, change)

    def _refuse(self, version: str, reason: str) -> None:
        metrics.model_swaps_total.labels("refused").inc()
        log.error(
            "the model %s is refused, and %s serves on: %s (it is tried again when the bundle or "
            "the registry's pointer changes)",
            version,
            self._judge.version,
            reason,
        )

    async def _compare(
        self, judge: Judge, preparing: ThreadPoolExecutor, inferring: ThreadPoolExecutor
    ) -> ModelChange | None:
        """What the new judge changes, on recent news; None where there is none to compare on.

        Raises:
            BundleError: when the new one can judge none of what the one that serves can.
        """
        loop = asyncio.get_running_loop()

        async def judged(by: Judge, items: Sequence[NewsItem]) -> list[Judgement | Failed]:
            prepared = await loop.run_in_executor(preparing, by.prepare, items)
            return await loop.run_in_executor(inferring, by.infer, prepared)

        old, recent = self._judge, self._recent.items()
        told: list[Told] = []
        is_any_judged = False
        for begin in range(0, len(recent), _PIECE):
            piece = recent[begin : begin + _PIECE]
            both = await asyncio.gather(judged(old, piece), judged(judge, piece))
            for item, before, after in zip(piece, *both, strict=True):
                is_any_judged |= isinstance(before, Judgement)
                if isinstance(before, Judgement) and isinstance(after, Judgement):
                    told.append(Told(before, after, len(item.entities)))
        if is_any_judged and not told:
            raise BundleError(
                f"it fails on every one of the last {len(recent)} news items; train it again"
            )
        if not told:
            return None
        return model_change(
            told,
            previous=old.version,
            model=judge.version,
            topics={NO_TOPIC, *old.topics} & {NO_TOPIC, *judge.topics},
            negative_threshold=self._settings.watch.negative_threshold,
        )

    def _take_over(self, judge: Judge, change: ModelChange | None) -> None:
        previous, self._judge = self._judge, judge
        if change is not None:
            self._changes += (change,)
        metrics.model_swaps_total.labels("swapped").inc()
        metrics.tell_build(judge.version, judge.runtime)
        begin_topics(judge.topics)
        added = sorted(set(judge.topics) - set(previous.topics))
        gone = sorted(set(previous.topics) - set(judge.topics))
        log.info(
            "the model %s serves now, after %s%s%s; negative news to be expected, new to old: %s",
            judge.version,
            previous.version,
            f"; new topics: {', '.join(added)}" if added else "",
            f"; topics that are gone: {', '.join(gone)}" if gone else "",
            f"{change.all:.2f} (on {change.items} recent items)" if change else "unknown",
        )
