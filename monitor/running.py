"""Running the daemon for a person: what it says when it is ready, and a broker of its own.

Owns these words only; the daemon's life is in `monitor.app`.
"""

from __future__ import annotations

import asyncio
import os

import click

from monitor.app import Daemon
from monitor.embedded import embedded_broker, embedded_settings
from monitor.options import on_hangup
from monitor.settings import KafkaSettings, Settings
from monitor.streams.spec import stream_name
from monitor.web.server import Address


async def run_daemon(settings: Settings, stop: asyncio.Event, hint: str = "") -> None:
    """Run the daemon until `stop` is set; says when it is ready, with a hint of what to do then.

    A SIGHUP has it read its rules again.

    Raises:
        NewsurgeError: for whatever the user can mend, in one line.
    """
    told = False

    def ready(address: Address) -> None:
        nonlocal told
        if not told:
            page = f"the live page at {address.url}/, " if settings.http.page else ""
            click.echo(
                f"newsurge is ready: roles {', '.join(settings.roles)}, reading "
                f"{stream_name(settings, 'news')} at {settings.kafka.bootstrap_servers}, "
                f"{page}metrics at {address.url}/metrics{hint}",
                err=True,
            )
        told = True

    daemon = Daemon(settings, ready)
    with on_hangup(daemon.reload):
        await daemon.run(stop)


async def run_embedded(settings: Settings, stop: asyncio.Event) -> None:
    """Run the daemon on a broker of its own, in memory, and say how to publish to it.

    Raises:
        NewsurgeError: for whatever the user can mend, in one line.
    """
    speed = settings.score.replay_speed
    how = "--rate 5" if speed is None else f"--speed {speed:g}"
    async with embedded_broker(_end_without_broker) as address:
        kafka = KafkaSettings(**embedded_settings(address))
        hint = (
            "\nThe broker keeps everything in memory only. In another terminal:\n"
            f"  export NEWSURGE_KAFKA__BOOTSTRAP_SERVERS={address} "
            "NEWSURGE_KAFKA__IDEMPOTENCE=false "
            f"NEWSURGE_STREAMS__PREFIX={settings.streams.prefix}\n"
            f"  newsurge publish FILE.jsonl {how}\n"
            "  newsurge tail alerts"
        )
        await run_daemon(settings.model_copy(update={"kafka": kafka}), stop, hint)


def _end_without_broker() -> None:
    """End the process at once: the streams are gone, so there is nothing to drain into."""
    click.echo(
        "newsurge: the embedded broker died, and the streams with it; start again, or use a "
        "Kafka cluster (--bootstrap-servers)",
        err=True,
    )
    os._exit(1)
