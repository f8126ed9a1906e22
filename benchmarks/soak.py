"""A soak: a whole deployment under a steady load while it is killed, frozen and cut off.

`python -m benchmarks.soak --minutes 60 --write` needs Java and Maven for a Kafka of its own, which
it restarts too. It reports the slopes of memory and file descriptors, and accounts for everything
at the end: exit code 1 where something is lost, repeated or told wrongly.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benchmarks.own_kafka import OwnKafka
from benchmarks.soaking.load import Load
from benchmarks.soaking.processes import Deployment
from benchmarks.soaking.report import Outcome, markdown
from monitor.audit.auditing import Audit, audit
from monitor.model.bundle import STARTER
from monitor.receiver import Delivery, LocalReceiver, receiving
from monitor.settings import Settings, load_settings
from monitor.streams.admin import as_deployed, ensure_streams
from monitor.watch_plan import deployed_plan

ROOT = Path(__file__).resolve().parent.parent
SECRET = "whsec_" + base64.b64encode(os.urandom(32)).decode()
RULES = """\
receivers:
  - name: desk
    webhook: {{url: "{url}", secret_file: secret}}
rules:
  - {{alert: Wave, type: threshold, by: topic, window: 1m, when: negative_share >= 0.5,
      min_support: 8}}
  - {{alert: Everything, type: threshold, by: all, window: 2m, when: negative_count >= 300,
      counting: raw, keep_firing_for: 20s}}
  - {{alert: Surge, type: surge, by: topic, factor: 2, false_alarms: 1 per 1h, window: 10m,
      max_episode: 10m, min_support: 5}}
"""
_LOOK_SECONDS = 5.0
_FROZEN_SECONDS = 15.0
_RECEIVER_DOWN_SECONDS = 20.0
_PATIENCE_SECONDS = 300.0
log = logging.getLogger("soak")


class Faults:
    """What is done to the deployment, in turn; `done` counts it."""

    def __init__(self, deployment: Deployment, broker: OwnKafka, receiver: Receiver) -> None:
        self.done: Counter[str] = Counter()
        score, watch, notify = (each for each in deployment.members if not each.spared)
        hurt: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("SCORE killed", lambda: deployment.kill(score)),
            ("WATCH killed", lambda: deployment.kill(watch)),
            ("NOTIFY killed", lambda: deployment.kill(notify)),
            ("WATCH frozen beyond its session", lambda: deployment.freeze(watch, _FROZEN_SECONDS)),
            ("receiver refuses", receiver.refuse),
            ("SCORE frozen beyond its session", lambda: deployment.freeze(score, _FROZEN_SECONDS)),
            ("WATCH killed", lambda: deployment.kill(watch)),
            ("broker restarted", broker.restart),
        ]
        self._next = itertools.cycle(hurt)

    async def run(self, every_seconds: float, rng: random.Random) -> None:
        """Do one fault after another until cancelled."""
        while True:
            await asyncio.sleep(every_seconds * rng.uniform(0.6, 1.4))
            name, fault = next(self._next)
            log.info("%s", name)
            await fault()
            self.done[name] += 1


class Receiver:
    """Answers webhooks, or refuses them for a while."""

    def __init__(self) -> None:
        self._refusing = False

    async def respond(self, _: Delivery) -> int:
        """The status of an answer."""
        return 503 if self._refusing else 204

    async def refuse(self) -> None:
        """Refuse for a while."""
        self._refusing = True
        await asyncio.sleep(_RECEIVER_DOWN_SECONDS)
        self._refusing = False


def configure(directory: Path, address: str, url: str) -> Settings:
    """Write settings and rules for the processes, and read them back as they do."""
    content = {
        "kafka": {"bootstrap_servers": address, "session_timeout_seconds": 6},
        "model": {"bundle": str(STARTER), "threads": 1},
        "streams": {"prefix": "soak."},
        "rules": str(directory / "alerts.yaml"),
        # Short enough that what is kept for a while is full before the slopes are measured.
        "watch": {
            "slide_seconds": 5,
            "allowed_lateness_seconds": 15,
            "duplicate_horizon_hours": 0.1,
            "snapshot_interval_seconds": 20,
            "idle_timeout_seconds": 30,
        },
        "log_level": "info",
    }
    (directory / "settings.yaml").write_text(yaml.safe_dump(content))
    (directory / "alerts.yaml").write_text(RULES.format(url=url))
    (directory / "secret").write_text(SECRET)
    return load_settings(directory / "settings.yaml")


async def settled(settings: Settings, receiver: LocalReceiver) -> Audit:
    """The audit, once nothing is under way any more, or when patience has ended."""
    settings = await as_deployed(settings)
    plan = deployed_plan(settings)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        found = await audit(settings, plan)
        received = {_alert_id(each) for each in receiver.accepted}
        done = not found.faults and not found.news.pending and found.alerts.ids <= received
        if done or time.monotonic() > deadline:
            return found
        await asyncio.sleep(_LOOK_SECONDS)


async def soak(options: argparse.Namespace, directory: Path) -> Outcome:
    """Run the soak."""
    broker, answers = OwnKafka(directory / "kafka"), Receiver()
    rng = random.Random(options.seed)
    began = datetime.now(UTC)
    async with receiving(SECRET, answers.respond) as receiver:
        settings = configure(directory, await broker.start(), receiver.url)
        try:
            await ensure_streams(settings)
            deployment, load = Deployment(directory), Load(settings, options.rate, options.seed)
            for member in deployment.members:
                await deployment.start(member)
            faults = Faults(deployment, broker, answers)
            publishing = asyncio.create_task(load.run())
            hurting = asyncio.create_task(faults.run(options.fault_every, rng))
            end = time.monotonic() + options.minutes * 60
            while time.monotonic() < end and not hurting.done() and not publishing.done():
                await deployment.look()
                await asyncio.sleep(_LOOK_SECONDS)
            await _cancelled(publishing, hurting)
            found = await settled(settings, receiver)
            await deployment.stop()
        finally:
            await broker.stop()
    bodies: dict[str, set[bytes]] = {}
    for request in receiver.requests:
        bodies.setdefault(request.id, set()).add(request.body)
    return Outcome(
        began=f"{began:%Y-%m-%d}",
        minutes=options.minutes,
        warm_minutes=min(10.0, options.minutes / 3),
        rate=options.rate,
        sent=load.sent,
        outages=load.outages,
        faults=faults.done,
        members=deployment.members,
        log_lines=deployment.log_lines(),
        audit=found,
        alerts=found.alerts.ids,
        requests=Counter(_alert_id(each) for each in receiver.accepted),
        changed_bodies={each for each, seen in bodies.items() if len(seen) > 1},
    )


def _alert_id(delivery: Delivery) -> str:
    identity: str = delivery.payload["data"]["id"]
    return identity


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    """End the tasks; what one failed of goes on."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


def main() -> int:
    """Run it, print the report, and tell whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=50, help="items a second")
    parser.add_argument("--fault-every", type=float, default=45, help="seconds, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, help="where logs are kept; else they are not")
    parser.add_argument("--write", action="store_true", help="keep the report in docs/SOAK.md")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as own:
        directory: Path = options.directory or Path(own)
        directory.mkdir(parents=True, exist_ok=True)
        outcome = asyncio.run(soak(options, directory))
    text = "\n".join(line.rstrip() for line in markdown(outcome).splitlines())
    print(text)
    if options.write:
        (ROOT / "docs" / "SOAK.md").write_text(text + "\n")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
