"""The daemon's life: settings to roles, run until told to stop or one fails for good, then drain.

Owns which parts a process has and the order in which they start and end; it does none of
their work.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Sequence

from monitor import metrics
from monitor.delivery.receivers import WebhookTarget, resolve
from monitor.health import Health
from monitor.model.bundle import Bundle, check_topics
from monitor.model.judge import Judge, load_judge
from monitor.model.registry import serving_bundle
from monitor.notify import Notify
from monitor.rules_file import RuleFile, load_rules
from monitor.score import Score
from monitor.scoring.serving import Serving
from monitor.scoring.watchlist import load_watchlist
from monitor.settings import PartitionSettings, Settings
from monitor.streams.admin import as_deployed, ensure_streams
from monitor.streams.failures import first_cause
from monitor.supervision import BROKER, Role, Supervisor
from monitor.watch import Watch
from monitor.watch_plan import watch_plan
from monitor.web.server import Actions, Address, serving

log = logging.getLogger(__name__)


class Daemon:
    """One process of newsurge.

    Args:
        settings: the deployment.
        ready: called each time all parts have become ready, with the HTTP address.
        receivers: receivers beside those that the rules file names.
    """

    def __init__(
        self,
        settings: Settings,
        ready: Callable[[Address], None] = lambda _: None,
        receivers: Sequence[WebhookTarget] = (),
    ) -> None:
        self._settings = settings
        self._ready = ready
        self._receivers = tuple(receivers)
        self._health = Health(self._health_changed)
        self._address: Address | None = None
        self._score: Score | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Start, work until `stop` is set, drain.

        Raises:
            NewsurgeError: for whatever the user can mend, in one line.
        """
        for part in ("start", BROKER):
            self._health.expect(part)
        actions = Actions(resume_dead_letter=self._resume if self._plays("score") else None)
        async with serving(self._settings.http, self._health, actions) as self._address:
            roles = await self._start()
            _spare_the_collector()
            self._health.ready("start")
            await Supervisor(self._settings, self._health, stop).run(roles)

    async def _start(self) -> dict[str, Role]:
        """Do everything that can fail before any role runs."""
        settings = self._settings
        watchlist = load_watchlist(settings.score.watchlist)
        rules = load_rules(
            settings.rules,
            settings.watch.slide_seconds,
            settings.score.dimensions,
            watchlist.keys,
            watchlist.groups,
        )
        receivers = self._receivers + self._resolve(rules)
        bundle = await asyncio.to_thread(serving_bundle, settings.model)
        check_topics(bundle, rules.topics)
        try:
            async with asyncio.TaskGroup() as starting:
                streams = starting.create_task(ready_streams(settings))
                loading = starting.create_task(asyncio.to_thread(self._load_judge, bundle))
        except BaseExceptionGroup as group:
            raise first_cause(group) from None
        settings, judge = streams.result(), loading.result()
        roles: dict[str, Role] = {}
        if judge is not None:
            serving = Serving(settings, judge, watchlist, rules.topics)
            self._score = Score(settings, serving, watchlist, self._health)
            roles["score"] = self._score
        if self._plays("watch"):
            plan = watch_plan(settings, rules, bundle.meta.topics, watchlist)
            roles["watch"] = Watch(settings, plan, self._health)
        if self._plays("notify"):
            roles["notify"] = Notify(settings, receivers, self._health)
        return roles

    def _load_judge(self, bundle: Bundle) -> Judge | None:
        judge = load_judge(bundle, self._settings) if self._plays("score") else None
        metrics.tell_build(bundle.meta.version, judge.runtime if judge else "none")
        return judge

    def _resolve(self, rules: RuleFile) -> tuple[WebhookTarget, ...]:
        if not self._plays("notify"):
            return ()
        base = self._settings.rules.parent
        return tuple(resolve(receiver, os.environ, base) for receiver in rules.receivers)

    def _plays(self, role: str) -> bool:
        return role in self._settings.roles

    def _resume(self) -> bool:
        return self._score is not None and self._score.resume()

    def _health_changed(self) -> None:
        if self._health.is_ready and self._address is not None:
            self._ready(self._address)


def _spare_the_collector() -> None:
    """Have the garbage collector look less often, and not at what is there for good.

    Records, stories and panes live long and are in no cycles: it would walk over all of them for
    nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


async def ready_streams(settings: Settings) -> Settings:
    """See to it that the streams are there; the settings with their partitions as they are.

    Raises:
        StreamError: when they are not, and can't be made to be.
    """
    for name in await ensure_streams(settings):
        log.info("created the stream %s", name)
    counted = await as_deployed(settings)
    asked, actual = settings.streams.partitions, counted.streams.partitions
    if asked != actual and asked != PartitionSettings():
        log.warning("streams.partitions asks for %s, but the streams have %s", asked, actual)
    return counted
