"""The demo's life: start the real parts, play the feed, watch the streams, judge, end.

Owns the order of things and that nothing outlives it. It learns what happened from the streams
and from the receiver only, as any user could.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml
from rich.console import Console

from monitor.app import Daemon
from monitor.children import free_port
from monitor.delivery.webhook import new_secret
from monitor.demo.accounts import Expected, Verdict, is_settled, judge, read_expected
from monitor.demo.life import guarded, quiet, until_signal
from monitor.demo.observed import Observed, Span
from monitor.demo.prometheus import Prometheus, in_a_line, prometheus
from monitor.demo.screen import Screen
from monitor.demo.view import Moment, summary
from monitor.demo.watching import follow
from monitor.embedded import embedded_broker, embedded_settings
from monitor.publish import publish
from monitor.publish_plan import replay_settings
from monitor.receiver import LocalReceiver, receiving
from monitor.rules.file import load_rules, plain_content
from monitor.scoring.news import parse_time
from monitor.settings import ROLES, ScoreSettings, Settings, WatchSettings, load_settings
from monitor.web.server import Address

PLAY_SECONDS = 40.0
SETTLE_SECONDS = 20.0
# The demo's time runs hundreds of times faster than real time, so marks have to come as often
# as they can to keep its clock from moving in leaps.
_MARK_INTERVAL_SECONDS = 0.1
# Within the day that is played, so that there is something to show of it.
_SNAPSHOT_INTERVAL_SECONDS = 10
_RECEIVER = "demo"
_KEPT_SPAN = 3_600_000  # milliseconds that the sparklines cover when it is kept running
_KEPT = """
Still running, live, until Ctrl-C.
  page        {url}/
  metrics     {url}/metrics
  Prometheus  {prometheus}
  webhooks    {webhooks}
  Kafka       {broker} (in memory)
Publish news of your own from another terminal (JSONL or CSV with a title):
  export NEWSURGE_KAFKA__BOOTSTRAP_SERVERS={broker} NEWSURGE_KAFKA__IDEMPOTENCE=false
  newsurge publish FILE --rate 5
  newsurge tail scored
Explain the last alert of the day that was played:
  newsurge explain --latest --prefix {prefix} --rules {rules}
