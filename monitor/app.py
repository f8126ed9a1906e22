"""The daemon's life: settings to roles, run until told to stop or one fails for good, then drain.

Owns which parts a process has and the order in which they start and end; it does none of
their work.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial

from monitor import metrics
from monitor.delivery.receivers import WebhookTarget
from monitor.deployment_files import Deployed, read_files
from monitor.health import Health
from monitor.live.process import ThisProcess
from monitor.live.records import LiveRecord, ProcessView
from monitor.live.telling import Telling
from monitor.live.viewing import Viewing
from monitor.metric_zeros import begin_role, begin_topics
from monitor.model.bundle import NO_TOPIC, Bundle
from monitor.model.judge import Judge, load_judge
from monitor.notify import Notify
from monitor.reloading import Reloading
from monitor.score import Score
from monitor.scoring.serving import Serving
from monitor.settings import PartitionSettings, Settings
from monitor.streams.admin import as_deployed, ensure_streams
from monitor.streams.failures import first_cause
from monitor.supervision import BROKER, Role, Supervisor
from monitor.watch import Watch
from monitor.watch_plan import planned_anew, watch_plan
from monitor.web.access import token_of
from monitor.web.page import Page
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
        self._viewing = Viewing(settings) if settings.http.page else None
        process = ThisProcess(settings.roles, self._health, time.time_ns() // 1_000_000)
        self._telling = Telling(settings, process, self._heard)
        self._address: Address | None = None
        self._asked = asyncio.Event()
        self._score: Score | None = None
        self._watch: Watch | None = None
        self._notify: Notify | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Start, work until `stop` is set, drain.

        Raises:
            NewsurgeError: for whatever the user can mend, in one line.
        """
        for part in ("start", BROKER):
            self._health.expect(part)
        actions = Actions(resume_dead_letter=self._resume if self._plays("score") else None)
        http = self._settings.http
        page = Page(self._viewing, token_of(http)) if self._viewing is not None else None
        async with serving(http, self._health, actions, page) as self._address:
            roles = await self._start()
            _spare_the_collector()
            self._health.ready("start")
            async with self._telling.running():
                await Supervisor(self._settings, self._health, stop).run(roles)

    def reload(self) -> None:
        """Have the rules read again soon, with all that goes with them."""
        self._asked.set()

    async def _start(self) -> dict[str, Role]:
        """Do everything that can fail before any role runs."""
        settings = self._settings
        reading = await asyncio.to_thread(read_files, settings, os.environ)
        found = reading.check()
        try:
            async with asyncio.TaskGroup() as starting:
                streams = starting.create_task(ready_streams(settings))
                loading = starting.create_task(asyncio.to_thread(self._load_judge, found.bundle))
        except BaseExceptionGroup as group:
            raise first_cause(group) from None
        counted, judge = streams.result(), loading.result()
        roles: dict[str, Role] = {}
        if judge is not None:
            serving = Serving(counted, judge, found.watchlist, found.rules.topics)
            begin_topics((*found.bundle.meta.topics, NO_TOPIC))
            roles["score"] = self._score = Score(counted, serving, found.watchlist, self._health)
        if self._plays("watch"):
            plan = watch_plan(counted, found.rules, found.bundle.meta.topics, found.watchlist)
            roles["watch"] = self._watch = Watch(counted, plan, self._health, self._telling.tell)
        if self._plays("notify"):
            receivers = self._receivers + found.receivers
            roles["notify"] = self._notify = Notify(counted, receivers, self._health)
        read = partial(read_files, settings, os.environ)
        roles["reload"] = Reloading(read, self._adopt, reading, self._asked)
        for role in roles:
            begin_role(role)
        return roles

    def _adopt(self, found: Deployed) -> None:
        """Have each role go on by what the files say now. Nothing here can fail."""
        topics = found.bundle.meta.topics
        if self._score is not None:
            self._score.adopt(found.watchlist, found.rules.topics)
        if self._watch is not None:
            plan = self._watch.plan
            self._watch.adopt(
                planned_anew(plan, self._settings, found.rules, topics, found.watchlist)
            )
        if self._notify is not None:
            self._notify.adopt(self._receivers + found.receivers)

    def _load_judge(self, bundle: Bundle) -> Judge | None:
        judge = load_judge(bundle, self._settings) if self._plays("score") else None
        metrics.tell_build(bundle.meta.version, judge.runtime if judge else "none")
        return judge

    def _heard(self, record: LiveRecord) -> None:
        if self._viewing is not None and isinstance(record, ProcessView):
            self._viewing.hear(record)

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