"""


@dataclass(frozen=True)
class Stage:
    """What the demo plays on, and how: broker, receiver, screen, feed, and how long it may take.

    `prometheus` is the one beside it, or why there is none.
    """

    settings: Settings
    receiver: LocalReceiver
    console: Console
    feed: Path
    expected: Expected
    play_seconds: float
    settle_seconds: float
    picture: Path | None
    prometheus: Prometheus | str


@dataclass(frozen=True)
class Running:
    """A daemon at work and what follows it: neither of the tasks may end before the demo does.

    `looked` is set after each look at the streams.
    """

    address: Address
    tasks: tuple[asyncio.Task[None], ...]
    looked: asyncio.Event


async def run_demo(
    rules: Path,
    *,
    keep: bool = False,
    picture: Path | None = None,
    play_seconds: float = PLAY_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
    console: Console | None = None,
) -> int:
    """Play the bundled feed through the whole of newsurge, and say what came of it.

    Args:
        rules: the rules file. Its receivers are not told: no desk should get invented alerts.
        keep: go on afterwards with live streams on the same broker, until cancelled.
        picture: where to save the live view at the surge, as SVG.
        play_seconds: how long the feed's day takes to play.
        settle_seconds: how long to wait, after the play, for what is outstanding.
        console: where to show it; standard output by default.

    Returns:
        The exit code: 0 when every promise was kept, 128 and the signal's number when one ended
        it, else 1.

    Raises:
        NewsurgeError: when a part can't start, or stops before the end; a rules file that can't
            be used among them.
    """

    async def whole() -> int:
        with (
            quiet(),
            resources.as_file(resources.files("monitor.demo") / "feed.jsonl") as feed,
            tempfile.TemporaryDirectory(prefix="newsurge-") as scratch,
        ):
            own_rules = _without_receivers(rules, Path(scratch))
            async with AsyncExitStack() as beside:
                broker = await beside.enter_async_context(embedded_broker())
                receiver = await beside.enter_async_context(receiving(new_secret()))
                settings = _settings(broker, own_rules)
                watching: Prometheus | str = "only where the demo is kept running"
                if keep:
                    target = f"{settings.http.host}:{settings.http.port}"
                    watching = await beside.enter_async_context(prometheus(target, Path(scratch)))
                stage = Stage(
                    settings,
                    receiver,
                    console or Console(),
                    feed,
                    read_expected(resources.files("monitor.demo") / "feed.meta.json"),
                    play_seconds,
                    settle_seconds,
                    picture,
                    watching,
                )
                verdict = await _play(stage)
                stage.console.print(summary(verdict))
                if keep:
                    await _go_on(stage)
        return 0 if verdict.kept else 1

    return await until_signal(whole())


async def _play(stage: Stage) -> Verdict:
    """Play the feed through a daemon of its own, and judge what came of it."""
    expected, receiver = stage.expected, stage.receiver
    span = Span(parse_time(expected.first), parse_time(expected.last))
    speed = (span.last - span.first) / 1000 / stage.play_seconds
    settings = replay_settings(stage.settings, speed)
    seen = Observed(span, settings.watch.negative_threshold)
    stage.console.print(
        f"A fictional trading day in {stage.play_seconds:.0f} s: "
        f"one second is {speed / 60:.0f} minutes."
    )
    async with _running(stage, settings, seen) as running:
        _say(stage.console, f"It can be watched at {running.address.url}/")

        async def course() -> Verdict:
            await publish(settings, stage.feed, speed=speed, on_sent=seen.take_sent)
            await _settled(stage, seen, running.looked)
            return judge(expected, seen, receiver.accepted, receiver.bad_signatures)

        total = expected.items
        screen = Screen(stage.console, seen, lambda: _moment(total, receiver), stage.picture)
        async with screen.showing():
            return await guarded(course(), running.tasks)


async def _go_on(stage: Stage) -> None:
    """Run on with live streams until cancelled, and say how to publish into them."""
    now = time.time_ns() // 1_000_000
    seen = Observed(Span(now, now + _KEPT_SPAN), stage.settings.watch.negative_threshold)
    async with _running(stage, stage.settings, seen) as running:
        broker = stage.settings.kafka.bootstrap_servers
        _say(
            stage.console,
            _KEPT.format(
                url=running.address.url,
                prometheus=await in_a_line(stage.prometheus),
                webhooks=stage.receiver.url,
                broker=broker,
                prefix=replay_settings(stage.settings, 1.0).streams.prefix,
                rules=stage.settings.rules,
            ),
        )
        screen = Screen(stage.console, seen, lambda: _moment(0, stage.receiver), None)
        async with screen.showing():
            await guarded(asyncio.Event().wait(), running.tasks)


@asynccontextmanager
async def _running(stage: Stage, settings: Settings, seen: Observed) -> AsyncIterator[Running]:
    """A daemon with all roles, and `seen` following its streams, for the length of the block."""
    stop, ready, looked = asyncio.Event(), asyncio.Event(), asyncio.Event()
    addresses: list[Address] = []

    def now_ready(address: Address) -> None:
        addresses.append(address)
        ready.set()

    daemon = Daemon(settings, now_ready, [stage.receiver.target(_RECEIVER)])
    tasks = [asyncio.create_task(daemon.run(stop), name="the daemon")]
    try:
        await guarded(ready.wait(), tasks)
        tasks.append(asyncio.create_task(follow(settings, seen, looked), name="the watching"))
        await guarded(looked.wait(), tasks)
        yield Running(addresses[0], tuple(tasks), looked)
        stop.set()
        await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _settled(stage: Stage, seen: Observed, looked: asyncio.Event) -> None:
    """Wait until nothing is outstanding; what is still missing in the end is for the verdict."""
    with suppress(TimeoutError):
        async with asyncio.timeout(stage.settle_seconds):
            while not is_settled(stage.expected, seen, stage.receiver.accepted):
                looked.clear()
                await looked.wait()


def _without_receivers(rules: Path, directory: Path) -> Path:
    """A copy of the rules that tells all alerts to whichever receivers the daemon is given."""
    # Checked before it is copied, so that faults name places in the real file.
    load_rules(rules, WatchSettings().slide_seconds, ScoreSettings().dimensions)
    content = plain_content(rules.read_text(encoding="utf-8"))
    content.pop("receivers", None)
    for rule in content["rules"]:
        rule.pop("receivers", None)
    copy = directory / "alerts.yaml"
    copy.write_text(yaml.safe_dump(content), encoding="utf-8")
    return copy


def _settings(broker: str, rules: Path) -> Settings:
    return load_settings(
        None,
        {
            "kafka": embedded_settings(broker),
            # One port for the played day and for what is live after it: pages and Prometheus stay.
            "http": {"host": "127.0.0.1", "port": free_port()},
            "score": {"mark_interval_seconds": _MARK_INTERVAL_SECONDS},
            "watch": {"snapshot_interval_seconds": _SNAPSHOT_INTERVAL_SECONDS},
            "rules": rules,
            "roles": ROLES,
        },
    )


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _moment(total: int, receiver: LocalReceiver) -> Moment:
    return Moment(time.monotonic(), total, len(receiver.accepted))
